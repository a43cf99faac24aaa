/* SPDX-License-Identifier: Apache-2.0 */
/* The reliable stream over lines good and bad; test_frames.c looks at frames and text alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "support.h"

#define SECOND 1000000u
#define SEEDS(n) for (uint32_t seed = 0; seed < (n); seed++)

static struct world *opened(struct world_config config, uint32_t seed)
{
    config.seed = seed;
    struct world *world = world_new(&config);
    pal_link_open(&world->host.link, (uint16_t)draw(world, 65536), world->now_us);
    return world;
}

static void test_a_clean_line(void)
{
    SEEDS(10) {
        struct world *w = opened((struct world_config){.total = 100000, .payload_max = seed % 2 ? 1024 : 16384}, seed);
        CHECK(world_run(w, 2 * SECOND));
        const struct pal_link_counts *host = &w->host.link.counts, *board = &w->board.link.counts;
        CHECK_EQUAL(host->resent + board->resent + host->ignored + board->ignored, 0);
        CHECK_EQUAL(host->frames_damaged + board->frames_damaged, 0);
        CHECK_EQUAL(host->frames_sent, board->frames_received);
        CHECK_EQUAL(host->bytes_sent, board->bytes_received);
        CHECK_EQUAL(w->host.text_size + w->board.text_size, 0);
        world_free(w);
    }
}

static void check_through(struct world_config config, uint32_t seconds, uint32_t seeds)
{
    SEEDS(seeds) {
        struct world *w = opened(config, seed);
        if (!world_run(w, seconds * SECOND)) {
            fprintf(stderr, "seed %u: state %d error %d, %u and %u of %u\n", (unsigned)seed, w->host.link.state,
                    w->host.link.error, (unsigned)w->board.taken, (unsigned)w->host.taken, (unsigned)config.total);
            CHECK(0);
        }
        CHECK_EQUAL(w->board.link.opened, 1);
        CHECK_EQUAL(w->host.text_size, 0); /* the board had text to fear until the first zero only */
        world_free(w);
    }
}

static void test_frames_lost_repeated_spoilt_swapped(void)
{
    check_through((struct world_config){.total = 60000, .faults.lose_frame = 100}, 10, 10);
    check_through((struct world_config){.total = 60000, .faults.repeat_frame = 100}, 10, 10);
    check_through((struct world_config){.total = 60000, .faults.spoil_frame = 100}, 10, 10);
    check_through((struct world_config){.total = 60000, .faults.swap_frames = 100}, 10, 10);
    struct faults all = {.lose_frame = 100, .repeat_frame = 100, .spoil_frame = 100, .swap_frames = 100};
    check_through((struct world_config){.total = 60000, .faults = all}, 20, 50);
    check_through((struct world_config){.total = 20000, .faults = all, .payload_max = 32}, 60, 10);
}

static void test_bytes_spoilt_lost_repeated(void)
{
    check_through((struct world_config){.total = 60000, .faults = {.spoil_byte = 1}}, 60, 10);
    check_through((struct world_config){.total = 60000, .faults = {.spoil_byte = 10}}, 120, 10);
    check_through((struct world_config){.total = 10000, .faults = {.spoil_byte = 100}}, 1000, 20);
    check_through((struct world_config){.total = 10000, .faults = {.lose_byte = 100}}, 1000, 20);
    check_through((struct world_config){.total = 10000, .faults = {.lose_byte = 50, .repeat_byte = 50}}, 1000, 20);
}

static void test_small_buffers(void)
{
    static const uint32_t sizes[] = {1, 2, 16, 64, 256};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned j = 0; j < sizeof sizes / sizeof *sizes; j++)
            check_through((struct world_config){.total = 20 * sizes[i < j ? i : j], .send_size = sizes[i],
                                                .receive_size = sizes[j], .faults.lose_frame = 100}, 100, 3);
}

static void test_positions_wrap(void)
{
    SEEDS(5) {
        struct world *w = opened((struct world_config){.total = 1000}, seed);
        struct end *ends[] = {&w->host, &w->board};
        CHECK(world_run(w, SECOND));
        for (int i = 0; i < 2; i++) {
            struct pal_link *link = &ends[i]->link;
            link->send.acked = link->send.next = link->send.sent = link->send.queued = UINT32_MAX - 20000;
            link->receive.read = link->receive.received = UINT32_MAX - 20000;
            link->receive.edge = link->send.edge = UINT32_MAX - 20000 + 4096;
            ends[i]->total = 60000;
        }
        w->faults.lose_frame = 100;
        CHECK(world_run(w, 10 * SECOND));
        CHECK(w->host.link.send.acked < 60000 && w->board.link.send.acked < 60000);
        world_free(w);
    }
}

static void test_a_new_session_replaces_the_old_one(void)
{
    SEEDS(20) {
        struct world *w = opened((struct world_config){.total = 60000, .faults.lose_frame = seed % 2 * 100}, seed);
        CHECK(!world_run(w, 20000 + draw(w, 20000)));
        CHECK(w->board.taken > 0 && w->host.taken > 0);
        pal_link_open(&w->host.link, (uint16_t)(w->host.link.session + 1), w->now_us);
        w->host.given = w->host.taken = 0;
        CHECK(world_run(w, 10 * SECOND));
        CHECK_EQUAL(w->board.link.opened, 2);
        CHECK_EQUAL(w->host.link.opened, 2);
        world_free(w);
    }
}

/* Everything that an end sends now. */
static uint32_t drained(struct pal_link *link, uint8_t *out, uint32_t now)
{
    return pal_link_drain(link, out, 4096, now);
}

static void pass(struct pal_link *from, struct pal_link *to, uint32_t now)
{
    uint8_t line[4096];
    pal_link_feed(to, line, drained(from, line, now), now);
}

static void test_an_open_that_comes_again(void)
{
    struct world *w = opened((struct world_config){0}, 1);
    struct pal_link *host = &w->host.link, *board = &w->board.link;
    uint8_t open[64], line[4096], got[8];
    uint32_t size = drained(host, open, w->now_us);
    pal_link_feed(board, open, size, w->now_us);
    CHECK_EQUAL(pal_link_send(board, "hello", 5), 5);
    CHECK(drained(board, line, w->now_us) > 0); /* OPENED and the data are lost */
    pal_link_feed(board, open, size, w->now_us);
    pass(board, host, w->now_us);
    CHECK_EQUAL(host->state, PAL_LINK_OPEN);
    CHECK_EQUAL(board->opened, 1);
    CHECK_EQUAL(pal_link_send(host, "abc", 3), 3);
    pass(host, board, w->now_us);
    pal_link_feed(board, open, size, w->now_us); /* so late that the session goes on already */
    CHECK_EQUAL(board->opened, 1);
    CHECK_EQUAL(pal_link_receive(board, got, 8), 3);
    pass(board, host, w->now_us);
    w->now_us += SECOND;
    pass(board, host, w->now_us);
    CHECK_EQUAL(pal_link_receive(host, got, 8), 5);
    CHECK(pal_link_flushed(host));

    /* The next host happens to draw the same number: it takes another one. */
    uint16_t session = host->session;
    pal_link_open(host, session, w->now_us);
    for (int i = 0; i < 4; i++) {
        pass(host, board, w->now_us);
        pass(board, host, w->now_us);
    }
    CHECK_EQUAL(host->state, PAL_LINK_OPEN);
    CHECK_EQUAL(host->session, (uint16_t)(session + 1));
    CHECK_EQUAL(board->opened, 2);
    world_free(w);
}

static uint32_t greeting(uint8_t *out, enum pal_link_frame_type type, uint16_t session, uint8_t low, uint8_t high,
                         uint16_t payload_max)
{
    uint8_t payload[PAL_LINK_HELLO_SIZE];
    struct pal_link_frame frame = {.type = (uint8_t)type, .version = high, .session = session};
    struct pal_link_hello hello = {low, high, payload_max, 4096};
    pal_link_hello_store(payload, &hello);
    return frame_make(out, &frame, payload, sizeof payload);
}

static void test_versions_that_do_not_meet(void)
{
    struct world *w = opened((struct world_config){0}, 1);
    struct pal_link *host = &w->host.link, *board = &w->board.link;
    struct pal_link_frame frame;
    struct pal_link_hello hello;
    uint8_t line[4096], payload[64];
    uint32_t size = greeting(line, PAL_FRAME_OPEN, 7, PAL_LINK_VERSION_MAX + 1, PAL_LINK_VERSION_MAX + 2, 1024);
    pal_link_feed(board, line, size, 0);
    CHECK_EQUAL(board->state, PAL_LINK_CLOSED);
    CHECK_EQUAL(board->peer_min, PAL_LINK_VERSION_MAX + 1);
    CHECK_EQUAL(frame_read(line, drained(board, line, 0), &frame, payload), PAL_LINK_HELLO_SIZE);
    pal_link_hello_load(&hello, payload);
    CHECK_EQUAL(frame.type, PAL_FRAME_REFUSED);
    CHECK_EQUAL(frame.session, 7);
    CHECK_EQUAL(hello.version_min, PAL_LINK_VERSION_MIN);
    CHECK_EQUAL(hello.version_max, PAL_LINK_VERSION_MAX);

    size = greeting(line, PAL_FRAME_OPEN, 8, 0, 200, 1024); /* a host that can do more */
    pal_link_feed(board, line, size, 0);
    CHECK_EQUAL(board->state, PAL_LINK_OPEN);
    CHECK_EQUAL(board->version, PAL_LINK_VERSION_MAX);

    static const enum pal_link_frame_type answers[] = {PAL_FRAME_REFUSED, PAL_FRAME_OPENED};
    for (int i = 0; i < 2; i++) {
        pal_link_open(host, 9, 0);
        size = greeting(line, answers[i], 9, PAL_LINK_VERSION_MAX + 1, PAL_LINK_VERSION_MAX + 2, 1024);
        pal_link_feed(host, line, size, 0);
        CHECK_EQUAL(host->state, PAL_LINK_BROKEN);
        CHECK_EQUAL(host->error, PAL_ERR_LINK_VERSION);
        CHECK_EQUAL(host->peer_min, PAL_LINK_VERSION_MAX + 1);
        CHECK_EQUAL(host->peer_max, PAL_LINK_VERSION_MAX + 2);
        CHECK_EQUAL(pal_link_timer(host, 0), UINT32_MAX);
        CHECK_EQUAL(pal_link_send(host, "x", 1), 0);
    }
    pal_link_open(host, 9, 0);
    size = greeting(line, PAL_FRAME_OPENED, 10, 1, 1, 1024); /* for another session */
    size += greeting(line + size, PAL_FRAME_OPENED, 9, 1, 1, PAL_LINK_PAYLOAD_MIN - 1); /* makes no sense */
    pal_link_feed(host, line, size, 0);
    CHECK_EQUAL(host->state, PAL_LINK_OPENING);
    world_free(w);
}

static void test_garbage_before_the_session(void)
{
    SEEDS(50) {
        struct world *w = opened((struct world_config){.total = 3000}, seed);
        uint8_t noise[300];
        for (int i = 0; i < 2; i++) {
            for (unsigned at = 0; at < sizeof noise; at++)
                noise[at] = (uint8_t)(seed % 3 ? draw(w, 256) : 1 + draw(w, 8));
            pal_link_feed(i ? &w->host.link : &w->board.link, noise, draw(w, sizeof noise), w->now_us);
        }
        w->host.text_size = w->board.text_size = 0;
        CHECK(world_run(w, 5 * SECOND));
        world_free(w);
    }
}

static void test_a_board_that_restarts(void)
{
    SEEDS(10) {
        struct world *w = opened((struct world_config){.total = 60000, .faults.lose_frame = seed % 2 * 100}, seed);
        CHECK(!world_run(w, 30000));
        struct pal_link_config config = w->board.link.config;
        pal_link_init(&w->board.link, &config);
        CHECK(!world_run(w, 10 * SECOND));
        CHECK_EQUAL(w->host.link.state, PAL_LINK_BROKEN);
        CHECK_EQUAL(w->host.link.error, PAL_ERR_LINK);
        CHECK_EQUAL(pal_link_room(&w->host.link), 0);
        CHECK_EQUAL(w->board.link.opened, 0);
        world_free(w);
    }
}

static void test_silence(void)
{
    struct world *w = opened((struct world_config){.total = 10}, 1);
    w->cut = 1;
    CHECK(!world_run(w, 4900000));
    CHECK_EQUAL(w->host.link.state, PAL_LINK_OPENING);
    CHECK(w->host.link.counts.frames_sent >= 5); /* of one OPEN */
    CHECK(!world_run(w, SECOND));
    CHECK_EQUAL(w->host.link.state, PAL_LINK_BROKEN);
    CHECK_EQUAL(w->host.link.error, PAL_ERR_TIMEOUT);
    world_free(w);

    w = opened((struct world_config){.total = 100}, 2);
    CHECK(world_run(w, SECOND));
    CHECK(!w->up.count && !w->down.count);
    uint8_t line[64];
    uint32_t later = w->now_us + 3000 * SECOND; /* nothing is due: nothing is sent, and nobody gives up */
    CHECK_EQUAL(pal_link_timer(&w->host.link, w->now_us), UINT32_MAX);
    CHECK_EQUAL(pal_link_drain(&w->host.link, line, sizeof line, later), 0);
    CHECK_EQUAL(pal_link_drain(&w->board.link, line, sizeof line, later), 0);
    CHECK_EQUAL(w->host.link.state, PAL_LINK_OPEN);
    w->now_us = later;
    w->board.total = w->host.total = 200;
    CHECK(world_run(w, SECOND));
    CHECK_EQUAL(w->host.link.counts.resent, 0);

    w->cut = 1;
    w->board.total = w->host.total = 300;
    CHECK(!world_run(w, 10 * SECOND));
    CHECK_EQUAL(w->host.link.state, PAL_LINK_BROKEN);
    CHECK_EQUAL(w->host.link.error, PAL_ERR_TIMEOUT);
    CHECK_EQUAL(w->board.link.state, PAL_LINK_CLOSED); /* its line is free for text */
    world_free(w);
}

static void test_a_reader_that_pauses(void)
{
    struct world *w = opened((struct world_config){0}, 3);
    struct pal_link *host = &w->host.link, *board = &w->board.link;
    uint8_t data[8192] = {0};
    CHECK_EQUAL(pal_link_send(host, data, sizeof data), sizeof data); /* accepted before the answer to OPEN */
    for (uint32_t t = 0; t < 60 * SECOND; t += 10000) {
        pass(host, board, w->now_us + t);
        pass(board, host, w->now_us + t);
    }
    CHECK_EQUAL(host->state, PAL_LINK_OPEN); /* a closed window is asked after now and then, and answered */
    CHECK_EQUAL(pal_link_available(board), 4096);
    CHECK(host->counts.frames_sent > 100 / 2 && host->counts.frames_sent < 200);
    w->now_us += 60 * SECOND;
    uint32_t got = 0;
    for (int i = 0; i < 10; i++) {
        got += pal_link_receive(board, data, 2048);
        pass(board, host, w->now_us); /* the window's news come without being asked for */
        pass(host, board, w->now_us);
    }
    CHECK_EQUAL(got, 8192);
    pass(board, host, w->now_us);
    CHECK(pal_link_flushed(host));
    world_free(w);
}

int main(void)
{
    test_a_clean_line();
    test_frames_lost_repeated_spoilt_swapped();
    test_bytes_spoilt_lost_repeated();
    test_small_buffers();
    test_positions_wrap();
    test_a_new_session_replaces_the_old_one();
    test_an_open_that_comes_again();
    test_versions_that_do_not_meet();
    test_garbage_before_the_session();
    test_a_board_that_restarts();
    test_silence();
    test_a_reader_that_pauses();
    return passed("link");
}
