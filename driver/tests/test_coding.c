/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder of coded constants, on the stream that tests/driver/coding_stream.py makes. */
#include "pal/coding.h"

#include <stdlib.h>
#include <string.h>

#include "pal/load.h"
#include "support.h"

static uint8_t *file, *decoded, *stream;
static size_t decoded_size, stream_size;

/* Decode an exact copy of the first `size` stored bytes, in steps, into memory of the exact size; the first status
 * that is not PAL_OK. */
static int decode(const uint8_t *stored, size_t size, size_t step, uint8_t **out)
{
    struct pal_coding coding;
    uint8_t *copy = malloc(size + !size);
    *out = malloc(decoded_size);
    CHECK(copy && *out);
    memcpy(copy, stored, size);
    pal_coding_init(&coding, copy, size);
    int err = PAL_OK;
    for (size_t at = 0; !err && at < decoded_size; at += step) {
        size_t part = decoded_size - at < step ? decoded_size - at : step;
        err = pal_coding_read(&coding, *out + at, part);
    }
    if (!err)
        err = pal_coding_end(&coding);
    else
        CHECK_EQUAL(pal_coding_read(&coding, *out, 1), PAL_ERR_FORMAT);
    free(copy);
    return err;
}

static void test_in_steps_of_any_size(void)
{
    static const size_t steps[] = {1, 2, 3, 16, 17, 255, 256, 4096, 1u << 20};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint8_t *out;
        CHECK_EQUAL(decode(stream, stream_size, steps[i], &out), PAL_OK);
        CHECK(memcmp(out, decoded, decoded_size) == 0);
        free(out);
    }
}

static void test_every_truncation_is_refused(void)
{
    for (size_t size = 0; size < stream_size; size += size < 64 ? 1 : 13) {
        uint8_t *out;
        CHECK_EQUAL(decode(stream, size, 512, &out), PAL_ERR_FORMAT);
        free(out);
    }
}

static void test_any_damage_ends_in_a_status(void)
{
    unsigned refused = 0;
    for (size_t at = 0; at < stream_size; at += at < 64 ? 1 : 17)
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t *out;
            stream[at] ^= (uint8_t)(1u << bit);
            int status = decode(stream, stream_size, 512, &out);
            CHECK(status == PAL_OK || status == PAL_ERR_FORMAT);
            refused += status != PAL_OK;
            stream[at] ^= (uint8_t)(1u << bit);
            free(out);
        }
    CHECK(refused > 100);
}

static void test_noise_ends_in_a_status(void)
{
    uint32_t state = 1;
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t noise[200], *out;
        for (size_t i = 0; i < sizeof noise; i++) {
            state = pal_kat_next(state);
            noise[i] = (uint8_t)(state >> 24);
        }
        pal_store_u32(noise, 60000);
        uint32_t kind = round % 2 ? PAL_SEGMENT_WEIGHTS : PAL_SEGMENT_PARAMS;
        pal_store_u32(noise + 4, PAL_FILE_CODING_TABLE | kind << PAL_FILE_CODING_SIZE_BITS | 192u);
        CHECK_EQUAL(decode(noise, sizeof noise, 512, &out), PAL_ERR_FORMAT);
        free(out);
    }
}

static void test_nothing_decodes_to_nothing(void)
{
    struct pal_coding coding;
    uint8_t byte = 7;
    pal_coding_init(&coding, NULL, 0);
    CHECK_EQUAL(pal_coding_end(&coding), PAL_OK);
    CHECK_EQUAL(pal_coding_read(&coding, &byte, 0), PAL_OK);
    CHECK_EQUAL(pal_coding_read(&coding, &byte, 1), PAL_ERR_FORMAT);
    CHECK_EQUAL(byte, 7);
}

static void test_the_end_is_where_all_is_read(void)
{
    struct pal_coding coding;
    uint8_t *out = malloc(decoded_size);
    CHECK(out);
    pal_coding_init(&coding, stream, stream_size);
    CHECK_EQUAL(pal_coding_read(&coding, out, decoded_size - 1), PAL_OK);
    CHECK_EQUAL(pal_coding_end(&coding), PAL_ERR_FORMAT);
    CHECK_EQUAL(pal_coding_read(&coding, out, 1), PAL_OK);
    CHECK_EQUAL(pal_coding_end(&coding), PAL_OK);
    free(out);
}

static void test_its_state_is_small(void)
{
    CHECK(sizeof(struct pal_coding) <= 1024);
}

int main(void)
{
    size_t size;
    file = read_whole("tests/data/coding.bin", &size);
    decoded_size = pal_load_u32(file);
    CHECK(decoded_size + 4 < size);
    decoded = file + 4;
    stream = decoded + decoded_size;
    stream_size = size - 4 - decoded_size;
    test_in_steps_of_any_size();
    test_every_truncation_is_refused();
    test_any_damage_ends_in_a_status();
    test_noise_ends_in_a_status();
    test_nothing_decodes_to_nothing();
    test_the_end_is_where_all_is_read();
    test_its_state_is_small();
    free(file);
    return passed("test_coding");
}
