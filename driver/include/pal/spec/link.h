/* Generated from driver/spec by `make generate`: link. Do not edit. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAL_SPEC_LINK_H
#define PAL_SPEC_LINK_H

#include <stdint.h>
#include "pal/load.h"

#define PAL_LINK_VERSION_MIN 1u
#define PAL_LINK_VERSION_MAX 1u
#define PAL_LINK_PAYLOAD_MIN 32u
#define PAL_LINK_PAYLOAD_MAX 16384u
#define PAL_LINK_MESSAGE_MAX 4608u
#define PAL_LINK_NAME_BYTES 32u
#define PAL_LINK_DIGEST_BYTES 6u
#define PAL_LINK_USB_VENDOR 4617u
#define PAL_LINK_USB_PRODUCT 1u
#define PAL_LINK_SECTOR 4096u
#define PAL_LINK_DIGEST_FACTOR 0x9E3779B97F4A7C15ull

enum pal_link_frame_type {
    PAL_FRAME_OPEN = 1, /* host: begin a session; payload hello with the versions it speaks */
    PAL_FRAME_OPENED = 2, /* board: the session begins; payload hello with the version chosen */
    PAL_FRAME_REFUSED = 3, /* board: no common version; payload hello with the board's */
    PAL_FRAME_DATA = 4, /* bytes of the stream from `sequence` on, or none: an acknowledgement alone */
    PAL_FRAME_RESET = 5, /* this session is not known here: it must be opened anew */
};

enum pal_link_command {
    PAL_REQUEST_IDENTIFY = 1, /* what board this is and what runs on it */
    PAL_REQUEST_SLOTS = 2, /* the firmware slots */
    PAL_REQUEST_ECHO = 3, /* answer with the same bytes */
    PAL_REQUEST_RESTART = 4, /* reset the board after this response */
    PAL_REQUEST_LOG = 5, /* text logged from a position on; waits for some at most so long */
    PAL_REQUEST_CRASH = 6, /* the record of the last crash; NOT_FOUND without one */
    PAL_REQUEST_BEGIN = 16, /* prepare to write an image into the other slot, or a model into the store */
    PAL_REQUEST_DIGESTS = 17, /* DIGEST_BYTES for each block */
    PAL_REQUEST_WRITE = 18, /* write one sector of the target: segments, each with its stored bytes after it */
    PAL_REQUEST_END = 19, /* check the digest and what was written, and put it to use */
    PAL_REQUEST_ABORT = 20, /* give the transfer up; what was written is kept for the next one */
    PAL_REQUEST_MODELS = 32, /* the models in the store */
    PAL_REQUEST_REMOVE = 33, /* remove a model from the store */
    PAL_REQUEST_FETCH = 34, /* bytes of a model in the store */
    PAL_REQUEST_STORE = 35, /* room and wear of the store */
    PAL_REQUEST_SESSION_OPEN = 48, /* a session on a model of the store, or room in memory for one that follows */
    PAL_REQUEST_SESSION_LOAD = 49, /* bytes of the model, into memory */
    PAL_REQUEST_SESSION_START = 50, /* check the model and load it into the engine's memory */
    PAL_REQUEST_SESSION_INPUT = 51, /* bytes of the INPUT region */
    PAL_REQUEST_SESSION_RUN = 52, /* run commands; the response's body is there also with status ENGINE */
    PAL_REQUEST_SESSION_READ = 53, /* bytes of a region */
    PAL_REQUEST_SESSION_PROFILE = 54, /* profile records of commands of the last run */
    PAL_REQUEST_SESSION_TEST = 55, /* run the model's known-answer test */
    PAL_REQUEST_SESSION_CLOSE = 56, /* give its memory back */
};

enum pal_link_mode {
    PAL_MODE_BOOTLOADER = 0, /* recovery: neither slot boots, or it was asked for */
    PAL_MODE_APPLICATION = 1, /* the application runs */
};

enum pal_link_slot_state {
    PAL_SLOT_EMPTY = 0, /* empty */
    PAL_SLOT_INVALID = 1, /* invalid */
    PAL_SLOT_VALID = 2, /* valid, not in use */
    PAL_SLOT_PENDING = 3, /* boots on trial at the next reset */
    PAL_SLOT_TRIAL = 4, /* on trial */
    PAL_SLOT_CONFIRMED = 5, /* confirmed */
    PAL_SLOT_REJECTED = 6, /* failed its trial */
};

enum pal_link_transfer_kind {
    PAL_TRANSFER_IMAGE = 0, /* firmware, into the slot that is not running */
    PAL_TRANSFER_MODEL = 1, /* a model, into the store */
};

enum pal_link_transfer_area {
    PAL_AREA_TARGET = 0, /* what is being written */
    PAL_AREA_SOURCE = 1, /* what can be copied from: the running image, or the model's former version */
};

enum pal_link_segment_kind {
    PAL_SEGMENT_KIND_FILL = 0, /* `length` bytes 0xFF; nothing stored */
    PAL_SEGMENT_KIND_RAW = 1, /* `length` bytes as they are */
    PAL_SEGMENT_KIND_LZ4 = 2, /* an LZ4 block of `stored` bytes that decodes to `length` */
    PAL_SEGMENT_KIND_COPY = 3, /* `length` bytes of SOURCE from `source` on; nothing stored */
};

enum pal_link_reset_reason {
    PAL_RESET_POWER = 0, /* power on */
    PAL_RESET_SOFTWARE = 1, /* asked for */
    PAL_RESET_WATCHDOG = 2, /* watchdog */
    PAL_RESET_CRASH = 3, /* crash */
};

#define PAL_LINK_FRAME_SIZE 16u

/* A frame record of the link. */
struct pal_link_frame {
    uint8_t type; /* enum pal_link_frame_type */
    uint8_t version; /* of the link */
    uint16_t session; /* chosen at random by the host */
    uint32_t sequence; /* stream position of the first payload byte, modulo 2^32 */
    uint32_t acknowledged; /* stream position that the sender waits for */
    uint32_t window; /* bytes that the sender can take from there on */
};

static inline void pal_link_frame_load(struct pal_link_frame *out, const uint8_t *p)
{
    out->type = pal_load_u8(p + 0);
    out->version = pal_load_u8(p + 1);
    out->session = pal_load_u16(p + 2);
    out->sequence = pal_load_u32(p + 4);
    out->acknowledged = pal_load_u32(p + 8);
    out->window = pal_load_u32(p + 12);
}

static inline void pal_link_frame_store(uint8_t *p, const struct pal_link_frame *in)
{
    pal_store_u8(p + 0, in->type);
    pal_store_u8(p + 1, in->version);
    pal_store_u16(p + 2, in->session);
    pal_store_u32(p + 4, in->sequence);
    pal_store_u32(p + 8, in->acknowledged);
    pal_store_u32(p + 12, in->window);
}

#define PAL_LINK_HELLO_SIZE 8u

/* A hello record of the link. */
struct pal_link_hello {
    uint8_t version_min; /* link versions spoken; equal in OPENED */
    uint8_t version_max;
    uint16_t payload_max; /* bytes of payload that a frame to the sender may carry */
    uint32_t window; /* bytes that the sender can take */
};

static inline void pal_link_hello_load(struct pal_link_hello *out, const uint8_t *p)
{
    out->version_min = pal_load_u8(p + 0);
    out->version_max = pal_load_u8(p + 1);
    out->payload_max = pal_load_u16(p + 2);
    out->window = pal_load_u32(p + 4);
}

static inline void pal_link_hello_store(uint8_t *p, const struct pal_link_hello *in)
{
    pal_store_u8(p + 0, in->version_min);
    pal_store_u8(p + 1, in->version_max);
    pal_store_u16(p + 2, in->payload_max);
    pal_store_u32(p + 4, in->window);
}

#define PAL_LINK_MESSAGE_SIZE 8u

/* A message record of the link. */
struct pal_link_message {
    uint8_t command; /* enum pal_link_command; the same in the response */
    int8_t status; /* 0 in a request; enum pal_status in the response */
    uint16_t id; /* chosen by the host; the same in the response */
    uint32_t length; /* bytes that follow */
};

static inline void pal_link_message_load(struct pal_link_message *out, const uint8_t *p)
{
    out->command = pal_load_u8(p + 0);
    out->status = (int8_t)pal_load_u8(p + 1);
    out->id = pal_load_u16(p + 2);
    out->length = pal_load_u32(p + 4);
}

static inline void pal_link_message_store(uint8_t *p, const struct pal_link_message *in)
{
    pal_store_u8(p + 0, in->command);
    pal_store_u8(p + 1, (uint8_t)in->status);
    pal_store_u16(p + 2, in->id);
    pal_store_u32(p + 4, in->length);
}

#define PAL_LINK_IDENTITY_SIZE 84u

/* A identity record of the link. */
struct pal_link_identity {
    uint8_t mode; /* enum pal_link_mode */
    uint8_t slot; /* that runs, 255 in recovery */
    uint8_t reset_reason; /* enum pal_link_reset_reason */
    uint8_t crashed; /* 1: a crash record waits */
    uint32_t board_id; /* of the port; images carry it */
    uint8_t board[16]; /* name of the port */
    uint8_t serial[16]; /* serial number, ASCII */
    uint8_t version[8]; /* of what runs, as in the image header: major, minor, revision u16, build u32 */
    uint32_t security_counter; /* images below are refused */
    uint32_t engine_abi; /* 0: no engine was found */
    uint32_t target; /* id of the engine's target */
    uint32_t clock_hz; /* of the engine */
    uint32_t slot_size; /* bytes */
    uint32_t store_size; /* bytes, all told */
    uint32_t memory_size; /* bytes for sessions */
    uint32_t memory_free; /* largest free piece */
    uint32_t uptime_ms;
};

static inline void pal_link_identity_load(struct pal_link_identity *out, const uint8_t *p)
{
    out->mode = pal_load_u8(p + 0);
    out->slot = pal_load_u8(p + 1);
    out->reset_reason = pal_load_u8(p + 2);
    out->crashed = pal_load_u8(p + 3);
    out->board_id = pal_load_u32(p + 4);
    for (unsigned i = 0; i < 16u; i++) {
        out->board[i] = pal_load_u8(p + 8u + 1u * i);
    }
    for (unsigned i = 0; i < 16u; i++) {
        out->serial[i] = pal_load_u8(p + 24u + 1u * i);
    }
    for (unsigned i = 0; i < 8u; i++) {
        out->version[i] = pal_load_u8(p + 40u + 1u * i);
    }
    out->security_counter = pal_load_u32(p + 48);
    out->engine_abi = pal_load_u32(p + 52);
    out->target = pal_load_u32(p + 56);
    out->clock_hz = pal_load_u32(p + 60);
    out->slot_size = pal_load_u32(p + 64);
    out->store_size = pal_load_u32(p + 68);
    out->memory_size = pal_load_u32(p + 72);
    out->memory_free = pal_load_u32(p + 76);
    out->uptime_ms = pal_load_u32(p + 80);
}

static inline void pal_link_identity_store(uint8_t *p, const struct pal_link_identity *in)
{
    pal_store_u8(p + 0, in->mode);
    pal_store_u8(p + 1, in->slot);
    pal_store_u8(p + 2, in->reset_reason);
    pal_store_u8(p + 3, in->crashed);
    pal_store_u32(p + 4, in->board_id);
    for (unsigned i = 0; i < 16u; i++)
        pal_store_u8(p + 8u + 1u * i, in->board[i]);
    for (unsigned i = 0; i < 16u; i++)
        pal_store_u8(p + 24u + 1u * i, in->serial[i]);
    for (unsigned i = 0; i < 8u; i++)
        pal_store_u8(p + 40u + 1u * i, in->version[i]);
    pal_store_u32(p + 48, in->security_counter);
    pal_store_u32(p + 52, in->engine_abi);
    pal_store_u32(p + 56, in->target);
    pal_store_u32(p + 60, in->clock_hz);
    pal_store_u32(p + 64, in->slot_size);
    pal_store_u32(p + 68, in->store_size);
    pal_store_u32(p + 72, in->memory_size);
    pal_store_u32(p + 76, in->memory_free);
    pal_store_u32(p + 80, in->uptime_ms);
}

#define PAL_LINK_SLOT_SIZE 52u

/* A slot record of the link. */
struct pal_link_slot {
    uint8_t state; /* enum pal_link_slot_state */
    uint8_t running;
    uint16_t reserved;
    uint32_t size; /* bytes of the image, header and trailer included */
    uint8_t version[8];
    uint32_t security_counter;
    uint8_t digest[32]; /* SHA-256 as imgtool shows it */
};

static inline void pal_link_slot_load(struct pal_link_slot *out, const uint8_t *p)
{
    out->state = pal_load_u8(p + 0);
    out->running = pal_load_u8(p + 1);
    out->reserved = pal_load_u16(p + 2);
    out->size = pal_load_u32(p + 4);
    for (unsigned i = 0; i < 8u; i++) {
        out->version[i] = pal_load_u8(p + 8u + 1u * i);
    }
    out->security_counter = pal_load_u32(p + 16);
    for (unsigned i = 0; i < 32u; i++) {
        out->digest[i] = pal_load_u8(p + 20u + 1u * i);
    }
}

static inline void pal_link_slot_store(uint8_t *p, const struct pal_link_slot *in)
{
    pal_store_u8(p + 0, in->state);
    pal_store_u8(p + 1, in->running);
    pal_store_u16(p + 2, in->reserved);
    pal_store_u32(p + 4, in->size);
    for (unsigned i = 0; i < 8u; i++)
        pal_store_u8(p + 8u + 1u * i, in->version[i]);
    pal_store_u32(p + 16, in->security_counter);
    for (unsigned i = 0; i < 32u; i++)
        pal_store_u8(p + 20u + 1u * i, in->digest[i]);
}

#define PAL_LINK_RESTART_SIZE 1u

/* A restart record of the link. */
struct pal_link_restart {
    uint8_t mode; /* enum pal_link_mode: stay in the bootloader, or start the application */
};

static inline void pal_link_restart_load(struct pal_link_restart *out, const uint8_t *p)
{
    out->mode = pal_load_u8(p + 0);
}

static inline void pal_link_restart_store(uint8_t *p, const struct pal_link_restart *in)
{
    pal_store_u8(p + 0, in->mode);
}

#define PAL_LINK_LOG_SIZE 8u

/* A log record of the link. */
struct pal_link_log {
    uint32_t position; /* of the first byte, counted from the start of the log; the response's may be later */
    uint32_t wait_ms;
};

static inline void pal_link_log_load(struct pal_link_log *out, const uint8_t *p)
{
    out->position = pal_load_u32(p + 0);
    out->wait_ms = pal_load_u32(p + 4);
}

static inline void pal_link_log_store(uint8_t *p, const struct pal_link_log *in)
{
    pal_store_u32(p + 0, in->position);
    pal_store_u32(p + 4, in->wait_ms);
}

#define PAL_LINK_CLEAR_SIZE 1u

/* A clear record of the link. */
struct pal_link_clear {
    uint8_t clear; /* 1: forget it after this */
};

static inline void pal_link_clear_load(struct pal_link_clear *out, const uint8_t *p)
{
    out->clear = pal_load_u8(p + 0);
}

static inline void pal_link_clear_store(uint8_t *p, const struct pal_link_clear *in)
{
    pal_store_u8(p + 0, in->clear);
}

#define PAL_LINK_CRASH_SIZE 128u

/* A crash record of the link. */
struct pal_link_crash {
    uint32_t reason; /* exception number, or 0x100: watchdog, 0x101: panic */
    uint32_t registers[8]; /* r0-r3, r12, lr, pc, psr, or what the core has in their place */
    uint32_t fault[4]; /* fault status and address registers */
    uint32_t uptime_ms;
    uint8_t version[8]; /* of the firmware that crashed */
    uint8_t text[64]; /* what it was doing */
};

static inline void pal_link_crash_load(struct pal_link_crash *out, const uint8_t *p)
{
    out->reason = pal_load_u32(p + 0);
    for (unsigned i = 0; i < 8u; i++) {
        out->registers[i] = pal_load_u32(p + 4u + 4u * i);
    }
    for (unsigned i = 0; i < 4u; i++) {
        out->fault[i] = pal_load_u32(p + 36u + 4u * i);
    }
    out->uptime_ms = pal_load_u32(p + 52);
    for (unsigned i = 0; i < 8u; i++) {
        out->version[i] = pal_load_u8(p + 56u + 1u * i);
    }
    for (unsigned i = 0; i < 64u; i++) {
        out->text[i] = pal_load_u8(p + 64u + 1u * i);
    }
}

static inline void pal_link_crash_store(uint8_t *p, const struct pal_link_crash *in)
{
    pal_store_u32(p + 0, in->reason);
    for (unsigned i = 0; i < 8u; i++)
        pal_store_u32(p + 4u + 4u * i, in->registers[i]);
    for (unsigned i = 0; i < 4u; i++)
        pal_store_u32(p + 36u + 4u * i, in->fault[i]);
    pal_store_u32(p + 52, in->uptime_ms);
    for (unsigned i = 0; i < 8u; i++)
        pal_store_u8(p + 56u + 1u * i, in->version[i]);
    for (unsigned i = 0; i < 64u; i++)
        pal_store_u8(p + 64u + 1u * i, in->text[i]);
}

#define PAL_LINK_BEGIN_SIZE 96u

/* A begin record of the link. */
struct pal_link_begin {
    uint8_t kind; /* enum pal_link_transfer_kind */
    uint8_t reserved[3];
    uint32_t size;
    uint32_t board_id; /* that the image is for; 0 for a model */
    uint32_t security_counter; /* of the image; 0 for a model */
    uint8_t name[32]; /* of the model */
    uint8_t label[16]; /* MLPerf Tiny task (kws01, ic01, vww01, ad01) whose benchmark protocol it answers, or zeros */
    uint8_t digest[32]; /* SHA-256 of the whole file */
};

static inline void pal_link_begin_load(struct pal_link_begin *out, const uint8_t *p)
{
    out->kind = pal_load_u8(p + 0);
    for (unsigned i = 0; i < 3u; i++) {
        out->reserved[i] = pal_load_u8(p + 1u + 1u * i);
    }
    out->size = pal_load_u32(p + 4);
    out->board_id = pal_load_u32(p + 8);
    out->security_counter = pal_load_u32(p + 12);
    for (unsigned i = 0; i < 32u; i++) {
        out->name[i] = pal_load_u8(p + 16u + 1u * i);
    }
    for (unsigned i = 0; i < 16u; i++) {
        out->label[i] = pal_load_u8(p + 48u + 1u * i);
    }
    for (unsigned i = 0; i < 32u; i++) {
        out->digest[i] = pal_load_u8(p + 64u + 1u * i);
    }
}

static inline void pal_link_begin_store(uint8_t *p, const struct pal_link_begin *in)
{
    pal_store_u8(p + 0, in->kind);
    for (unsigned i = 0; i < 3u; i++)
        pal_store_u8(p + 1u + 1u * i, in->reserved[i]);
    pal_store_u32(p + 4, in->size);
    pal_store_u32(p + 8, in->board_id);
    pal_store_u32(p + 12, in->security_counter);
    for (unsigned i = 0; i < 32u; i++)
        pal_store_u8(p + 16u + 1u * i, in->name[i]);
    for (unsigned i = 0; i < 16u; i++)
        pal_store_u8(p + 48u + 1u * i, in->label[i]);
    for (unsigned i = 0; i < 32u; i++)
        pal_store_u8(p + 64u + 1u * i, in->digest[i]);
}

#define PAL_LINK_TRANSFER_SIZE 12u

/* A transfer record of the link. */
struct pal_link_transfer {
    uint8_t already; /* 1: exactly this is there and in use; nothing to do */
    uint8_t slot; /* being written; 255 for a model */
    uint16_t reserved;
    uint32_t target_size; /* bytes, a multiple of SECTOR */
    uint32_t source_size; /* bytes; 0: nothing to copy from */
};

static inline void pal_link_transfer_load(struct pal_link_transfer *out, const uint8_t *p)
{
    out->already = pal_load_u8(p + 0);
    out->slot = pal_load_u8(p + 1);
    out->reserved = pal_load_u16(p + 2);
    out->target_size = pal_load_u32(p + 4);
    out->source_size = pal_load_u32(p + 8);
}

static inline void pal_link_transfer_store(uint8_t *p, const struct pal_link_transfer *in)
{
    pal_store_u8(p + 0, in->already);
    pal_store_u8(p + 1, in->slot);
    pal_store_u16(p + 2, in->reserved);
    pal_store_u32(p + 4, in->target_size);
    pal_store_u32(p + 8, in->source_size);
}

#define PAL_LINK_DIGESTS_SIZE 12u

/* A digests record of the link. */
struct pal_link_digests {
    uint8_t area; /* enum pal_link_transfer_area */
    uint8_t reserved;
    uint16_t block; /* bytes, a divisor of SECTOR or SECTOR */
    uint32_t offset; /* a multiple of `block` */
    uint32_t count; /* blocks; the last one of an area may be short */
};

static inline void pal_link_digests_load(struct pal_link_digests *out, const uint8_t *p)
{
    out->area = pal_load_u8(p + 0);
    out->reserved = pal_load_u8(p + 1);
    out->block = pal_load_u16(p + 2);
    out->offset = pal_load_u32(p + 4);
    out->count = pal_load_u32(p + 8);
}

static inline void pal_link_digests_store(uint8_t *p, const struct pal_link_digests *in)
{
    pal_store_u8(p + 0, in->area);
    pal_store_u8(p + 1, in->reserved);
    pal_store_u16(p + 2, in->block);
    pal_store_u32(p + 4, in->offset);
    pal_store_u32(p + 8, in->count);
}

#define PAL_LINK_WRITE_SIZE 8u

/* A write record of the link. */
struct pal_link_write {
    uint32_t offset; /* a multiple of SECTOR */
    uint32_t count; /* segments; their lengths sum up to SECTOR */
};

static inline void pal_link_write_load(struct pal_link_write *out, const uint8_t *p)
{
    out->offset = pal_load_u32(p + 0);
    out->count = pal_load_u32(p + 4);
}

static inline void pal_link_write_store(uint8_t *p, const struct pal_link_write *in)
{
    pal_store_u32(p + 0, in->offset);
    pal_store_u32(p + 4, in->count);
}

#define PAL_LINK_SEGMENT_SIZE 12u

/* A segment record of the link. */
struct pal_link_segment {
    uint8_t kind; /* enum pal_link_segment_kind */
    uint8_t reserved;
    uint16_t length; /* bytes in the sector */
    uint32_t stored; /* bytes that follow in the message */
    uint32_t source; /* offset in SOURCE */
};

static inline void pal_link_segment_load(struct pal_link_segment *out, const uint8_t *p)
{
    out->kind = pal_load_u8(p + 0);
    out->reserved = pal_load_u8(p + 1);
    out->length = pal_load_u16(p + 2);
    out->stored = pal_load_u32(p + 4);
    out->source = pal_load_u32(p + 8);
}

static inline void pal_link_segment_store(uint8_t *p, const struct pal_link_segment *in)
{
    pal_store_u8(p + 0, in->kind);
    pal_store_u8(p + 1, in->reserved);
    pal_store_u16(p + 2, in->length);
    pal_store_u32(p + 4, in->stored);
    pal_store_u32(p + 8, in->source);
}

#define PAL_LINK_MODEL_SIZE 88u

/* A model record of the link. */
struct pal_link_model {
    uint8_t name[32];
    uint32_t size;
    uint32_t target; /* id of the target it is compiled for */
    uint8_t label[16]; /* MLPerf Tiny task (kws01, ic01, vww01, ad01) whose benchmark protocol it answers, or zeros */
    uint8_t digest[32]; /* SHA-256 of the file */
};

static inline void pal_link_model_load(struct pal_link_model *out, const uint8_t *p)
{
    for (unsigned i = 0; i < 32u; i++) {
        out->name[i] = pal_load_u8(p + 0u + 1u * i);
    }
    out->size = pal_load_u32(p + 32);
    out->target = pal_load_u32(p + 36);
    for (unsigned i = 0; i < 16u; i++) {
        out->label[i] = pal_load_u8(p + 40u + 1u * i);
    }
    for (unsigned i = 0; i < 32u; i++) {
        out->digest[i] = pal_load_u8(p + 56u + 1u * i);
    }
}

static inline void pal_link_model_store(uint8_t *p, const struct pal_link_model *in)
{
    for (unsigned i = 0; i < 32u; i++)
        pal_store_u8(p + 0u + 1u * i, in->name[i]);
    pal_store_u32(p + 32, in->size);
    pal_store_u32(p + 36, in->target);
    for (unsigned i = 0; i < 16u; i++)
        pal_store_u8(p + 40u + 1u * i, in->label[i]);
    for (unsigned i = 0; i < 32u; i++)
        pal_store_u8(p + 56u + 1u * i, in->digest[i]);
}

#define PAL_LINK_NAMED_SIZE 32u

/* A named record of the link. */
struct pal_link_named {
    uint8_t name[32];
};

static inline void pal_link_named_load(struct pal_link_named *out, const uint8_t *p)
{
    for (unsigned i = 0; i < 32u; i++) {
        out->name[i] = pal_load_u8(p + 0u + 1u * i);
    }
}

static inline void pal_link_named_store(uint8_t *p, const struct pal_link_named *in)
{
    for (unsigned i = 0; i < 32u; i++)
        pal_store_u8(p + 0u + 1u * i, in->name[i]);
}

#define PAL_LINK_FETCH_SIZE 40u

/* A fetch record of the link. */
struct pal_link_fetch {
    uint8_t name[32];
    uint32_t offset;
    uint32_t size;
};

static inline void pal_link_fetch_load(struct pal_link_fetch *out, const uint8_t *p)
{
    for (unsigned i = 0; i < 32u; i++) {
        out->name[i] = pal_load_u8(p + 0u + 1u * i);
    }
    out->offset = pal_load_u32(p + 32);
    out->size = pal_load_u32(p + 36);
}

static inline void pal_link_fetch_store(uint8_t *p, const struct pal_link_fetch *in)
{
    for (unsigned i = 0; i < 32u; i++)
        pal_store_u8(p + 0u + 1u * i, in->name[i]);
    pal_store_u32(p + 32, in->offset);
    pal_store_u32(p + 36, in->size);
}

#define PAL_LINK_STORE_SIZE 16u

/* A store record of the link. */
struct pal_link_store {
    uint32_t size;
    uint32_t free;
    uint32_t largest; /* largest model that fits */
    uint32_t models;
};

static inline void pal_link_store_load(struct pal_link_store *out, const uint8_t *p)
{
    out->size = pal_load_u32(p + 0);
    out->free = pal_load_u32(p + 4);
    out->largest = pal_load_u32(p + 8);
    out->models = pal_load_u32(p + 12);
}

static inline void pal_link_store_store(uint8_t *p, const struct pal_link_store *in)
{
    pal_store_u32(p + 0, in->size);
    pal_store_u32(p + 4, in->free);
    pal_store_u32(p + 8, in->largest);
    pal_store_u32(p + 12, in->models);
}

#define PAL_LINK_HANDLE_SIZE 4u

/* A handle record of the link. */
struct pal_link_handle {
    uint32_t handle;
};

static inline void pal_link_handle_load(struct pal_link_handle *out, const uint8_t *p)
{
    out->handle = pal_load_u32(p + 0);
}

static inline void pal_link_handle_store(uint8_t *p, const struct pal_link_handle *in)
{
    pal_store_u32(p + 0, in->handle);
}

#define PAL_LINK_SESSION_OPEN_SIZE 36u

/* A session_open record of the link. */
struct pal_link_session_open {
    uint32_t size; /* bytes of the model to come; 0: `name` is in the store */
    uint8_t name[32];
};

static inline void pal_link_session_open_load(struct pal_link_session_open *out, const uint8_t *p)
{
    out->size = pal_load_u32(p + 0);
    for (unsigned i = 0; i < 32u; i++) {
        out->name[i] = pal_load_u8(p + 4u + 1u * i);
    }
}

static inline void pal_link_session_open_store(uint8_t *p, const struct pal_link_session_open *in)
{
    pal_store_u32(p + 0, in->size);
    for (unsigned i = 0; i < 32u; i++)
        pal_store_u8(p + 4u + 1u * i, in->name[i]);
}

#define PAL_LINK_CHUNK_SIZE 8u

/* A chunk record of the link. */
struct pal_link_chunk {
    uint32_t handle;
    uint32_t offset;
};

static inline void pal_link_chunk_load(struct pal_link_chunk *out, const uint8_t *p)
{
    out->handle = pal_load_u32(p + 0);
    out->offset = pal_load_u32(p + 4);
}

static inline void pal_link_chunk_store(uint8_t *p, const struct pal_link_chunk *in)
{
    pal_store_u32(p + 0, in->handle);
    pal_store_u32(p + 4, in->offset);
}

#define PAL_LINK_SESSION_SIZE 8u

/* A session record of the link. */
struct pal_link_session {
    uint32_t memory; /* bytes that the session takes */
    uint32_t address; /* of the command list, on the engine's bus */
};

static inline void pal_link_session_load(struct pal_link_session *out, const uint8_t *p)
{
    out->memory = pal_load_u32(p + 0);
    out->address = pal_load_u32(p + 4);
}

static inline void pal_link_session_store(uint8_t *p, const struct pal_link_session *in)
{
    pal_store_u32(p + 0, in->memory);
    pal_store_u32(p + 4, in->address);
}

#define PAL_LINK_RUN_SIZE 16u

/* A run record of the link. */
struct pal_link_run {
    uint32_t handle;
    uint32_t first;
    uint32_t count; /* commands */
    uint32_t timeout_us; /* of one engine segment; 0: one second */
};

static inline void pal_link_run_load(struct pal_link_run *out, const uint8_t *p)
{
    out->handle = pal_load_u32(p + 0);
    out->first = pal_load_u32(p + 4);
    out->count = pal_load_u32(p + 8);
    out->timeout_us = pal_load_u32(p + 12);
}

static inline void pal_link_run_store(uint8_t *p, const struct pal_link_run *in)
{
    pal_store_u32(p + 0, in->handle);
    pal_store_u32(p + 4, in->first);
    pal_store_u32(p + 8, in->count);
    pal_store_u32(p + 12, in->timeout_us);
}

#define PAL_LINK_RAN_SIZE 64u

/* A ran record of the link. */
struct pal_link_ran {
    uint32_t fault; /* enum pal_engine_error */
    uint32_t command; /* that failed */
    uint32_t wall_us; /* on the board's clock, from first doorbell to last interrupt */
    uint32_t engine_us; /* of that, waiting for the engine */
    uint32_t counters[12]; /* struct pal_counters, low words first */
};

static inline void pal_link_ran_load(struct pal_link_ran *out, const uint8_t *p)
{
    out->fault = pal_load_u32(p + 0);
    out->command = pal_load_u32(p + 4);
    out->wall_us = pal_load_u32(p + 8);
    out->engine_us = pal_load_u32(p + 12);
    for (unsigned i = 0; i < 12u; i++) {
        out->counters[i] = pal_load_u32(p + 16u + 4u * i);
    }
}

static inline void pal_link_ran_store(uint8_t *p, const struct pal_link_ran *in)
{
    pal_store_u32(p + 0, in->fault);
    pal_store_u32(p + 4, in->command);
    pal_store_u32(p + 8, in->wall_us);
    pal_store_u32(p + 12, in->engine_us);
    for (unsigned i = 0; i < 12u; i++)
        pal_store_u32(p + 16u + 4u * i, in->counters[i]);
}

#define PAL_LINK_READ_SIZE 16u

/* A read record of the link. */
struct pal_link_read {
    uint32_t handle;
    uint32_t region;
    uint32_t offset;
    uint32_t size;
};

static inline void pal_link_read_load(struct pal_link_read *out, const uint8_t *p)
{
    out->handle = pal_load_u32(p + 0);
    out->region = pal_load_u32(p + 4);
    out->offset = pal_load_u32(p + 8);
    out->size = pal_load_u32(p + 12);
}

static inline void pal_link_read_store(uint8_t *p, const struct pal_link_read *in)
{
    pal_store_u32(p + 0, in->handle);
    pal_store_u32(p + 4, in->region);
    pal_store_u32(p + 8, in->offset);
    pal_store_u32(p + 12, in->size);
}

#define PAL_LINK_SPAN_SIZE 12u

/* A span record of the link. */
struct pal_link_span {
    uint32_t handle;
    uint32_t first;
    uint32_t count;
};

static inline void pal_link_span_load(struct pal_link_span *out, const uint8_t *p)
{
    out->handle = pal_load_u32(p + 0);
    out->first = pal_load_u32(p + 4);
    out->count = pal_load_u32(p + 8);
}

static inline void pal_link_span_store(uint8_t *p, const struct pal_link_span *in)
{
    pal_store_u32(p + 0, in->handle);
    pal_store_u32(p + 4, in->first);
    pal_store_u32(p + 8, in->count);
}


#endif /* PAL_SPEC_LINK_H */
