/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax in integers: logits in octaves, a difference of 16 steps is a factor of two. */
#include "pal/arithmetic.h"
#include "pal/spec/arithmetic.h"

#define STEPS (1 << PAL_FRACTION_BITS)
#define Z_LIMIT ((int32_t)1 << PAL_SOFTMAX_Z_LIMIT_BITS)
#define INDEX_MASK ((1u << PAL_SOFTMAX_INDEX_BITS) - 1)

/* value * log2(e) in octaves, PAL_SOFTMAX_Z_BITS fraction bits, saturated. */
static int32_t octaves(uint8_t code, int bias)
{
    int m = code & PAL_MAGNITUDE_MAX;
    if (m == 0)
        return 0;
    int log = m + bias;
    int q = log >= 0 ? log / STEPS : -((-log + STEPS - 1) / STEPS);
    uint64_t z = PAL_SOFTMAX_SCALE[log - q * STEPS];
    int shift = q + (int)PAL_SOFTMAX_Z_BITS - (int)PAL_SOFTMAX_SCALE_BITS;
    if (shift > 30)
        z = (uint64_t)Z_LIMIT;
    else if (shift >= 0)
        z <<= shift;
    else
        z = shift > -63 ? z >> -shift : 0;
    if (z > (uint64_t)Z_LIMIT)
        z = (uint64_t)Z_LIMIT;
    return code & PAL_SIGN_MASK ? -(int32_t)z : (int32_t)z;
}

static uint32_t exp2_of(uint32_t d)
{
    uint32_t whole = d >> PAL_SOFTMAX_Z_BITS;
    uint32_t index = (d >> (PAL_SOFTMAX_Z_BITS - PAL_SOFTMAX_INDEX_BITS)) & INDEX_MASK;
    return whole > PAL_SOFTMAX_EXP_BITS ? 0 : PAL_SOFTMAX_EXP2[index] >> whole;
}

/* log2(sum / 2^exp_bits) with z_bits fraction bits. */
static int32_t log2_of(uint64_t sum)
{
    int top = 63;
    while (!(sum >> top & 1))
        top--;
    int shift = top - (int)PAL_SOFTMAX_INDEX_BITS;
    uint64_t index = (shift >= 0 ? sum >> shift : sum << -shift) & INDEX_MASK;
    return (top - (int)PAL_SOFTMAX_EXP_BITS) * (1 << PAL_SOFTMAX_Z_BITS) + PAL_SOFTMAX_LOG2[index];
}

void pal_softmax(const uint8_t *in, size_t count, int bias, int out_bias, const struct pal_finish *finish,
                 uint8_t *out)
{
    int32_t largest = -Z_LIMIT;
    for (size_t i = 0; i < count; i++) {
        int32_t z = octaves(in[i], bias);
        largest = z > largest ? z : largest;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += exp2_of((uint32_t)(largest - octaves(in[i], bias)));
    int32_t log = log2_of(sum);
    int step = 1 << (PAL_SOFTMAX_Z_BITS - PAL_FRACTION_BITS);
    for (size_t i = 0; i < count; i++) {
        int32_t below = largest - octaves(in[i], bias) + log + step / 2;
        /* floor division: log may be slightly negative */
        int k = below >= 0 ? below / step : -((-below + step - 1) / step);
        out[i] = pal_to_code(-k, 0, 0, -out_bias, finish);
    }
}
