/* SPDX-License-Identifier: Apache-2.0 */
/* The link. The first byte chooses: any bytes from the line, the same whether they come at once or one by one; or a
 * host and a board, driven by the other bytes: what they do to each other, lost or not, and frames made up. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_model.h"
#include "pal/crc32.h"
#include "pal/link.h"

#define WANT(condition) ((condition) ? (void)0 : abort())
#define RING 256u
#define PAYLOAD 64u

struct end {
    struct pal_link link;
    uint8_t send[RING], receive[RING], frame[PAYLOAD + PAL_LINK_FRAME_SIZE + 4];
    uint32_t text_size, text_sum;
};

static void take_text(void *ctx, const uint8_t *data, uint32_t size)
{
    struct end *end = ctx;
    for (uint32_t i = 0; i < size; i++) {
        WANT((data[i] >= ' ' && data[i] <= '~') || strchr("\t\r\n", data[i]));
        end->text_sum = end->text_sum * 31 + data[i];
    }
    end->text_size += size;
}

static struct end *end_new(enum pal_link_role role)
{
    struct end *end = malloc(sizeof *end);
    WANT(end);
    memset(end, 0, sizeof *end);
    struct pal_link_config config = {role, end->send, RING, end->receive, RING, end->frame, PAYLOAD, 0, 0, take_text, end};
    pal_link_init(&end->link, &config);
    return end;
}

static void any_bytes(const uint8_t *data, uint32_t size)
{
    struct end *one = end_new(PAL_LINK_BOARD), *other = end_new(PAL_LINK_BOARD);
    pal_link_feed(&one->link, data, size, 0);
    for (uint32_t i = 0; i < size; i++)
        pal_link_feed(&other->link, data + i, 1, 0);
    WANT(one->text_size == other->text_size && one->text_sum == other->text_sum);
    WANT(one->link.state == other->link.state && one->link.opened == other->link.opened);
    WANT(one->link.counts.frames_received == other->link.counts.frames_received);
    WANT(one->link.counts.frames_damaged == other->link.counts.frames_damaged);
    WANT(one->link.receive.received == other->link.receive.received);
    free(one);
    free(other);
}

static void check(const struct pal_link *link)
{
    const uint32_t acked = link->send.acked, queued = link->send.queued - acked;
    WANT(queued <= RING && link->send.sent - acked <= queued && link->send.next - acked <= link->send.sent - acked);
    WANT(pal_link_room(link) <= RING - queued && pal_link_available(link) <= RING);
    if (link->state == PAL_LINK_OPEN) {
        WANT(link->send.segment >= PAL_LINK_PAYLOAD_MIN && link->send.segment <= link->send.segment_max);
        WANT(link->send.segment_max <= PAL_LINK_PAYLOAD_MAX && link->send.retry_us >= link->config.retry_us);
        WANT(link->version >= PAL_LINK_VERSION_MIN && link->version <= PAL_LINK_VERSION_MAX);
    }
    WANT((link->state == PAL_LINK_BROKEN) == (link->config.role == PAL_LINK_HOST && link->error != 0));
    WANT(link->in.size <= PAYLOAD + PAL_LINK_FRAME_SIZE + 4);
}

/* A sound frame; some of its fields may fit the session. */
static void make_up(struct end *end, const uint8_t *data, uint32_t size, unsigned fit, uint32_t now)
{
    uint8_t plain[PAL_LINK_FRAME_SIZE + PAYLOAD + 4] = {0}, line[2 * sizeof plain];
    size = size < PAL_LINK_FRAME_SIZE + PAYLOAD ? size : PAL_LINK_FRAME_SIZE + PAYLOAD;
    memcpy(plain, data, size);
    size = size < PAL_LINK_FRAME_SIZE ? PAL_LINK_FRAME_SIZE : size;
    struct pal_link_frame frame;
    pal_link_frame_load(&frame, plain);
    if (fit & 1) {
        frame.session = end->link.session;
        frame.version = PAL_LINK_VERSION_MAX;
    }
    if (fit & 2)
        frame.sequence = end->link.receive.received + (uint8_t)frame.sequence - 128u;
    if (fit & 4)
        frame.acknowledged = end->link.send.acked + (uint8_t)frame.acknowledged;
    pal_link_frame_store(plain, &frame);
    pal_store_u32(plain + size, pal_crc32(0, plain, size));
    uint32_t at = 2, code = 1;
    line[0] = 0;
    line[1] = 1;
    for (uint32_t i = 0; i < size + 4; i++) {
        if (plain[i]) {
            line[at++] = plain[i];
            line[code]++;
        } else {
            code = at;
            line[at++] = 1;
        }
    }
    line[at++] = 0;
    pal_link_feed(&end->link, line, at, now);
}

static void drive(const uint8_t *data, uint32_t size)
{
    struct end *ends[] = {end_new(PAL_LINK_HOST), end_new(PAL_LINK_BOARD)};
    uint32_t now = 0xFFF00000u;
    uint8_t bytes[RING + 256];
    for (uint32_t at = 0; at + 2 <= size;) {
        struct end *end = ends[data[at] & 1], *other = ends[~data[at] & 1];
        unsigned what = data[at] >> 1 & 7, fit = data[at] >> 4;
        uint32_t amount = data[at + 1], got;
        at += 2;
        uint32_t part = amount < size - at ? amount : size - at;
        switch (what) {
        case 0:
            pal_link_feed(&end->link, data + at, part, now);
            at += part;
            break;
        case 1:
            make_up(end, data + at, part, fit, now);
            at += part;
            break;
        case 2: /* the line, which may lose bytes */
        case 3:
            got = pal_link_drain(&end->link, bytes, amount, now);
            WANT(got <= amount);
            WANT(got || !amount || pal_link_timer(&end->link, now) > 0); /* or the caller would go round in circles */
            if (what == 2)
                pal_link_feed(&other->link, bytes, got, now);
            break;
        case 4:
            now += amount << fit;
            break;
        case 5:
            memset(bytes, (int)fit, amount);
            got = pal_link_room(&end->link);
            WANT(pal_link_send(&end->link, bytes, amount) == (amount < got ? amount : got));
            break;
        case 6:
            got = pal_link_available(&end->link);
            WANT(pal_link_receive(&end->link, bytes, amount) == (amount < got ? amount : got));
            break;
        default:
            pal_link_open(&ends[0]->link, (uint16_t)amount, now);
            break;
        }
        check(&ends[0]->link);
        check(&ends[1]->link);
    }
    free(ends[0]);
    free(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] & 1)
        any_bytes(data + 1, (uint32_t)size - 1);
    else if (size)
        drive(data + 1, (uint32_t)size - 1);
    return 0;
}
