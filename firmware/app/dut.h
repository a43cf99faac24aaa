/* SPDX-License-Identifier: Apache-2.0 */
/* The serial protocol of MLPerf Tiny's benchmark runner, in plain text between the link's frames: docs/mlperf.md. */
#ifndef DUT_H
#define DUT_H

#include <stdint.h>

#include "pal/model.h"
#include "pal/spec/link.h"

#define DUT_COMMAND_MAX 96u /* characters; the runner's are shorter than 80 */
#define DUT_RECEIVED 512u   /* characters that may wait; a power of two */
#define DUT_LABEL sizeof((struct pal_link_model *)0)->label

struct app;
struct session;

/* What the runner sends for one benchmark, and what is made of it. */
struct dut_task {
    const char *label;
    uint8_t is_float;    /* float32 as they are, else bytes: value = (byte - zero) * scale */
    uint8_t is_signed;
    uint8_t is_error;    /* the result is the mean squared difference of output and input, else the output */
    float zero, scale;
};

struct dut {
    char received[DUT_RECEIVED];
    uint32_t head, tail;
    char command[DUT_COMMAND_MAX + 1];
    uint32_t size;            /* of it; above DUT_COMMAND_MAX: too long */
    char label[DUT_LABEL];    /* asked for; "": the first model that has one */
    const struct dut_task *task;
    struct session *session;  /* with the model of `task`; NULL: to be opened */
    struct session *buffer;   /* memory for the input as it is sent, NULL: none */
    uint32_t expected, loaded;
};

/* Text came in. */
void dut_text(void *ctx, const uint8_t *data, uint32_t size);
/* Obey the commands that are complete; whether there were any. */
int dut_poll(struct app *app);
/* Give its memory and its model back. */
void dut_close(struct app *app);

/* dut_tensors.c: between the runner's numbers and codes. */
const struct dut_task *dut_find_task(const char *label);
/* Bytes that the runner sends for the model's input; 0 if the model does not fit the task. */
uint32_t dut_input_size(const struct dut_task *task, const struct pal_model *model);
/* Encode them into the INPUT region. */
int dut_load_input(struct session *session, const struct dut_task *task, const uint8_t *raw) PAL_MUST_CHECK;
/* Decode the results, at most `limit`: `*count` are stored. */
int dut_read_results(struct session *session, const struct dut_task *task, const uint8_t *raw, float *results,
                     uint32_t limit, uint32_t *count) PAL_MUST_CHECK;

#endif /* DUT_H */
