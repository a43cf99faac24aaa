/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and plain text on one line. */
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "support.h"

static struct world *w;
static struct end *board;

static void begin(void)
{
    w = world_new(&(struct world_config){.seed = 1, .payload_max = 64});
    board = &w->board;
}

static void feed(const void *data, uint32_t size)
{
    pal_link_feed(&board->link, data, size, w->now_us);
}

static void type(const char *text)
{
    feed(text, (uint32_t)strlen(text));
}

static void check_text(const char *wanted)
{
    if (board->text_size)
        CHECK(strcmp(board->text, wanted) == 0);
    CHECK_EQUAL(board->text_size, strlen(wanted));
    board->text_size = 0;
}

/* A frame that the board answers with RESET. */
static uint32_t some_frame(uint8_t *out, uint32_t payload)
{
    uint8_t text[PAL_LINK_PAYLOAD_MAX];
    struct pal_link_frame frame = {.type = PAL_FRAME_DATA, .version = 1, .session = 0x4142, .sequence = 5};
    for (uint32_t i = 0; i < payload; i++)
        text[i] = (uint8_t)"name%\r\n"[i % 7];
    return frame_make(out, &frame, text, payload);
}

static void test_the_bytes_of_a_frame(void)
{
    static const uint8_t wanted[] = {
        0, 5, 1, 1, 7, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 1, 1, 0x40, 1, 2, 0x10, 1, 5, 0x80,
        0x5E, 0xCE, 0x28, 0};
    uint8_t line[64], payload[64];
    struct pal_link_frame frame;
    begin();
    pal_link_open(&w->host.link, 0x0507, 0);
    uint32_t size = pal_link_drain(&w->host.link, line, sizeof line, 0);
    CHECK_EQUAL(size, sizeof wanted);
    CHECK(memcmp(line, wanted, size) == 0);
    CHECK_EQUAL(frame_read(line, size, &frame, payload), PAL_LINK_HELLO_SIZE);
    CHECK_EQUAL(frame.type, PAL_FRAME_OPEN);
    CHECK_EQUAL(frame.session, 0x0507);
    CHECK_EQUAL(pal_load_u16(payload + 2), 64);
    CHECK_EQUAL(pal_load_u32(payload + 4), 4096);
    world_free(w);
}

/* Payloads whose runs between zeros have every length around a full block of COBS; drained in every size. */
static void test_any_payload_and_any_room(void)
{
    static uint8_t line[4096], same[4096], payload[PAL_LINK_PAYLOAD_MAX], data[1024];
    struct pal_link_frame frame;
    for (uint32_t run = 200; run < 300; run++) {
        struct world_config config = {.seed = run, .payload_max = 1024};
        w = world_new(&config);
        struct pal_link *link = &w->host.link;
        pal_link_open(link, 1, 0);
        CHECK(pal_link_drain(link, line, sizeof line, 0) > 0);
        uint8_t hello[PAL_LINK_HELLO_SIZE];
        pal_link_hello_store(hello, &(struct pal_link_hello){1, 1, 1024, 4096});
        pal_link_feed(link, line, frame_make(line, &(struct pal_link_frame){.type = PAL_FRAME_OPENED, .version = 1,
                                                                              .session = 1},
                                             hello, sizeof hello), 0);
        CHECK_EQUAL(link->state, PAL_LINK_OPEN);
        for (uint32_t i = 0; i < sizeof data; i++)
            data[i] = i % (run + 1) == run ? 0 : (uint8_t)(i | 1);
        uint32_t size = 700 + run % 16;
        CHECK_EQUAL(pal_link_send(link, data, size), size);
        uint32_t used = 0, part;
        while ((part = pal_link_drain(link, line + used, run % 7 + 1, 0)) > 0)
            used += part;
        CHECK_EQUAL(frame_read(line, used, &frame, payload), size);
        CHECK(memcmp(payload, data, size) == 0);
        CHECK(used <= frame_make(same, &frame, payload, size));
        world_free(w);
    }
}

static void test_text_without_a_frame(void)
{
    begin();
    type("n");
    check_text("n"); /* at once */
    type("ame%");
    check_text("ame%");
    type("a\tb\r\n~ !");
    check_text("a\tb\r\n~ !");
    type("spoilt\x01 line\nnext"); /* the rest of a line with a control character is no text */
    check_text("spoiltnext");
    CHECK_EQUAL(board->link.counts.frames_damaged, 0);
    world_free(w);
}

static void test_text_around_frames(void)
{
    uint8_t frame[4096];
    begin();
    uint32_t size = some_frame(frame, 50);
    type("before");
    feed(frame, size);
    check_text("before");
    type("na");
    check_text(""); /* may be the beginning of a frame */
    type("m");
    check_text("nam");
    type("e%");
    check_text("e%");
    feed(frame, size);
    feed(frame, size);
    type("ok");
    feed(frame, size); /* a zero ends short text too */
    check_text("ok");
    CHECK_EQUAL(board->link.counts.frames_received, 4);
    CHECK_EQUAL(board->link.counts.frames_damaged, 0);
    feed(frame, size - 1); /* the last zero is lost: the next frame's first one stands for it */
    feed(frame, size);
    CHECK_EQUAL(board->link.counts.frames_received, 6);
    world_free(w);
}

static void test_a_damaged_frame_is_no_text(void)
{
    uint8_t frame[4096], bad[4096];
    begin();
    uint32_t size = some_frame(frame, 60), damaged = 0;
    feed("\0", 1);
    for (uint32_t at = 1; at < size - 1; at++)
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(bad, frame, size);
            if (bad[at] == byte)
                continue;
            bad[at] = (uint8_t)byte;
            feed(bad, size);
            damaged++;
            CHECK(board->link.counts.frames_damaged >= damaged);
            check_text("");
        }
    CHECK_EQUAL(board->link.counts.frames_received, 0);
    for (uint32_t cut = 2; cut < size - 1; cut++) { /* bytes missing, and the next frame is a good one */
        memcpy(bad, frame, cut);
        memcpy(bad + cut, frame + cut + 1, size - cut - 1);
        feed(bad, size - 1);
        feed(frame, size);
    }
    CHECK_EQUAL(board->link.counts.frames_received, size - 3);
    check_text("");
    world_free(w);
}

static void test_a_frame_that_is_too_long(void)
{
    uint8_t frame[4096];
    begin();
    feed(frame, some_frame(frame, 64));
    CHECK_EQUAL(board->link.counts.frames_received, 1);
    feed(frame, some_frame(frame, 65));
    feed(frame, some_frame(frame, 1000));
    CHECK_EQUAL(board->link.counts.frames_received, 1);
    CHECK_EQUAL(board->link.counts.frames_damaged, 2);
    check_text("");
    feed(frame, some_frame(frame, 64));
    CHECK_EQUAL(board->link.counts.frames_received, 2);
    world_free(w);
}

/* A host dies in the middle of a frame; a person comes. */
static void test_text_after_a_frame_that_stops(void)
{
    uint8_t frame[4096];
    for (uint32_t cut = 0; cut < 60; cut++) {
        begin();
        feed(frame, some_frame(frame, 50));
        feed(frame, cut);
        board->text_size = 0;
        w->now_us += 1000000;
        type("name%");
        type("name%");
        check_text("name%name%");
        world_free(w);
    }
}

static void test_text_in_the_stream_s_way(void)
{
    uint8_t line[4096];
    w = world_new(&(struct world_config){.seed = 4, .payload_max = 64});
    struct pal_link *host = &w->host.link, *link = &w->board.link;
    uint32_t got = 0, lines = 0;
    uint8_t data[20000] = {0}, out[64];
    pal_link_open(host, 3, 0);
    uint32_t sent = 0;
    for (w->now_us = 0; got < sizeof data; w->now_us += 1000) {
        sent += pal_link_send(link, data + sent, (uint32_t)sizeof data - sent);
        pal_link_feed(link, line, pal_link_drain(host, line, sizeof line, w->now_us), w->now_us);
        uint32_t size = pal_link_drain(link, line, 1 + draw(w, 300), w->now_us);
        pal_link_feed(host, line, size, w->now_us);
        if (size && line[size - 1] == 0 && link->out.stage == 0) { /* the firmware logs between two frames */
            pal_link_feed(host, (const uint8_t *)"a line of log\r\n", 15, w->now_us);
            lines++;
        }
        uint32_t part = pal_link_receive(host, out, sizeof out);
        got += part;
    }
    CHECK_EQUAL(host->counts.frames_damaged, 0);
    CHECK_EQUAL(link->counts.resent, 0);
    CHECK(lines > 20);
    CHECK_EQUAL(w->host.text_size, 15 * lines);
    for (uint32_t i = 0; i < lines; i++)
        CHECK(memcmp(w->host.text + 15 * i, "a line of log\r\n", 15) == 0);
    world_free(w);
}

int main(void)
{
    test_the_bytes_of_a_frame();
    test_any_payload_and_any_room();
    test_text_without_a_frame();
    test_text_around_frames();
    test_a_damaged_frame_is_no_text();
    test_a_frame_that_is_too_long();
    test_text_after_a_frame_that_stops();
    test_text_in_the_stream_s_way();
    return passed("frames");
}
