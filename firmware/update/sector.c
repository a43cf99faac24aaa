/* SPDX-License-Identifier: Apache-2.0 */
#include "sector.h"

#include <lz4.h>
#include <string.h>

#define PIECE 64u

/* The bytes of one segment, whose stored bytes are at `stored`. */
static int decode_segment(uint8_t *out, const struct pal_link_segment *segment, const struct flash_area *source,
                          const uint8_t *stored)
{
    int nothing_stored = segment->kind == PAL_SEGMENT_KIND_FILL || segment->kind == PAL_SEGMENT_KIND_COPY;
    if (nothing_stored && segment->stored)
        return PAL_ERR_ARG;
    switch (segment->kind) {
    case PAL_SEGMENT_KIND_FILL:
        memset(out, 0xFF, segment->length);
        return PAL_OK;
    case PAL_SEGMENT_KIND_RAW:
        if (segment->stored != segment->length)
            return PAL_ERR_ARG;
        memcpy(out, stored, segment->length);
        return PAL_OK;
    case PAL_SEGMENT_KIND_LZ4:
        return LZ4_decompress_safe((const char *)stored, (char *)out, (int)segment->stored, segment->length) ==
                       segment->length ? PAL_OK : PAL_ERR_ARG;
    case PAL_SEGMENT_KIND_COPY:
        return flash_area_read(source, segment->source, out, segment->length);
    default:
        return PAL_ERR_ARG;
    }
}

int sector_decode(uint8_t sector[PAL_LINK_SECTOR], const struct flash_area *source, uint32_t count, const uint8_t *body,
                  uint32_t size)
{
    uint32_t filled = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct pal_link_segment segment;
        if (size < PAL_LINK_SEGMENT_SIZE)
            return PAL_ERR_ARG;
        pal_link_segment_load(&segment, body);
        body += PAL_LINK_SEGMENT_SIZE;
        size -= PAL_LINK_SEGMENT_SIZE;
        if (!segment.length || segment.length > PAL_LINK_SECTOR - filled || segment.stored > size)
            return PAL_ERR_ARG;
        int err = decode_segment(sector + filled, &segment, source, body);
        if (err)
            return err;
        filled += segment.length;
        body += segment.stored;
        size -= segment.stored;
    }
    return filled == PAL_LINK_SECTOR && !size ? PAL_OK : PAL_ERR_ARG;
}

/* 0 if flash holds these bytes, 1 if not, or PAL_ERR_FLASH. */
static int differs(const struct flash_area *area, uint32_t offset, const uint8_t *bytes)
{
    uint8_t piece[PIECE];
    for (uint32_t at = 0; at < PAL_LINK_SECTOR; at += PIECE) {
        int err = flash_area_read(area, offset + at, piece, PIECE);
        if (err)
            return err;
        if (memcmp(piece, bytes + at, PIECE))
            return 1;
    }
    return 0;
}

static int is_blank(const uint8_t *bytes)
{
    for (uint32_t i = 0; i < PIECE; i++)
        if (bytes[i] != 0xFF)
            return 0;
    return 1;
}

int sector_write(const struct flash_area *area, uint32_t offset, const uint8_t sector[PAL_LINK_SECTOR])
{
    int err = differs(area, offset, sector);
    if (err <= 0)
        return err;
    err = flash_area_erase(area, offset, PAL_LINK_SECTOR);
    uint32_t at = 0;
    while (!err && at < PAL_LINK_SECTOR) { /* whole runs between blank pieces: few operations */
        uint32_t run = 0;
        while (at + run < PAL_LINK_SECTOR && !is_blank(sector + at + run))
            run += PIECE;
        if (run)
            err = flash_area_program(area, offset + at, sector + at, run);
        at += run ? run : PIECE;
    }
    if (!err)
        err = differs(area, offset, sector);
    return err > 0 ? PAL_ERR_FLASH : err;
}
