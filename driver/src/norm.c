/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalization in integers: arithmetic.toml, [layer_norm]. */
#include "pal/arithmetic.h"
#include "pal/load.h"
#include "pal/spec/arithmetic.h"

#define STEPS (1 << PAL_FRACTION_BITS)

static int32_t linear(uint8_t code)
{
    unsigned m = code & PAL_MAGNITUDE_MAX;
    int32_t v = m ? (int32_t)((uint32_t)PAL_NORM_MANTISSA[m % STEPS] << (m / STEPS)) : 0;
    return code & PAL_SIGN_MASK ? -v : v;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return a % b < 0 ? q - 1 : q;
}

static uint64_t root(uint64_t n)
{
    uint64_t result = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit; bit >>= 1)
        if ((result | bit) * (result | bit) <= n)
            result |= bit;
    return result;
}

/* Bring n to 32 bits; return by how many places it was shifted. */
static int shorten(uint64_t *n)
{
    int places = 0;
    while (*n >> 32) {
        *n >>= 1;
        places++;
    }
    return places;
}

void pal_layer_norm(const uint8_t *in, size_t count, const uint8_t *parameters, int offset,
                    const struct pal_finish *finish, uint8_t *out)
{
    int64_t n = (int64_t)count, sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += linear(in[i]);
    int64_t mean = floor_div(sum + n / 2, n);
    uint64_t squares = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t d = linear(in[i]) - mean;
        squares += (uint64_t)(d * d);
    }
    uint64_t epsilon = pal_load_u32(parameters) | (uint64_t)pal_load_u32(parameters + 4) << 32;
    uint64_t limit = UINT64_MAX >> (2 * PAL_NORM_ROOT_BITS), variance = squares / count;
    variance = epsilon > limit - variance ? limit : variance + epsilon;
    int64_t s = (int64_t)root((variance ? variance : 1) << (2 * PAL_NORM_ROOT_BITS));
    const uint8_t *gain = parameters + 8, *shift = gain + 4 * count;
    for (size_t i = 0; i < count; i++) {
        int64_t norm = (linear(in[i]) - mean) * ((int64_t)1 << (PAL_NORM_BITS + PAL_NORM_ROOT_BITS)) / s;
        int64_t y = norm * (int32_t)pal_load_u32(gain + 4 * i) +
                    (int32_t)pal_load_u32(shift + 4 * i) * ((int64_t)1 << PAL_NORM_BITS);
        uint64_t magnitude = y < 0 ? 0u - (uint64_t)y : (uint64_t)y;
        int zero = magnitude == 0, places = shorten(&magnitude) - 2 * (int)PAL_NORM_BITS;
        int log = zero ? 0 : pal_lin2log((uint32_t)magnitude) + STEPS * places;
        out[i] = pal_to_code(log, y < 0, zero, offset, finish);
    }
}
