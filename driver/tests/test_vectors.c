/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic gives what the oracle's vectors say (tests/vectors/README.md). */
#include <stdlib.h>
#include <string.h>

#include "pal/arithmetic.h"
#include "pal/load.h"
#include "pal/spec/arithmetic.h"
#include "support.h"

struct words {
    int32_t *at;
    size_t count; /* records */
};

static struct words load(const char *name, size_t record)
{
    char path[64] = "../tests/vectors/";
    size_t size;
    strncat(path, name, sizeof path - strlen(path) - 1);
    uint8_t *bytes = read_whole(path, &size);
    CHECK(size > 0 && size % (4 * record) == 0);
    int32_t *words = malloc(size);
    CHECK(words);
    for (size_t i = 0; i < size / 4; i++)
        words[i] = (int32_t)pal_load_u32(bytes + 4 * i);
    free(bytes);
    return (struct words){words, size / 4 / record};
}

static void test_product_of_every_pair(void)
{
    struct words v = load("product.i32", 1);
    CHECK_EQUAL(v.count, 65536);
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++)
            CHECK_EQUAL(pal_product((uint8_t)a, (uint8_t)b), v.at[256 * a + b]);
    free(v.at);
}

static void test_lin2log(void)
{
    struct words v = load("lin2log.i32", 2);
    for (const int32_t *w = v.at; w < v.at + 2 * v.count; w += 2)
        CHECK_EQUAL(pal_lin2log((uint32_t)w[0]), w[1]);
    free(v.at);
}

static void test_requantise(void)
{
    struct words v = load("requantise.i32", 5);
    for (const int32_t *w = v.at; w < v.at + 5 * v.count; w += 5) {
        const struct pal_finish finish = {w[2], w[3], NULL};
        CHECK_EQUAL(pal_requantise(w[0], w[1], &finish), w[4]);
    }
    free(v.at);
}

static void test_requantise_with_a_table(void)
{
    uint8_t table[256];
    for (unsigned i = 0; i < sizeof table; i++)
        table[i] = (uint8_t)(255 - i);
    struct words v = load("requantise.i32", 5);
    for (const int32_t *w = v.at; w < v.at + 5 * v.count; w += 5) {
        const struct pal_finish finish = {w[2], w[3], table};
        CHECK_EQUAL(pal_requantise(w[0], w[1], &finish), 255 - w[4]);
    }
    free(v.at);
}

static void test_encode(void)
{
    struct words v = load("encode.i32", 3);
    for (const int32_t *w = v.at; w < v.at + 3 * v.count; w += 3) {
        float value;
        uint8_t code;
        memcpy(&value, &w[0], sizeof value);
        CHECK_EQUAL(pal_encode(&value, 1, w[1], &code), PAL_OK);
        CHECK_EQUAL(code, w[2]);
    }
    free(v.at);
}

static void test_encode_refuses_nan_after_the_codes_before_it(void)
{
    uint32_t bits[3] = {0x3F800000u, 0xFF800001u, 0x3F800000u};
    float values[3];
    uint8_t codes[3] = {0xEE, 0xEE, 0xEE};
    memcpy(values, bits, sizeof values);
    CHECK_EQUAL(pal_encode(values, 3, -91, codes), PAL_ERR_ARG);
    CHECK_EQUAL(codes[0], 91);
    CHECK(codes[1] == 0xEE && codes[2] == 0xEE);
}

static void test_softmax(void)
{
    const struct pal_finish plain = {-127, 127, NULL};
    struct words v = load("softmax.i32", 17);
    for (const int32_t *w = v.at; w < v.at + 17 * v.count; w += 17) {
        uint8_t codes[8], out[8];
        for (unsigned i = 0; i < 8; i++)
            codes[i] = (uint8_t)w[1 + i];
        pal_softmax(codes, 8, w[0], PAL_SOFTMAX_OUTPUT_BIAS, &plain, out);
        pal_softmax(codes, 8, w[0], PAL_SOFTMAX_OUTPUT_BIAS, &plain, codes);
        for (unsigned i = 0; i < 8; i++) {
            CHECK_EQUAL(out[i], w[9 + i]);
            CHECK_EQUAL(codes[i], w[9 + i]); /* in place */
        }
    }
    free(v.at);
}

static void test_softmax_of_any_bias_is_defined(void)
{
    const struct pal_finish plain = {-127, 127, NULL};
    for (int bias = -32768; bias <= 32767; bias += 13) {
        const uint8_t codes[4] = {0, 0x7F, 0xFF, (uint8_t)(bias & 0xFF)};
        uint8_t out[4];
        pal_softmax(codes, 4, bias, PAL_SOFTMAX_OUTPUT_BIAS, &plain, out);
        CHECK(out[1] >= out[0] && out[0] >= out[2]);
    }
}

int main(void)
{
    test_product_of_every_pair();
    test_lin2log();
    test_requantise();
    test_requantise_with_a_table();
    test_encode();
    test_encode_refuses_nan_after_the_codes_before_it();
    test_softmax();
    test_softmax_of_any_bias_is_defined();
    return passed("test_vectors");
}
