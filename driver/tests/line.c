/* SPDX-License-Identifier: Apache-2.0 */
#include "line.h"

#include <stdlib.h>
#include <string.h>

#include "pal/crc32.h"
#include "support.h"

#define STEP_US 100u
#define STEP_BYTES 200u /* that the line takes in a step */
#define LATENCY_US 300u

uint32_t draw(struct world *world, uint32_t below)
{
    world->random = pal_kat_next(world->random);
    return (uint32_t)((uint64_t)world->random * below >> 32);
}

static int happens(struct world *world, uint32_t of_10000)
{
    return of_10000 && draw(world, 10000) < of_10000;
}

uint8_t content(uint32_t key, uint32_t position)
{
    uint32_t piece = (position / 301 + key) * 2654435761u, byte = (position ^ key) * 2246822519u;
    switch (piece >> 30) { /* zeros, none, text, anything: what COBS and the search for text may stumble over */
    case 0: return 0;
    case 1: return (uint8_t)(byte >> 24 | 1);
    case 2: return (uint8_t)" eat%\r\nx"[byte >> 29];
    default: return (uint8_t)(byte >> 24);
    }
}

static void take_text(void *ctx, const uint8_t *data, uint32_t size)
{
    struct end *end = ctx;
    CHECK(end->text_size + size < sizeof end->text);
    memcpy(end->text + end->text_size, data, size);
    end->text_size += size;
    end->text[end->text_size] = 0;
}

static void *memory(size_t size)
{
    void *data = malloc(size);
    CHECK(data);
    return data;
}

static void set_up(struct end *end, enum pal_link_role role, const struct world_config *given)
{
    struct pal_link_config config = {.role = role,
                                     .send_size = given->send_size ? given->send_size : 8192,
                                     .receive_size = given->receive_size ? given->receive_size : 4096,
                                     .payload_max = given->payload_max ? given->payload_max : 1024,
                                     .text = take_text,
                                     .ctx = end};
    config.send_buffer = memory(config.send_size);
    config.receive_buffer = memory(config.receive_size);
    config.frame_buffer = memory(config.payload_max + PAL_LINK_FRAME_SIZE + 4);
    pal_link_init(&end->link, &config);
    end->total = given->total;
}

struct world *world_new(const struct world_config *config)
{
    struct world *world = calloc(1, sizeof *world);
    CHECK(world);
    set_up(&world->host, PAL_LINK_HOST, config);
    set_up(&world->board, PAL_LINK_BOARD, config);
    world->faults = config->faults;
    world->random = config->seed * 7919 + 1;
    world->now_us = draw(world, 4) ? draw(world, UINT32_MAX) : UINT32_MAX - 100000; /* the clock wraps */
    world->host.key = draw(world, 1u << 30);
    world->board.key = draw(world, 1u << 30);
    return world;
}

static void drop(struct way *way, uint32_t index)
{
    free(way->packets[index].data);
    way->count--;
    memmove(way->packets + index, way->packets + index + 1, (way->count - index) * sizeof *way->packets);
}

void world_free(struct world *world)
{
    struct end *ends[] = {&world->host, &world->board};
    for (int i = 0; i < 2; i++) {
        free(ends[i]->link.config.send_buffer);
        free(ends[i]->link.config.receive_buffer);
        free(ends[i]->link.config.frame_buffer);
    }
    while (world->up.count)
        drop(&world->up, 0);
    while (world->down.count)
        drop(&world->down, 0);
    free(world);
}

/* The packet may double, lose and spoil bytes on its way. */
static void dispatch(struct world *world, struct way *way)
{
    const struct faults *faults = &world->faults;
    if (way->count == PACKETS)
        return; /* lost */
    struct packet *packet = &way->packets[way->count++];
    packet->due_us = world->now_us + LATENCY_US;
    packet->data = memory(2u * way->size);
    packet->size = 0;
    uint32_t spoilt = happens(world, faults->spoil_frame) ? draw(world, way->size) : way->size;
    for (uint32_t i = 0; i < way->size; i++) {
        uint8_t byte = way->frame[i];
        if (i == spoilt || happens(world, faults->spoil_byte))
            byte = (uint8_t)draw(world, 256);
        if (happens(world, faults->lose_byte))
            continue;
        packet->data[packet->size++] = byte;
        if (happens(world, faults->repeat_byte))
            packet->data[packet->size++] = byte;
    }
    if (way->count > 1 && happens(world, faults->swap_frames)) {
        struct packet before = packet[-1];
        packet[-1].data = packet->data;
        packet[-1].size = packet->size;
        packet->data = before.data;
        packet->size = before.size;
    }
}

static void carry(struct world *world, struct end *from, struct way *way)
{
    uint8_t data[STEP_BYTES];
    uint32_t room = 1 + draw(world, STEP_BYTES), size = pal_link_drain(&from->link, data, room, world->now_us);
    CHECK(size <= room);
    for (uint32_t i = 0; i < size; i++) {
        CHECK(way->size < sizeof way->frame);
        way->frame[way->size++] = data[i];
        if (data[i] || way->size == 1)
            continue;
        if (!happens(world, world->faults.lose_frame))
            dispatch(world, way);
        if (happens(world, world->faults.repeat_frame))
            dispatch(world, way);
        way->size = 0;
    }
}

static void arrive(struct world *world, struct way *way, struct end *to)
{
    while (way->count && (int32_t)(way->packets[0].due_us - world->now_us) <= 0) {
        struct packet *packet = &way->packets[0];
        for (uint32_t at = 0, part; at < packet->size && !world->cut; at += part) {
            part = 1 + draw(world, packet->size - at);
            pal_link_feed(&to->link, packet->data + at, part, world->now_us);
        }
        drop(way, 0);
    }
}

static void use(struct world *world, struct end *end, uint32_t peer_key)
{
    uint8_t data[700];
    uint32_t size = 1 + draw(world, sizeof data);
    if (end->opened != end->link.opened) {
        end->opened = end->link.opened;
        end->taken = 0;
        if (end->link.config.role == PAL_LINK_BOARD)
            end->given = 0;
    }
    uint32_t session = end->opened + (end->link.state == PAL_LINK_OPENING); /* every session has other bytes */
    for (uint32_t i = 0; i < size; i++)
        data[i] = content(end->key + session, end->given + i);
    if (size > end->total - end->given)
        size = end->total - end->given;
    end->given += pal_link_send(&end->link, data, size);
    size = draw(world, sizeof data);
    uint32_t available = pal_link_available(&end->link), taken = pal_link_receive(&end->link, data, size);
    CHECK_EQUAL(taken, available < size ? available : size);
    for (uint32_t i = 0; i < taken; i++)
        CHECK_EQUAL(data[i], content(peer_key + end->opened, end->taken + i));
    end->taken += taken;
}

static int through(const struct end *end, const struct end *other)
{
    return end->given == end->total && other->taken == end->total && pal_link_flushed(&end->link);
}

int world_run(struct world *world, uint32_t time_us)
{
    struct end *host = &world->host, *board = &world->board;
    uint32_t begin = world->now_us;
    while (world->now_us - begin < time_us) {
        carry(world, host, &world->down);
        carry(world, board, &world->up);
        arrive(world, &world->down, board);
        arrive(world, &world->up, host);
        use(world, board, host->key);
        use(world, host, board->key);
        if (through(host, board) && through(board, host))
            return 1;
        uint32_t step = STEP_US, mine = pal_link_timer(&host->link, world->now_us),
                 other = pal_link_timer(&board->link, world->now_us);
        int busy = world->up.count || world->down.count || pal_link_available(&host->link) ||
                   pal_link_available(&board->link);
        if (!busy && mine > step && other > step)
            step = mine < other ? mine : other;
        world->now_us += step < time_us ? step : time_us;
    }
    return 0;
}

uint32_t frame_make(uint8_t *out, const struct pal_link_frame *frame, const void *payload, uint32_t size)
{
    static uint8_t plain[PAL_LINK_PAYLOAD_MAX + 64];
    pal_link_frame_store(plain, frame);
    if (size)
        memcpy(plain + PAL_LINK_FRAME_SIZE, payload, size);
    size += PAL_LINK_FRAME_SIZE;
    pal_store_u32(plain + size, pal_crc32(0, plain, size));
    size += 4;
    uint32_t at = 0, code = 1;
    out[at++] = 0;
    out[at++] = 1;
    for (uint32_t i = 0; i < size; i++) {
        if (plain[i]) {
            out[at++] = plain[i];
            out[code]++;
        }
        if (!plain[i] || out[code] == 255) {
            code = at;
            out[at++] = 1;
        }
    }
    out[at++] = 0;
    return at;
}

uint32_t frame_read(const uint8_t *data, uint32_t size, struct pal_link_frame *frame, uint8_t *payload)
{
    static uint8_t plain[PAL_LINK_PAYLOAD_MAX + 64];
    uint32_t at = 0, used = 0;
    while (at < size && data[at] == 0)
        at++;
    while (at < size && data[at]) {
        uint32_t code = data[at++];
        for (uint32_t i = 1; i < code; i++)
            plain[used++] = data[at++];
        if (code < 255 && data[at])
            plain[used++] = 0;
    }
    CHECK(at < size && used >= PAL_LINK_FRAME_SIZE + 4);
    used -= 4;
    CHECK_EQUAL(pal_load_u32(plain + used), pal_crc32(0, plain, used));
    pal_link_frame_load(frame, plain);
    memcpy(payload, plain + PAL_LINK_FRAME_SIZE, used - PAL_LINK_FRAME_SIZE);
    return used - PAL_LINK_FRAME_SIZE;
}
