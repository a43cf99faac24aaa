/* SPDX-License-Identifier: Apache-2.0 */
/* PAL8 arithmetic: docs/number-format.md. Integers only but for encode and decode of float32. */
#ifndef PAL_ARITHMETIC_H
#define PAL_ARITHMETIC_H

#include <stddef.h>
#include <stdint.h>

#include "pal/status.h"

/* How a command ends: clamp of the signed code and an optional 256-byte table (NULL: none). */
struct pal_finish {
    int act_min;
    int act_max;
    const uint8_t *table;
};

/* Product of two codes in accumulator units. */
int32_t pal_product(uint8_t a, uint8_t b);

/* 16 * log2(n), rounded at the spec's thresholds; n >= 1. */
int pal_lin2log(uint32_t n);

/* The code of (-1)^negative * 2^((log + offset) / 16), 0 if zero is set, then `finish`. */
uint8_t pal_to_code(int log, int negative, int zero, int offset, const struct pal_finish *finish);

/* pal_to_code of an accumulator. */
uint8_t pal_requantise(int32_t acc, int offset, const struct pal_finish *finish);

/* Encode `count` floats with one bias, exactly. PAL_ERR_ARG if one is NaN: codes before it are written. */
int pal_encode(const float *in, size_t count, int bias, uint8_t *out) PAL_MUST_CHECK;

/* Decode `count` codes with one bias, correctly rounded; |bias| <= 32768. */
void pal_decode(const uint8_t *in, size_t count, int bias, float *out);

/* Softmax of `count` codes of bias `bias`, to codes of bias `out_bias`; in == out is allowed. */
void pal_softmax(const uint8_t *in, size_t count, int bias, int out_bias, const struct pal_finish *finish,
                 uint8_t *out);

/* Bytes of the parameters of a layer normalization over `count` channels. */
static inline size_t pal_layer_norm_bytes(size_t count)
{
    return 8 + 8 * count;
}

/* Layer normalization of `count` codes; `parameters` as in commands.toml; `offset` is minus the output bias. */
void pal_layer_norm(const uint8_t *in, size_t count, const uint8_t *parameters, int offset,
                    const struct pal_finish *finish, uint8_t *out);

#endif /* PAL_ARITHMETIC_H */
