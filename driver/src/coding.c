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
    coding->in.next = coding->in.stop = coding->end = data;
    if (size)
        coding->end += size;
}

/* Behind the segment's end bits are zeros, which `overrun` finds out. */
static inline void refill(struct pal_bits *in)
{
    while (in->count <= 24) {
        uint32_t byte = 0;
        if (in->next < in->stop)
            byte = *in->next++;
        else
            in->padding += 8;
        in->bits |= byte << (24 - in->count);
        in->count += 8;
    }
}

/* At most 25 bits after a refill. */
static inline uint32_t take(struct pal_bits *in, unsigned count)
{
    if (count == 0)
        return 0;
    uint32_t value = in->bits >> (32 - count);
    in->bits <<= count;
    in->count -= count;
    return value;
}

static inline int overrun(const struct pal_bits *in)
{
    return in->padding > in->count;
}

/* Read a code of `size` symbols, which go to symbols[base...]. */
static int read_code(struct pal_coding *c, struct pal_code *code, unsigned base, unsigned size)
{
    uint8_t lengths[RUNS + PAL_CODING_LITERALS];
    uint16_t count[MAX_LENGTH + 1u] = {0};
    unsigned length = 0;
    for (unsigned symbol = 0; symbol < size; symbol++) {
        refill(&c->in);
        if (take(&c->in, 1)) {
            if (!take(&c->in, 1))
                length++;
            else if (!take(&c->in, 1))
                length--;
            else
                length = take(&c->in, 4);
        }
        if (length > MAX_LENGTH || overrun(&c->in))
            return PAL_ERR_FORMAT;
        lengths[symbol] = (uint8_t)length;
        count[length]++;
    }
    uint32_t limit = 0;
    code->shortest = 1;
    code->limit[0] = 0;
    for (unsigned n = 1; n <= MAX_LENGTH; n++) {
        code->first[n] = (uint16_t)base;
        base += count[n];
        limit += (uint32_t)count[n] << (MAX_LENGTH - n);
        if (limit > 1u << MAX_LENGTH)
            return PAL_ERR_FORMAT;
        code->limit[n] = (uint16_t)limit;
        if (limit == 0 && n < MAX_LENGTH)
            code->shortest = (uint8_t)(n + 1u);
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
        refill(&c->in);
        c->mode = (uint8_t)take(&c->in, 2);
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
    const uint8_t *record = c->in.stop;
    size_t rest = (size_t)(c->end - record);
    c->in.next = c->in.stop = c->end;
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
    c->in.next = record + PAL_FILE_SEGMENT_SIZE;
    c->in.stop = c->in.next + stored;
    c->in.bits = c->in.count = c->in.padding = c->value = 0;
    c->signs = 0;
    memset(c->runs, 0, sizeof c->runs);
    int err = has_table ? read_tables(c) : PAL_OK;
    if (err || (c->kind != PAL_SEGMENT_RAW && !c->has_table[c->kind])) {
        c->in.next = c->in.stop = c->end;
        return PAL_ERR_FORMAT;
    }
    c->size = segment.decoded_size;
    return PAL_OK;
}

/* The next symbol, or -1 if the bits are none. */
static inline int32_t next_symbol(struct pal_bits *in, const struct pal_code *code, const uint16_t *symbols)
{
    refill(in);
    uint32_t word = in->bits >> (32 - MAX_LENGTH);
    unsigned n = code->shortest;
    while (word >= code->limit[n])
        if (++n > MAX_LENGTH)
            return -1;
    in->bits <<= n;
    in->count -= n;
    return symbols[code->first[n] + ((word - code->limit[n - 1]) >> (MAX_LENGTH - n))];
}

/* A nonzero byte whose sign bit says whether its sign is another than that of the one before. */
static uint32_t unfold(struct pal_coding *c, uint32_t byte, unsigned lane)
{
    if (c->mode == PAL_SIGN_JOINED)
        return byte;
    unsigned place = c->mode == PAL_SIGN_LANE ? lane : 0;
    byte ^= ((uint32_t)c->signs >> place & 1u) * SIGN;
    c->signs = (uint16_t)((c->signs & ~(1u << place)) | (byte / SIGN) << place);
    return byte;
}

static int read_weights(struct pal_coding *c, uint8_t *out, uint32_t count)
{
    struct pal_bits in = c->in; /* in registers */
    int32_t symbol = 0;
    for (uint32_t end = c->position + count; c->position < end; c->position++, out++) {
        unsigned lane = c->position % LANES;
        if (c->runs[lane]) {
            c->runs[lane]--;
            *out = 0;
            continue;
        }
        symbol = next_symbol(&in, &c->weights, c->symbols);
        if (symbol < 0)
            break;
        uint32_t byte = (uint32_t)symbol - RUNS + 1u;
        if ((uint32_t)symbol < RUNS) {
            refill(&in);
            c->runs[lane] = (uint16_t)((1u << symbol) - 1u + take(&in, (unsigned)symbol));
            byte = 0;
        } else if (c->mode == PAL_SIGN_APART) {
            byte |= take(&in, 1) * SIGN;
        } else {
            byte = unfold(c, byte, lane);
        }
        *out = (uint8_t)byte;
    }
    c->in = in;
    return symbol < 0 || overrun(&in) ? PAL_ERR_FORMAT : PAL_OK;
}

/* Its symbol is the bit length of its magnitude; without its top bit, a value is negative. */
static int next_number(struct pal_coding *c, const struct pal_code *code, uint32_t *out)
{
    int32_t found = next_symbol(&c->in, code, c->symbols);
    if (found < 0)
        return PAL_ERR_FORMAT;
    unsigned length = (unsigned)found, high = length / 2;
    refill(&c->in);
    uint32_t value = take(&c->in, high) << (length - high);
    refill(&c->in);
    value |= take(&c->in, length - high);
    if (length && !(value >> (length - 1)))
        value -= (1u << length) - 1u;
    *out = value;
    return overrun(&c->in) ? PAL_ERR_FORMAT : PAL_OK;
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
    memcpy(out, c->in.next, count);
    c->in.next += count;
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
        coding->in.next = coding->in.stop = coding->end;
        coding->size = coding->position = 0;
    }
    return err;
}

int pal_coding_end(const struct pal_coding *coding)
{
    return coding->position == coding->size && coding->in.stop == coding->end ? PAL_OK : PAL_ERR_FORMAT;
}
