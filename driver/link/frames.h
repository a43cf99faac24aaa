/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on the line: COBS, CRC and header, apart from what they mean. */
#ifndef PAL_LINK_FRAMES_H
#define PAL_LINK_FRAMES_H

#include "pal/link.h"

#define CRC_SIZE 4u

static inline uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Begin the next frame: `hello` behind the header if not NULL, then `payload` bytes of send_buffer from
 * frame->sequence on, which must stay there until the frame is out. */
void frame_begin(struct pal_link *link, const struct pal_link_frame *frame, const struct pal_link_hello *hello,
                 uint32_t payload);

/* Whether a frame was begun and is not out yet. */
int frame_busy(const struct pal_link *link);

/* Encode as much of it as fits; returns the bytes written. */
uint32_t frame_encode(struct pal_link *link, uint8_t *data, uint32_t size);

/* End it early: the other end drops it as damaged. */
void frame_abort(struct pal_link *link);

/* Decode up to the end of the first whole frame, passing text on; returns the bytes consumed. `whole` becomes the
 * size of header and payload in frame_buffer, or 0. */
uint32_t frame_decode(struct pal_link *link, const uint8_t *data, uint32_t size, uint32_t *whole);

/* Nothing came for long: what began is not going to end. */
void frame_silence(struct pal_link *link);

#endif /* PAL_LINK_FRAMES_H */
