/* SPDX-License-Identifier: Apache-2.0 */
#include "pal/coding.h"

#include <string.h>

#include "pal/load.h"

#define SIGN 0x80u
#define MAX_LENGTH PAL_FILE_CODING_MAX_LENGTH
#define RUNS PAL_FILE_CODING_RUNS
#define CLASSES PAL_FILE_CODING_CLASSES
#define LANES PAL_FILE_CODING_LANES
#define SIZE_MASK ((1u << PAL_FILE_CODING_SIZE_BITS) - 1u)
#define MAGNITUDES 127u
#define PARAM_SIZE 6u /* an i32 and an i16 */

void pal_coding_init(struct pal_coding *coding, const void *data, size_t size)
{
    *coding = (struct pal_coding){0};
    coding->next = coding->stop = data;
    coding->end = size ? coding->next + size : coding->next;
}

/* Bits come from the top of `bits`. Behind the segment's end they are zeros, which `overrun` finds out. */
static void refill(struct pal_coding *c)
{
    while (c->bit_count <= 24) {
        uint32_t byte = 0;
        if (c->next < c->stop)
            byte = *c->next++;
        else
            c->padding += 8;
        c->bits |= byte << (24 - c->bit_count);
        c->bit_count += 8;
    }
}

/* At most 25 after a refill. */
static uint32_t take(struct pal_coding *c, unsigned count)
{
    if (count == 0)
        return 0;
    uint32_t value = c->bits >> (32 - count);
    c->bits <<= count;
    c->bit_count -= count;
    return value;
}

static int overrun(const struct pal_coding *c)
{
    return c->padding > c->bit_count;
}

/* Read a code of `size` symbols, which go to symbols[base...]. */
static int read_code(struct pal_coding *c, struct pal_code *code, unsigned base, unsigned size)
{
    uint8_t lengths[RUNS + PAL_CODING_LITERALS];
    uint16_t count[MAX_LENGTH + 1u] = {0};
    unsigned length = 0;
    for (unsigned symbol = 0; symbol < size; symbol++) {
        refill(c);
        if (take(c, 1)) {
            if (!take(c, 1))
                length++;
            else if (!take(c, 1))
                length--;
            else
                length = take(c, 4);
        }
        if (length > MAX_LENGTH || overrun(c))
            return PAL_ERR_FORMAT;
        lengths[symbol] = (uint8_t)length;
        count[length]++;
    }
    uint32_t limit = 0;
    code->limit[0] = 0;
    for (unsigned n = 1; n <= MAX_LENGTH; n++) {
        code->first[n] = (uint16_t)base;
        base += count[n];
        limit += (uint32_t)count[n] << (MAX_LENGTH - n);
        if (limit > 1u << MAX_LENGTH)
            return PAL_ERR_FORMAT;
        code->limit[n] = (uint16_t)limit;
        count[n] = code->first[n];
    }
    for (unsigned symbol = 0; symbol < size; symbol++)
        if (lengths[symbol])
            c->symbols[count[lengths[symbol]]++] = (uint16_t)symbol;
    return PAL_OK;
}

static int read_tables(struct pal_coding *c)
{
    int err;
    if (c->kind == PAL_SEGMENT_WEIGHTS) {
        refill(c);
        c->mode = (uint8_t)take(c, 2);
        err = read_code(c, &c->weights, 0, RUNS + (c->mode == PAL_SIGN_APART ? MAGNITUDES : PAL_CODING_LITERALS));
    } else {
        err = read_code(c, &c->biases, RUNS + PAL_CODING_LITERALS, CLASSES);
        if (!err)
            err = read_code(c, &c->offsets, RUNS + PAL_CODING_LITERALS + CLASSES, CLASSES);
    }
    c->has_table[c->kind] = !err;
    return err;
}

/* The next segment; on failure the rest of the stream is gone. */
static int open_segment(struct pal_coding *c)
{
    const uint8_t *record = c->stop;
    size_t rest = (size_t)(c->end - record);
    c->next = c->stop = c->end;
    c->size = c->position = 0;
    if (rest < PAL_FILE_SEGMENT_SIZE)
        return PAL_ERR_FORMAT;
    struct pal_file_segment segment;
    pal_file_segment_load(&segment, record);
    uint32_t stored = segment.stored & SIZE_MASK, has_table = segment.stored & PAL_FILE_CODING_TABLE;
    c->kind = (segment.stored & ~PAL_FILE_CODING_TABLE) >> PAL_FILE_CODING_SIZE_BITS;
    rest -= PAL_FILE_SEGMENT_SIZE;
    if (stored > rest || c->kind > PAL_SEGMENT_PARAMS ||
        (c->kind == PAL_SEGMENT_RAW && (has_table || stored != segment.decoded_size)) ||
        (c->kind == PAL_SEGMENT_WEIGHTS && segment.decoded_size > PAL_FILE_CODING_SEGMENT) ||
        (c->kind == PAL_SEGMENT_PARAMS && segment.decoded_size % PARAM_SIZE))
        return PAL_ERR_FORMAT;
    c->next = record + PAL_FILE_SEGMENT_SIZE;
    c->stop = c->next + stored;
    c->bits = c->bit_count = c->padding = c->value = 0;
    c->signs = 0;
    memset(c->runs, 0, sizeof c->runs);
    int err = has_table ? read_tables(c) : PAL_OK;
    if (err || (c->kind != PAL_SEGMENT_RAW && !c->has_table[c->kind])) {
        c->next = c->stop = c->end;
        return PAL_ERR_FORMAT;
    }
    c->size = segment.decoded_size;
    return PAL_OK;
}

/* The next symbol, or -1 if the bits are none. */
static int32_t next_symbol(struct pal_coding *c, const struct pal_code *code)
{
    refill(c);
    uint32_t word = c->bits >> (32 - MAX_LENGTH);
    unsigned n = 1;
    while (word >= code->limit[n])
        if (++n > MAX_LENGTH)
            return -1;
    (void)take(c, n);
    return c->symbols[code->first[n] + ((word - code->limit[n - 1]) >> (MAX_LENGTH - n))];
}

static int read_weights(struct pal_coding *c, uint8_t *out, uint32_t count)
{
    for (uint32_t end = c->position + count; c->position < end; c->position++, out++) {
        unsigned lane = c->position % LANES;
        *out = 0;
        if (c->runs[lane]) {
            c->runs[lane]--;
            continue;
        }
        int32_t found = next_symbol(c, &c->weights);
        if (found < 0)
            return PAL_ERR_FORMAT;
        uint32_t symbol = (uint32_t)found;
        if (symbol < RUNS) {
            refill(c);
            c->runs[lane] = (uint16_t)((1u << symbol) - 1u + take(c, symbol));
        } else if (c->mode == PAL_SIGN_APART) {
            *out = (uint8_t)((symbol - RUNS + 1u) | take(c, 1) * SIGN);
        } else {
            uint32_t byte = symbol - RUNS + 1u;
            unsigned place = c->mode == PAL_SIGN_LANE ? lane : 0;
            if (c->mode != PAL_SIGN_JOINED) {
                byte ^= ((uint32_t)c->signs >> place & 1u) * SIGN;
                c->signs = (uint16_t)((c->signs & ~(1u << place)) | (byte / SIGN) << place);
            }
            *out = (uint8_t)byte;
        }
        if (overrun(c))
            return PAL_ERR_FORMAT;
    }
    return PAL_OK;
}

/* Its symbol is the bit length of its magnitude; without its top bit, a value is negative. */
static int next_number(struct pal_coding *c, const struct pal_code *code, uint32_t *out)
{
    int32_t found = next_symbol(c, code);
    if (found < 0)
        return PAL_ERR_FORMAT;
    unsigned length = (unsigned)found, high = length / 2;
    refill(c);
    uint32_t value = take(c, high) << (length - high);
    refill(c);
    value |= take(c, length - high);
    if (length && !(value >> (length - 1)))
        value -= (1u << length) - 1u;
    *out = value;
    return overrun(c) ? PAL_ERR_FORMAT : PAL_OK;
}

static int read_params(struct pal_coding *c, uint8_t *out, uint32_t count)
{
    uint32_t offsets = c->size / PARAM_SIZE * 4u; /* where they begin */
    for (uint32_t end = c->position + count; c->position < end; c->position++, out++) {
        unsigned byte = c->position < offsets ? c->position % 4u : (c->position - offsets) % 2u;
        if (byte == 0) {
            uint32_t number, last = c->position > offsets ? c->value : 0;
            int err = next_number(c, c->position < offsets ? &c->biases : &c->offsets, &number);
            if (err)
                return err;
            c->value = last + number;
        }
        *out = (uint8_t)(c->value >> (8u * byte));
    }
    return PAL_OK;
}

static int read_some(struct pal_coding *c, uint8_t *out, uint32_t count)
{
    if (c->kind == PAL_SEGMENT_WEIGHTS)
        return read_weights(c, out, count);
    if (c->kind == PAL_SEGMENT_PARAMS)
        return read_params(c, out, count);
    memcpy(out, c->next, count);
    c->next += count;
    c->position += count;
    return PAL_OK;
}

int pal_coding_read(struct pal_coding *coding, void *out, size_t size)
{
    uint8_t *next = out;
    int err = PAL_OK;
    while (!err && size) {
        uint32_t left = coding->size - coding->position;
        if (left == 0) {
            err = open_segment(coding);
            continue;
        }
        uint32_t count = size < left ? (uint32_t)size : left;
        err = read_some(coding, next, count);
        next += count;
        size -= count;
    }
    if (err) {
        coding->next = coding->stop = coding->end;
        coding->size = coding->position = 0;
    }
    return err;
}

int pal_coding_end(const struct pal_coding *coding)
{
    return coding->position == coding->size && coding->stop == coding->end ? PAL_OK : PAL_ERR_FORMAT;
}
