/* SPDX-License-Identifier: Apache-2.0 */
#include "pal/model.h"

#include <string.h>

#include "pal/spec/registers.h"

uint32_t pal_kat_next(uint32_t state)
{
    state ^= state << 13;
    state ^= state >> 17;
    return state ^ state << 5;
}

void pal_model_tensor(const struct pal_model *model, uint32_t index, struct pal_file_tensor *out)
{
    pal_file_tensor_load(out, model->tensors.data + (size_t)index * PAL_FILE_TENSOR_SIZE);
}

void pal_model_command(const struct pal_model *model, uint32_t index, struct pal_command *out)
{
    pal_command_load(out, model->commands.data + (size_t)index * PAL_COMMAND_SIZE);
}

void pal_model_layer(const struct pal_model *model, uint32_t index, struct pal_file_layer *out)
{
    pal_file_layer_load(out, model->layers.data + (size_t)index * PAL_FILE_LAYER_SIZE);
}

const char *pal_model_string(const struct pal_model *model, uint32_t offset)
{
    return offset < model->strings.size ? (const char *)model->strings.data + offset : "";
}

static int check_header(struct pal_model *model, const uint8_t *data, size_t size)
{
    static const uint8_t magic[8] = PAL_FILE_MAGIC;
    if (size == 0) /* then `data` may be NULL */
        return PAL_ERR_TRUNCATED;
    if (memcmp(data, magic, size < sizeof magic ? size : sizeof magic) != 0)
        return PAL_ERR_MAGIC;
    if (size < PAL_FILE_HEADER_SIZE)
        return PAL_ERR_TRUNCATED;
    pal_file_header_load(&model->header, data);
    const struct pal_file_header *h = &model->header;
    if (h->version_major > PAL_FILE_VERSION_MAJOR)
        return PAL_ERR_VERSION;
    if (h->section_count == 0 || h->section_count > PAL_FILE_MAX_SECTIONS)
        return PAL_ERR_FORMAT;
    size_t table = (size_t)h->section_count * PAL_FILE_SECTION_SIZE;
    if (size - PAL_FILE_HEADER_SIZE < table)
        return PAL_ERR_TRUNCATED;
    static const uint8_t zero[4];
    uint32_t crc = pal_crc32(0, data, PAL_FILE_HEADER_SIZE - 4);
    crc = pal_crc32(pal_crc32(crc, zero, 4), data + PAL_FILE_HEADER_SIZE, table);
    if (crc != h->crc)
        return PAL_ERR_CRC;
    if (size < h->file_size)
        return PAL_ERR_TRUNCATED;
    return size > h->file_size || h->reserved ? PAL_ERR_FORMAT : PAL_OK;
}

static int take_section(struct pal_model *model, const uint8_t *data, const struct pal_file_section *s)
{
    struct pal_span *span = NULL;
    switch (s->type) {
    case PAL_SECTION_TENSORS: span = &model->tensors; break;
    case PAL_SECTION_COMMANDS: span = &model->commands; break;
    case PAL_SECTION_CONSTANTS: span = &model->constants; break;
    case PAL_SECTION_STRINGS: span = &model->strings; break;
    case PAL_SECTION_LAYERS: span = &model->layers; break;
    case PAL_SECTION_KAT: span = &model->kat; break;
    default: break; /* for the host */
    }
    if (s->offset % PAL_FILE_ALIGN || s->offset > model->header.file_size ||
        s->size > model->header.file_size - s->offset)
        return PAL_ERR_FORMAT;
    if (pal_crc32(0, data + s->offset, s->size) != s->crc)
        return PAL_ERR_CRC;
    if (!span)
        return PAL_OK;
    int coded = s->type == PAL_SECTION_CONSTANTS && s->encoding == PAL_ENCODING_SEGMENTS;
    if (span->data || (!coded && (s->encoding != PAL_ENCODING_PLAIN || s->decoded_size != s->size)))
        return PAL_ERR_FORMAT;
    if (s->type == PAL_SECTION_CONSTANTS) {
        model->constants_encoding = s->encoding;
        model->constants_size = s->decoded_size;
    }
    *span = (struct pal_span){data + s->offset, s->size};
    return PAL_OK;
}

static int count_records(const struct pal_span *span, size_t record, uint32_t limit, uint32_t *count)
{
    if (!span->data || span->size % record)
        return PAL_ERR_FORMAT;
    *count = (uint32_t)(span->size / record);
    return *count > limit ? PAL_ERR_LIMIT : PAL_OK;
}

#define PAL_TENSOR_INDICES 2u /* flags bit 1 */

static int check_tensors(const struct pal_model *model)
{
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        struct pal_file_tensor t;
        pal_model_tensor(model, i, &t);
        uint32_t limit = t.region == PAL_REGION_INPUT    ? model->header.input_size
                         : t.region == PAL_REGION_OUTPUT ? model->header.output_size
                                                         : 0;
        if (t.rank > PAL_FILE_MAX_RANK || t.offset > limit || t.size > limit - t.offset || t.size == 0 ||
            t.name >= model->strings.size)
            return PAL_ERR_FORMAT;
        uint64_t elements = t.flags & PAL_TENSOR_INDICES ? 4 : 1;
        unsigned seen = 0;
        for (unsigned axis = 0; axis < t.rank; axis++) {
            elements *= t.shape[axis];
            if (elements > t.size || t.order[axis] >= t.rank)
                return PAL_ERR_FORMAT;
            seen |= 1u << t.order[axis];
        }
        if (elements != t.size || seen != (1u << t.rank) - 1u)
            return PAL_ERR_FORMAT;
    }
    return PAL_OK;
}

static int check_commands(const struct pal_model *model)
{
    const uint32_t size[PAL_REGION_COUNT] = {
        [PAL_REGION_MODEL] = model->constants_size, [PAL_REGION_ARENA] = model->header.arena_size,
        [PAL_REGION_INPUT] = model->header.input_size,        [PAL_REGION_OUTPUT] = model->header.output_size,
        [PAL_REGION_SRAM] = model->header.sram_size};
    for (uint32_t i = 0; i < model->command_count; i++) {
        struct pal_command c;
        pal_model_command(model, i, &c);
        if (c.layer >= model->layer_count || pal_command_check(&c, size) != PAL_ENGINE_NONE)
            return PAL_ERR_FORMAT;
    }
    return PAL_OK;
}

static int check_layers(const struct pal_model *model)
{
    for (uint32_t i = 0; i < model->layer_count; i++) {
        struct pal_file_layer layer;
        pal_model_layer(model, i, &layer);
        if (layer.name >= model->strings.size || layer.op >= model->strings.size ||
            (uint32_t)layer.first_command + layer.command_count > model->command_count)
            return PAL_ERR_FORMAT;
    }
    return PAL_OK;
}

static int check_kat(const struct pal_model *model)
{
    if (!model->kat.data)
        return PAL_OK;
    struct pal_file_kat kat;
    if (model->kat.size < PAL_FILE_KAT_SIZE)
        return PAL_ERR_FORMAT;
    pal_file_kat_load(&kat, model->kat.data);
    return kat.seed == 0 || kat.output_size != model->header.output_size ||
                   model->kat.size - PAL_FILE_KAT_SIZE != kat.output_size
               ? PAL_ERR_FORMAT
               : PAL_OK;
}

int pal_model_open(struct pal_model *model, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    *model = (struct pal_model){0};
    int err = check_header(model, bytes, size);
    for (uint32_t i = 0; !err && i < model->header.section_count; i++) {
        struct pal_file_section section;
        pal_file_section_load(&section, bytes + PAL_FILE_HEADER_SIZE + (size_t)i * PAL_FILE_SECTION_SIZE);
        err = take_section(model, bytes, &section);
    }
    if (err)
        return err;
    if (!model->constants.data || !model->strings.size || model->strings.data[model->strings.size - 1] != 0)
        return PAL_ERR_FORMAT;
    if ((err = count_records(&model->tensors, PAL_FILE_TENSOR_SIZE, PAL_FILE_MAX_TENSORS, &model->tensor_count)) ||
        (err = count_records(&model->commands, PAL_COMMAND_SIZE, PAL_FILE_MAX_COMMANDS, &model->command_count)) ||
        (err = count_records(&model->layers, PAL_FILE_LAYER_SIZE, PAL_FILE_MAX_LAYERS, &model->layer_count)) ||
        (err = check_tensors(model)) || (err = check_layers(model)) || (err = check_kat(model)))
        return err;
    return check_commands(model);
}
