/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <string.h>

#include "pal/crc32.h"

#define BLOCK 254u /* bytes without a zero that one code byte of COBS covers */

/* What is being drained. */
enum { IDLE, LEADING_ZERO, BLOCKS, TRAILING_ZERO };

/* What the bytes since the last zero are. A frame begins with a code byte of 3 at least, as neither type nor version
 * is 0, and with its type, a control character that no text has: the first three bytes tell text from frames. */
enum {
    TEXT,    /* before any zero too */
    SPOILED, /* text, but for a byte in this line */
    JUNK,    /* up to the next zero */
    START,   /* at most two bytes so far */
    FRAME,
};
#define TYPES 9u /* types are below; TAB is the first control character in text */

/* The bytes before encoding lie in up to four pieces: this is the one that `at` is in. */
static const uint8_t *piece(const struct pal_link *link, uint32_t at, uint32_t *size)
{
    if (at < link->out.head_size) {
        *size = link->out.head_size - at;
        return link->out.head + at;
    }
    at -= link->out.head_size;
    if (at < link->out.payload) {
        uint32_t place = (link->out.sequence + at) & (link->config.send_size - 1);
        *size = least(link->out.payload - at, link->config.send_size - place);
        return link->config.send_buffer + place;
    }
    at -= link->out.payload;
    *size = CRC_SIZE - at;
    return link->out.tail + at;
}

static uint32_t until_zero(const uint8_t *data, uint32_t size)
{
    const uint8_t *zero = memchr(data, 0, size);
    return zero ? (uint32_t)(zero - data) : size;
}

void frame_begin(struct pal_link *link, const struct pal_link_frame *frame, const struct pal_link_hello *hello,
                 uint32_t payload)
{
    pal_link_frame_store(link->out.head, frame);
    link->out.head_size = PAL_LINK_FRAME_SIZE;
    if (hello) {
        pal_link_hello_store(link->out.head + PAL_LINK_FRAME_SIZE, hello);
        link->out.head_size += PAL_LINK_HELLO_SIZE;
    }
    link->out.sequence = frame->sequence;
    link->out.payload = payload;
    uint32_t size = link->out.head_size + payload, crc = 0, part;
    for (uint32_t at = 0; at < size; at += part) {
        const uint8_t *data = piece(link, at, &part);
        crc = pal_crc32(crc, data, part);
    }
    pal_store_u32(link->out.tail, crc);
    link->out.size = size + CRC_SIZE;
    link->out.at = 0;
    link->out.run = link->out.gap = 0;
    link->out.stage = LEADING_ZERO;
}

int frame_busy(const struct pal_link *link)
{
    return link->out.stage != IDLE;
}

int pal_link_within_frame(const struct pal_link *link)
{
    return frame_busy(link);
}

void frame_abort(struct pal_link *link)
{
    if (link->out.stage != IDLE)
        link->out.stage = TRAILING_ZERO;
    link->out.payload = 0;
}

/* Bytes without a zero from `at` on, BLOCK at most. */
static uint32_t scan(const struct pal_link *link, uint32_t at)
{
    uint32_t run = 0;
    while (run < BLOCK && at + run < link->out.size) {
        uint32_t part;
        const uint8_t *data = piece(link, at + run, &part);
        part = least(part, BLOCK - run);
        uint32_t found = until_zero(data, part);
        run += found;
        if (found < part)
            break;
    }
    return run;
}

/* COBS as if one more zero stood at the end: a block covers the zero behind it, unless it is a full one. */
static uint32_t encode_blocks(struct pal_link *link, uint8_t *data, uint32_t size)
{
    uint32_t used = 0;
    while (used < size) {
        if (link->out.run) {
            uint32_t part;
            const uint8_t *from = piece(link, link->out.at, &part);
            part = least(least(part, link->out.run), size - used);
            memcpy(data + used, from, part);
            used += part;
            link->out.at += part;
            link->out.run = (uint8_t)(link->out.run - part);
        } else if (link->out.at + link->out.gap > link->out.size) {
            link->out.stage = TRAILING_ZERO;
            break;
        } else {
            link->out.at += link->out.gap;
            uint32_t run = scan(link, link->out.at);
            data[used++] = (uint8_t)(run + 1);
            link->out.run = (uint8_t)run;
            link->out.gap = run < BLOCK;
        }
    }
    return used;
}

uint32_t frame_encode(struct pal_link *link, uint8_t *data, uint32_t size)
{
    uint32_t used = 0;
    if (used < size && link->out.stage == LEADING_ZERO) {
        data[used++] = 0;
        link->out.stage = BLOCKS;
    }
    if (link->out.stage == BLOCKS)
        used += encode_blocks(link, data + used, size - used);
    if (used < size && link->out.stage == TRAILING_ZERO) {
        data[used++] = 0;
        link->out.stage = IDLE;
    }
    return used;
}

static uint32_t text_length(const uint8_t *data, uint32_t size)
{
    uint32_t n = 0;
    while (n < size && ((data[n] >= ' ' && data[n] <= '~') || data[n] == '\t' || data[n] == '\n' || data[n] == '\r'))
        n++;
    return n;
}

static void give_text(const struct pal_link *link, const uint8_t *data, uint32_t size)
{
    if (link->config.text && size)
        link->config.text(link->config.ctx, data, size);
}

static void damaged(struct pal_link *link, uint8_t mode)
{
    link->counts.frames_damaged++;
    link->in.mode = mode;
}

/* The first bytes after a zero, `size` of them decoded, are no frame: text, or nothing that is known. */
static void decide(struct pal_link *link)
{
    uint32_t size = link->in.size + 1;
    uint8_t first[3] = {(uint8_t)(link->in.left + size)};
    memcpy(first + 1, link->config.frame_buffer, link->in.size);
    if (link->in.doubt || text_length(first, size) < size) {
        damaged(link, JUNK);
        return;
    }
    link->in.mode = TEXT;
    give_text(link, first, size);
}

/* Part of one block of COBS, with no zero at its beginning. */
static uint32_t decode_block(struct pal_link *link, const uint8_t *data, uint32_t size)
{
    uint32_t limit = link->config.payload_max + PAL_LINK_FRAME_SIZE + CRC_SIZE - link->in.size, part;
    if (link->in.left == 0) {
        link->in.left = (uint8_t)(data[0] - 1);
        if (link->in.mode == START ? link->in.left < 2 : link->in.gap > limit) {
            damaged(link, JUNK);
            return 1;
        }
        if (link->in.gap)
            link->config.frame_buffer[link->in.size++] = 0;
        link->in.gap = link->in.left < BLOCK;
        return 1;
    }
    if (link->in.mode == START)
        limit = 2 - link->in.size;
    part = until_zero(data, least(least(size, link->in.left), limit));
    if (limit == 0) {
        damaged(link, JUNK);
        return 0;
    }
    memcpy(link->config.frame_buffer + link->in.size, data, part);
    link->in.size += part;
    link->in.left = (uint8_t)(link->in.left - part);
    if (link->in.mode == START && link->in.size == 2) {
        if (link->config.frame_buffer[0] < TYPES)
            link->in.mode = FRAME;
        else
            decide(link);
    }
    return part;
}

/* A zero came. Returns the size of a whole frame without its CRC, or 0. */
static uint32_t end(struct pal_link *link)
{
    uint32_t size = link->in.size, whole = 0;
    uint8_t doubt = 0;
    if (link->in.mode == FRAME) {
        const uint8_t *data = link->config.frame_buffer;
        if (link->in.left == 0 && size >= PAL_LINK_FRAME_SIZE + CRC_SIZE &&
            pal_crc32(0, data, size - CRC_SIZE) == pal_load_u32(data + size - CRC_SIZE))
            whole = size - CRC_SIZE;
        else { /* if this zero is the damage, then what follows is no text either */
            link->counts.frames_damaged++;
            doubt = 1;
        }
    } else if (link->in.mode == START && link->in.left)
        decide(link);
    link->in.mode = START;
    link->in.doubt = doubt;
    link->in.size = 0;
    link->in.left = link->in.gap = 0;
    return whole;
}

uint32_t frame_decode(struct pal_link *link, const uint8_t *data, uint32_t size, uint32_t *whole)
{
    uint32_t used = 0, part;
    *whole = 0;
    while (used < size && *whole == 0) {
        const uint8_t *at = data + used;
        if (*at == 0) {
            *whole = end(link);
            used++;
            continue;
        }
        switch (link->in.mode) {
        case TEXT:
            part = text_length(at, size - used);
            give_text(link, at, part);
            if (used + part < size && at[part] != 0)
                link->in.mode = SPOILED;
            break;
        case SPOILED:
            part = 1;
            if (*at == '\n' || *at == '\r')
                link->in.mode = TEXT;
            break;
        case JUNK:
            part = until_zero(at, size - used);
            break;
        default:
            part = decode_block(link, at, size - used);
            break;
        }
        used += part;
    }
    return used;
}

void frame_silence(struct pal_link *link)
{
    if (link->in.mode == FRAME)
        link->counts.frames_damaged++;
    else if (link->in.mode == START && link->in.left)
        decide(link);
    if (link->in.mode != START)
        link->in.mode = TEXT;
    link->in.doubt = 0;
}
