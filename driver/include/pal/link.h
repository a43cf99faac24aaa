/* SPDX-License-Identifier: Apache-2.0 */
/* The link: a reliable byte stream in both directions over a line that loses, repeats and damages bytes.
 * Both ends run this code; the caller moves raw bytes and owns all memory. docs/link.md describes it. */
#ifndef PAL_LINK_H
#define PAL_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "pal/spec/link.h"
#include "pal/status.h"

enum pal_link_role { PAL_LINK_HOST, PAL_LINK_BOARD };

enum pal_link_state {
    PAL_LINK_CLOSED,  /* no session */
    PAL_LINK_OPENING, /* host: OPEN was sent */
    PAL_LINK_OPEN,
    PAL_LINK_BROKEN,  /* host: the board reset the session, refused it, or fell silent; `error` says which */
};

/* What the caller gives. Buffers must outlive the link; every size is a power of two, in bytes. */
struct pal_link_config {
    enum pal_link_role role;
    uint8_t *send_buffer;    /* stream bytes not yet acknowledged */
    uint32_t send_size;
    uint8_t *receive_buffer; /* stream bytes not yet read */
    uint32_t receive_size;
    uint8_t *frame_buffer;   /* one decoded frame: payload_max + PAL_LINK_FRAME_SIZE + 4 bytes at least */
    uint32_t payload_max;    /* bytes of payload this end takes in one frame; PAYLOAD_MIN to PAYLOAD_MAX */
    uint32_t retry_us;       /* first retransmission after so long; adapts to the line. 0: 200 ms */
    uint32_t give_up_us;     /* BROKEN after so long without any answer while one is due. 0: 5 s */
    /* Bytes outside frames: plain text. Optional. */
    void (*text)(void *ctx, const uint8_t *data, uint32_t size);
    void *ctx;
};

struct pal_link_counts {
    uint32_t frames_sent, frames_received, frames_damaged, resent, ignored; /* ignored: repeated or out of order */
    uint64_t bytes_sent, bytes_received;                                    /* on the line */
};

/* Read only, but through the functions below. The fields after `counts` are the codec's own (driver/link). */
struct pal_link {
    struct pal_link_config config;
    enum pal_link_state state;
    int error;                  /* PAL_ERR_* once BROKEN */
    uint8_t version;            /* chosen, once OPEN */
    uint8_t peer_min, peer_max; /* the other end's versions, after a refusal too */
    uint32_t opened;            /* sessions opened so far: a change tells the board that a new host is there */
    struct pal_link_counts counts;

    uint16_t session;
    uint8_t control;          /* type of a frame to send before all others; 0: none */
    uint16_t control_session; /* that it is for */
    struct {                  /* the line in: what came since the last zero byte */
        uint8_t mode, doubt;
        uint8_t left, gap;    /* COBS: bytes of this block to come; a zero stands before the next one */
        uint32_t size;        /* decoded, in frame_buffer */
        uint32_t at_us;       /* when bytes came last */
    } in;
    struct { /* the line out: the frame being drained */
        uint8_t stage;
        uint8_t run, gap; /* COBS, as above */
        uint8_t head[PAL_LINK_FRAME_SIZE + PAL_LINK_HELLO_SIZE], tail[4];
        uint32_t head_size, sequence, payload;
        uint32_t size, at; /* bytes before encoding; how many are encoded */
    } out;
    struct {                                /* the stream out */
        uint32_t acked, next, sent, queued; /* positions: acked <= next <= sent <= queued */
        uint32_t edge;                      /* the other end takes bytes below */
        uint32_t segment, segment_max;      /* bytes of payload */
        uint32_t burst;                     /* bytes that may be on their way */
        uint32_t good;                      /* bytes acknowledged since the last loss */
        uint32_t repeats, stale;            /* repeated acknowledgements; those that bytes sent in vain may cause */
        uint32_t rtt_us, deviation_us, retry_us;
        uint32_t timed, timed_us;      /* a round trip ends when this position is acknowledged; its begin */
        uint32_t again_us;             /* when a segment was sent again because of repeated acknowledgements */
        uint32_t started_us, heard_us; /* the retry timer; the last sign of the other end while one was due */
        uint8_t timing, waiting, probe, again;
    } send;
    struct { /* the stream in */
        uint32_t read, received;
        uint32_t edge;        /* of the window, as the other end knows it */
        uint8_t due, repeats; /* acknowledgements to send: with any frame; alone */
        uint8_t complaints;   /* sent for damaged frames since a whole one came */
    } receive;
};

/* Everywhere below, `now_us` is a clock that runs on and wraps. */

void pal_link_init(struct pal_link *link, const struct pal_link_config *config);

/* Host: begin a session, giving up any other. `session` is a random number. */
void pal_link_open(struct pal_link *link, uint16_t session, uint32_t now_us);

/* Raw bytes from the line, any number of them. */
void pal_link_feed(struct pal_link *link, const uint8_t *data, uint32_t size, uint32_t now_us);

/* Raw bytes for the line: fill `data` and return how many; 0 if there is nothing to send now. Less than `size`: the
 * line is between two frames, where it may carry text. */
uint32_t pal_link_drain(struct pal_link *link, uint8_t *data, uint32_t size, uint32_t now_us);

/* Whether what was drained ends within a frame: plain text must not follow it then. */
int pal_link_within_frame(const struct pal_link *link);

/* Microseconds until pal_link_drain may have something without anything else happening; UINT32_MAX: never. */
uint32_t pal_link_timer(const struct pal_link *link, uint32_t now_us);

/* The stream: how many bytes were taken or given, never waiting. */
uint32_t pal_link_send(struct pal_link *link, const void *data, uint32_t size);
uint32_t pal_link_receive(struct pal_link *link, void *data, uint32_t size);
uint32_t pal_link_available(const struct pal_link *link); /* bytes that can be received */
uint32_t pal_link_room(const struct pal_link *link);      /* bytes that can be sent */
int pal_link_flushed(const struct pal_link *link);        /* everything sent was acknowledged */

#endif /* PAL_LINK_H */
