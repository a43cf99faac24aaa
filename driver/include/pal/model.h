/* SPDX-License-Identifier: Apache-2.0 */
/* A model.pal in memory, used in place: nothing is copied, the bytes must outlive the view. */
#ifndef PAL_MODEL_H
#define PAL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "pal/crc32.h"
#include "pal/spec/commands.h"
#include "pal/spec/container.h"
#include "pal/status.h"

struct pal_span {
    const uint8_t *data;
    size_t size;
};

/* Read only. */
struct pal_model {
    struct pal_file_header header;
    struct pal_span tensors, commands, constants, strings, layers, kat;
    uint32_t constants_encoding; /* PAL_ENCODING_PLAIN, or SEGMENTS: then `constants` decodes with pal_coding */
    uint32_t constants_size;     /* decoded: bytes of the MODEL region */
    uint32_t tensor_count, command_count, layer_count;
};

/* Check everything and fill `model`; on failure `model` is unspecified. Total: any bytes are safe. */
int pal_model_open(struct pal_model *model, const void *data, size_t size) PAL_MUST_CHECK;

/* Record `index`; the index must be below the model's count. */
void pal_model_tensor(const struct pal_model *model, uint32_t index, struct pal_file_tensor *out);
void pal_model_command(const struct pal_model *model, uint32_t index, struct pal_command *out);
void pal_model_layer(const struct pal_model *model, uint32_t index, struct pal_file_layer *out);

/* A string of the model by its offset; "" if the offset is out of range. */
const char *pal_model_string(const struct pal_model *model, uint32_t offset);

/* What the engine and the parser both check of one command: PAL_ENGINE_NONE, or the error. `size` holds the
 * bytes of each region. CPU commands are checked too. */
unsigned pal_command_check(const struct pal_command *command, const uint32_t size[5]);

/* Next state of the known-answer generator; the byte is state >> 24. */
uint32_t pal_kat_next(uint32_t state);

#endif /* PAL_MODEL_H */
