/* SPDX-License-Identifier: Apache-2.0 */
#include "pal/arithmetic.h"

#include <string.h>

#include "pal/spec/arithmetic.h"

#define STEPS (1 << PAL_FRACTION_BITS)
#define INFINITE 0x7F800000u /* bits of that float */
#define STORED_BITS (PAL_FLOAT_BITS - 1) /* of a float's mantissa: the leading one is implied */

static unsigned floor_log2(uint32_t n)
{
    unsigned log = 0;
    while (n >>= 1)
        log++;
    return log;
}

int32_t pal_product(uint8_t a, uint8_t b)
{
    unsigned ma = a & PAL_MAGNITUDE_MAX, mb = b & PAL_MAGNITUDE_MAX, t = ma + mb;
    if (ma == 0 || mb == 0)
        return 0;
    int32_t p = (int32_t)(((uint32_t)PAL_PRODUCT_MANTISSA[t % STEPS] << (t / STEPS)) >> PAL_PRODUCT_SHIFT);
    return (a ^ b) & PAL_SIGN_MASK ? -p : p;
}

int pal_lin2log(uint32_t n)
{
    unsigned top = floor_log2(n), bits = PAL_LIN2LOG_BITS - 1;
    uint32_t mantissa = top > bits ? n >> (top - bits) : n << (bits - top);
    int f = 0;
    while (f < STEPS && PAL_LIN2LOG_THRESHOLDS[f] <= mantissa)
        f++;
    return STEPS * (int)top + f;
}

uint8_t pal_to_code(int log, int negative, int zero, int offset, const struct pal_finish *finish)
{
    int m = log + offset;
    if (zero || m <= -STEPS)
        m = 0;
    else if (m < 1)
        m = 1;
    else if (m > (int)PAL_MAGNITUDE_MAX)
        m = PAL_MAGNITUDE_MAX;
    int s = negative ? -m : m;
    s = s < finish->act_min ? finish->act_min : s;
    s = s > finish->act_max ? finish->act_max : s;
    uint8_t code = s < 0 ? (uint8_t)(-s | (int)PAL_SIGN_MASK) : (uint8_t)s;
    return finish->table ? finish->table[code] : code;
}

uint8_t pal_requantise(int32_t acc, int offset, const struct pal_finish *finish)
{
    uint32_t n = acc < 0 ? 0u - (uint32_t)acc : (uint32_t)acc;
    return pal_to_code(n ? pal_lin2log(n) : 0, acc < 0, n == 0, offset, finish);
}

/* 16 * log2|x| of a float's bits, rounded; bits > 0. Infinity saturates whatever the bias. */
static int encode_log(uint32_t bits)
{
    if (bits == INFINITE)
        return 1 << 20;
    int exponent = (int)(bits >> 23) - 127;
    uint32_t mantissa = bits & 0x7FFFFFu;
    if (exponent == -127) { /* subnormal */
        unsigned top = floor_log2(mantissa);
        mantissa <<= 23 - top;
        exponent = (int)top - 149;
    } else {
        mantissa |= 0x800000u;
    }
    int f = 0;
    while (f < STEPS && PAL_ENCODE_THRESHOLDS[f] <= mantissa)
        f++;
    return STEPS * exponent + f;
}

int pal_encode(const float *in, size_t count, int bias, uint8_t *out)
{
    const struct pal_finish plain = {-(int)PAL_MAGNITUDE_MAX, PAL_MAGNITUDE_MAX, NULL};
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &in[i], sizeof bits);
        uint32_t absolute = bits & 0x7FFFFFFFu;
        if (absolute > INFINITE)
            return PAL_ERR_ARG;
        out[i] = pal_to_code(absolute ? encode_log(absolute) : 0, (int)(bits >> 31), absolute == 0, -bias, &plain);
    }
    return PAL_OK;
}

/* n / 2^places to nearest, ties to even; n < 2^31. */
static uint32_t shift_right(uint32_t n, unsigned places)
{
    if (places > 31)
        return 0;
    uint32_t half = (uint32_t)1 << (places - 1);
    return (n + half - 1 + (n >> places & 1)) >> places;
}

/* Bits of the float 2^(log / 16). */
static uint32_t power_bits(int log)
{
    int octave = (log + STEPS * 4096) / STEPS - 4096; /* floor */
    uint32_t mantissa = PAL_DECODE_MANTISSA[log - STEPS * octave];
    unsigned excess = PAL_DECODE_BITS - STORED_BITS;
    int exponent = octave + 127;
    if (exponent >= 255)
        return INFINITE;
    if (exponent < 1) /* subnormal */
        return shift_right(mantissa, excess + (unsigned)(1 - exponent));
    return shift_right(mantissa, excess) + ((uint32_t)(exponent - 1) << STORED_BITS);
}

void pal_decode(const uint8_t *in, size_t count, int bias, float *out)
{
    for (size_t i = 0; i < count; i++) {
        unsigned m = in[i] & PAL_MAGNITUDE_MAX;
        uint32_t bits = m ? power_bits((int)m + bias) | (uint32_t)(in[i] & PAL_SIGN_MASK) << 24 : 0;
        memcpy(&out[i], &bits, sizeof bits);
    }
}
