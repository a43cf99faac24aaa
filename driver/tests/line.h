/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of a link with a bad line and a clock between them, all of it in this process. */
#ifndef PAL_TESTS_LINE_H
#define PAL_TESTS_LINE_H

#include "pal/link.h"

struct faults { /* of 10000 frames, of 10000 bytes */
    uint32_t lose_frame, repeat_frame, spoil_frame, swap_frames;
    uint32_t spoil_byte, lose_byte, repeat_byte;
};

struct end {
    struct pal_link link;
    uint32_t given, taken; /* bytes of its streams so far */
    uint32_t total;        /* bytes to give */
    uint32_t key;          /* of what it gives */
    uint32_t opened;
    char text[4096];
    uint32_t text_size;
};

#define PACKETS 64u
struct packet {
    uint32_t due_us, size;
    uint8_t *data;
};

struct way { /* to one end */
    uint8_t frame[40000];
    uint32_t size;
    struct packet packets[PACKETS];
    uint32_t count;
};

struct world {
    struct end host, board;
    struct way up, down; /* to the host, to the board */
    struct faults faults;
    uint32_t now_us, random;
    int cut; /* nothing arrives */
};

struct world_config {
    struct faults faults;
    uint32_t send_size, receive_size, payload_max, total, seed;
};

/* Ends that are not open yet; zeros in `config` are sensible defaults. */
struct world *world_new(const struct world_config *config);
void world_free(struct world *world);

/* Random number below `below`. */
uint32_t draw(struct world *world, uint32_t below);

/* Byte `position` of a stream. */
uint8_t content(uint32_t key, uint32_t position);

/* Go on for so long, or until both streams are through and acknowledged; whether they are. Ends the program on a
 * wrong byte. */
int world_run(struct world *world, uint32_t time_us);

/* Make a frame by hand, zeros around it; returns its size. */
uint32_t frame_make(uint8_t *out, const struct pal_link_frame *frame, const void *payload, uint32_t size);
/* Take the first frame out of encoded bytes; returns the size of its payload. */
uint32_t frame_read(const uint8_t *data, uint32_t size, struct pal_link_frame *frame, uint8_t *payload);

#endif /* PAL_TESTS_LINE_H */
