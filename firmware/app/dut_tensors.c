/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "app.h"
#include "pal/arithmetic.h"

#define CHUNK 256u

static const struct dut_task tasks[] = {
    {.label = "ad01", .is_float = 1, .is_error = 1},
    {.label = "ic01", .scale = 1.0f},
    {.label = "kws01", .is_signed = 1, .zero = 83.0f, .scale = 0.5847029f}, /* the reference model's input quantization */
    {.label = "vww01", .scale = 1.0f / 255.0f},
};

const struct dut_task *dut_find_task(const char *label)
{
    for (unsigned i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strncmp(tasks[i].label, label, DUT_LABEL) == 0)
            return &tasks[i];
    return NULL;
}

/* The only tensor of a region, of codes. Returns whether there is just one. */
static int only_tensor(const struct pal_model *model, unsigned region, struct pal_file_tensor *out)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        struct pal_file_tensor tensor;
        pal_model_tensor(model, i, &tensor);
        if (tensor.region == region) {
            *out = tensor;
            found++;
        }
    }
    return found == 1 && !(out->flags & 2u);
}

/* Where the element at `place` in memory is in ONNX's order. */
static uint32_t logical(const struct pal_file_tensor *tensor, uint32_t place)
{
    uint32_t index[PAL_FILE_MAX_RANK], result = 0;
    for (unsigned k = tensor->rank; k-- > 0;) {
        uint32_t extent = tensor->shape[tensor->order[k]];
        index[tensor->order[k]] = place % extent;
        place /= extent;
    }
    for (unsigned axis = 0; axis < tensor->rank; axis++)
        result = result * tensor->shape[axis] + index[axis];
    return result;
}

/* Number `i` of what the runner sent. */
static float value(const struct dut_task *task, const uint8_t *raw, uint32_t i)
{
    float number;
    if (task->is_float) {
        memcpy(&number, raw + (size_t)i * sizeof number, sizeof number);
        return number;
    }
    number = task->is_signed ? (float)(int8_t)raw[i] : (float)raw[i];
    return (number - task->zero) * task->scale;
}

uint32_t dut_input_size(const struct dut_task *task, const struct pal_model *model)
{
    struct pal_file_tensor input, output;
    if (!only_tensor(model, PAL_REGION_INPUT, &input) || !only_tensor(model, PAL_REGION_OUTPUT, &output) ||
        (task->is_error && input.size != output.size) || input.size > UINT32_MAX / sizeof(float))
        return 0;
    return task->is_float ? input.size * (uint32_t)sizeof(float) : input.size;
}

int dut_load_input(struct session *session, const struct dut_task *task, const uint8_t *raw)
{
    struct pal_file_tensor input;
    int err = only_tensor(&session->model, PAL_REGION_INPUT, &input) ? PAL_OK : PAL_ERR_FORMAT;
    for (uint32_t done = 0, part; !err && done < input.size; done += part) {
        float values[CHUNK];
        uint8_t codes[CHUNK];
        part = input.size - done < CHUNK ? input.size - done : CHUNK;
        for (uint32_t i = 0; i < part; i++)
            values[i] = value(task, raw, logical(&input, done + i));
        err = pal_encode(values, part, input.bias, codes);
        if (!err)
            err = pal_session_set_input(&session->session, input.offset + done, codes, part);
    }
    return err;
}

int dut_read_results(struct session *session, const struct dut_task *task, const uint8_t *raw, float *results,
                     uint32_t limit, uint32_t *count)
{
    struct pal_file_tensor output;
    float sum = 0;
    if (!only_tensor(&session->model, PAL_REGION_OUTPUT, &output) || (!task->is_error && output.size > limit))
        return PAL_ERR_FORMAT;
    int err = PAL_OK;
    for (uint32_t done = 0, part; !err && done < output.size; done += part) {
        float values[CHUNK];
        uint8_t codes[CHUNK];
        part = output.size - done < CHUNK ? output.size - done : CHUNK;
        err = pal_session_read(&session->session, PAL_REGION_OUTPUT, output.offset + done, codes, part);
        if (!err)
            pal_decode(codes, part, output.bias, values);
        for (uint32_t i = 0; !err && i < part; i++) {
            uint32_t at = logical(&output, done + i);
            if (task->is_error) {
                float difference = values[i] - value(task, raw, at);
                sum += difference * difference;
            } else {
                results[at] = values[i];
            }
        }
    }
    *count = task->is_error ? 1 : output.size;
    if (task->is_error)
        results[0] = sum / (float)output.size;
    return err;
}
