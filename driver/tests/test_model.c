/* SPDX-License-Identifier: Apache-2.0 */
/* The parser refuses what is not a model, whatever is wrong with it, and says why. */
#include <stdlib.h>
#include <string.h>

#include "pal/load.h"
#include "support.h"

static uint8_t *file;
static size_t file_size;

/* Open the file with one 32-bit word changed; CRCs are made right again if `sealed`. */
static int open_with(size_t offset, uint32_t value, int sealed)
{
    struct pal_model model;
    uint8_t *copy = malloc(file_size);
    CHECK(copy && offset + 4 <= file_size);
    memcpy(copy, file, file_size);
    pal_store_u32(copy + offset, value);
    if (sealed)
        seal(copy);
    int status = pal_model_open(&model, copy, file_size);
    free(copy);
    return status;
}

/* Of section `type`: its record in the table, and its bytes. */
static size_t record_of(uint32_t type)
{
    for (size_t at = PAL_FILE_HEADER_SIZE;; at += PAL_FILE_SECTION_SIZE)
        if (pal_load_u32(file + at) == type)
            return at;
}

static size_t start_of(uint32_t type)
{
    return pal_load_u32(file + record_of(type) + 8);
}

static void test_the_model_opens_and_shows_what_is_in_it(void)
{
    struct pal_model model;
    CHECK_EQUAL(pal_model_open(&model, file, file_size), PAL_OK);
    CHECK(model.tensor_count == 4 && model.command_count == 9 && model.layer_count == 9);
    struct pal_file_tensor tensor;
    pal_model_tensor(&model, 1, &tensor);
    CHECK(strcmp(pal_model_string(&model, tensor.name), "mask") == 0);
    struct pal_file_layer layer;
    pal_model_layer(&model, 8, &layer);
    CHECK(strcmp(pal_model_string(&model, layer.op), "MAP") == 0);
    CHECK(strcmp(pal_model_string(&model, UINT32_MAX), "") == 0);
    struct pal_command command;
    pal_model_command(&model, 0, &command);
    CHECK_EQUAL(command.opcode, PAL_OP_CONV);
}

static void test_it_opens_at_any_alignment(void)
{
    struct pal_model model;
    for (size_t shift = 1; shift < 8; shift++) {
        uint8_t *moved = malloc(file_size + shift);
        CHECK(moved);
        memcpy(moved + shift, file, file_size);
        CHECK_EQUAL(pal_model_open(&model, moved + shift, file_size), PAL_OK);
        free(moved);
    }
}

static void test_every_truncation_is_refused(void)
{
    struct pal_model model;
    CHECK_EQUAL(pal_model_open(&model, NULL, 0), PAL_ERR_TRUNCATED);
    for (size_t size = 0; size < file_size; size++) {
        uint8_t *part = malloc(size ? size : 1); /* exactly, so that the sanitizer sees a read behind it */
        CHECK(part);
        memcpy(part, file, size);
        CHECK_EQUAL(pal_model_open(&model, part, size), PAL_ERR_TRUNCATED);
        free(part);
    }
}

static int in_padding(size_t offset)
{
    uint32_t sections = pal_load_u32(file + 16);
    if (offset < PAL_FILE_HEADER_SIZE + (size_t)sections * PAL_FILE_SECTION_SIZE)
        return 0;
    for (uint32_t i = 0; i < sections; i++) {
        const uint8_t *record = file + PAL_FILE_HEADER_SIZE + (size_t)i * PAL_FILE_SECTION_SIZE;
        if (offset - pal_load_u32(record + 8) < pal_load_u32(record + 12))
            return 0;
    }
    return 1;
}

static void test_every_flipped_bit_is_refused(void)
{
    struct pal_model model;
    for (size_t i = 0; i < file_size; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            file[i] ^= (uint8_t)(1u << bit);
            int status = pal_model_open(&model, file, file_size);
            CHECK(in_padding(i) ? status == PAL_OK : status < 0);
            file[i] ^= (uint8_t)(1u << bit);
        }
}

static void test_any_byte_of_a_sealed_file_is_refused_or_harmless(void)
{
    struct pal_model model;
    uint8_t *copy = malloc(file_size);
    CHECK(copy);
    for (size_t i = 0; i < file_size; i++)
        for (unsigned value = 0; value < 256; value += 51) {
            memcpy(copy, file, file_size);
            copy[i] = (uint8_t)value;
            if (i != 16 && i != 17 && i != 18 && i != 19) /* seal needs the number of sections */
                seal(copy);
            int status = pal_model_open(&model, copy, file_size);
            CHECK(status <= 0);
            if (!status)
                CHECK(pal_session_memory(&model) > 0);
        }
    free(copy);
}

static void test_each_status_has_its_cause(void)
{
    struct pal_model model;
    CHECK_EQUAL(open_with(0, 0, 1), PAL_ERR_MAGIC);
    CHECK_EQUAL(open_with(8, 2, 1), PAL_ERR_VERSION);
    CHECK_EQUAL(open_with(8, 1 | 7u << 16, 1), PAL_OK); /* minor versions only add */
    CHECK_EQUAL(open_with(8, 1 | 7u << 16, 0), PAL_ERR_CRC);
    CHECK_EQUAL(open_with(12, (uint32_t)file_size + 1, 1), PAL_ERR_TRUNCATED);
    CHECK_EQUAL(open_with(12, (uint32_t)file_size - 1, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(16, 0, 0), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(16, PAL_FILE_MAX_SECTIONS + 1, 0), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(40, 1, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(start_of(PAL_SECTION_CONSTANTS), 0x12345678, 0), PAL_ERR_CRC);
    CHECK_EQUAL(open_with(start_of(PAL_SECTION_CONSTANTS), 0x12345678, 1), PAL_OK);
    CHECK_EQUAL(pal_model_open(&model, "\x89PAX", 4), PAL_ERR_MAGIC);
    CHECK_EQUAL(pal_model_open(&model, "\x89PAL", 4), PAL_ERR_TRUNCATED);
}

static void test_section_table(void)
{
    for (uint32_t type = PAL_SECTION_TENSORS; type <= PAL_SECTION_LAYERS; type++) /* missing, twice */
        CHECK_EQUAL(open_with(record_of(type), 99, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(record_of(PAL_SECTION_LAYERS), PAL_SECTION_TENSORS, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(record_of(PAL_SECTION_KAT), 99, 1), PAL_OK); /* optional */
    size_t record = record_of(PAL_SECTION_CONSTANTS);
    CHECK_EQUAL(open_with(record + 4, 1, 1), PAL_ERR_FORMAT); /* encoding */
    CHECK_EQUAL(open_with(record + 8, pal_load_u32(file + record + 8) + 4, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(record + 8, 0xFFFFFFF0u, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(record + 12, 0xFFFFFFFFu, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(record + 16, 1, 1), PAL_ERR_FORMAT); /* decoded size */
}

static void test_records(void)
{
    size_t tensor = start_of(PAL_SECTION_TENSORS), layer = start_of(PAL_SECTION_LAYERS);
    size_t kat = start_of(PAL_SECTION_KAT), command = start_of(PAL_SECTION_COMMANDS);
    CHECK_EQUAL(open_with(tensor, 1u << 30, 1), PAL_ERR_FORMAT);      /* name */
    CHECK_EQUAL(open_with(tensor + 4, 0x0401, 1), PAL_ERR_FORMAT);    /* region ARENA */
    CHECK_EQUAL(open_with(tensor + 4, 0x0902, 1), PAL_ERR_FORMAT);    /* rank 9 */
    CHECK_EQUAL(open_with(tensor + 8, 17, 1), PAL_ERR_FORMAT);        /* offset: 17 + 48 > 64 */
    CHECK_EQUAL(open_with(tensor + 8, UINT32_MAX, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(tensor + 12, 0, 1), PAL_ERR_FORMAT);        /* size */
    CHECK_EQUAL(open_with(tensor + 20, 0x80000000u, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(tensor + 52, 0x01030201, 1), PAL_ERR_FORMAT); /* order: axis 1 twice */
    CHECK_EQUAL(open_with(layer, 1u << 30, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(layer + 4, 1u << 30, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(layer + 8, 0x00010009, 1), PAL_ERR_FORMAT); /* first command 9 of 9 */
    CHECK_EQUAL(open_with(kat, 0, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(kat + 4, 81, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(open_with(command, 0x00000008, 1), PAL_ERR_FORMAT);   /* opcode */
    CHECK_EQUAL(open_with(command, 0x00090001, 1), PAL_ERR_FORMAT);   /* layer 9 of 9 */
    CHECK_EQUAL(open_with(command + 8, 17, 1), PAL_ERR_FORMAT);       /* leaves INPUT */
    CHECK_EQUAL(open_with(28, 1091, 1), PAL_ERR_FORMAT);              /* SRAM is one byte too small */
}

/* A file with 65 empty tensors is over a limit before it is wrong. */
static void test_limits(void)
{
    uint32_t at = (uint32_t)((file_size + 15) / 16 * 16), bytes = (PAL_FILE_MAX_TENSORS + 1) * PAL_FILE_TENSOR_SIZE;
    uint8_t *large = calloc(1, at + bytes);
    struct pal_model model;
    CHECK(large);
    memcpy(large, file, file_size);
    pal_store_u32(large + 12, at + bytes);
    pal_store_u32(large + record_of(PAL_SECTION_TENSORS) + 8, at);
    pal_store_u32(large + record_of(PAL_SECTION_TENSORS) + 12, bytes);
    pal_store_u32(large + record_of(PAL_SECTION_TENSORS) + 16, bytes);
    seal(large);
    CHECK_EQUAL(pal_model_open(&model, large, at + bytes), PAL_ERR_LIMIT);
    free(large);
}

static void test_every_status_and_engine_error_has_a_text(void)
{
    for (int status = PAL_ERR_KAT; status <= PAL_OK; status++)
        CHECK(strcmp(pal_status_text(status), pal_status_text(1)) != 0);
    for (unsigned code = PAL_ENGINE_NONE; code <= PAL_ENGINE_BUS; code++)
        CHECK(strcmp(pal_engine_error_text(code), pal_engine_error_text(99)) != 0);
    CHECK(pal_crc32(0, "123456789", 9) == 0xCBF43926u);
}

/* What holds for any file. */
static void test_damage(const char *path)
{
    file = read_whole(path, &file_size);
    test_it_opens_at_any_alignment();
    test_every_truncation_is_refused();
    test_every_flipped_bit_is_refused();
    test_any_byte_of_a_sealed_file_is_refused_or_harmless();
    free(file);
}

int main(void)
{
    test_damage(SMALL_MODEL);
    test_damage(CODED_MODEL);
    file = read_whole(SMALL_MODEL, &file_size);
    test_the_model_opens_and_shows_what_is_in_it();
    test_each_status_has_its_cause();
    test_section_table();
    test_records();
    test_limits();
    test_every_status_and_engine_error_has_a_text();
    free(file);
    return passed("test_model");
}
