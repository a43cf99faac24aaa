/* SPDX-License-Identifier: Apache-2.0 */
#include "pal/arithmetic.h"

#include <string.h>

#include "pal/spec/arithmetic.h"

#define STEPS (1 << PAL_FRACTION_BITS)
#define INFINITE 0x7F800000u /* bits of that float */

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
