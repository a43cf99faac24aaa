/* SPDX-License-Identifier: Apache-2.0 */
/* The bus over mapped memory: which bytes a copy touches and how, and what a wait does with the interrupt's file. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#ifdef __linux__
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mmio.h"
#include "pal/spec/registers.h"
#include "pal/status.h"

#define BASE 0x40000000u
#define SRAM 0x80000000u
#define SIZE 64u

struct board {
    struct pal_mmio mmio;
    uint32_t registers[PAL_REG_WINDOW / 4];
    uint32_t memory[SIZE / 4], sram[SIZE / 4];
    int line; /* the kernel's end of the interrupt */
};

static struct board *board_new(uint32_t sram_size)
{
    int ends[2];
    struct board *b = calloc(1, sizeof *b);
    CHECK(b != NULL);
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    b->line = ends[1];
    pal_mmio_init(&b->mmio, b->registers, (struct pal_mmio_window){(uint8_t *)b->memory, BASE, SIZE},
                  (struct pal_mmio_window){(uint8_t *)b->sram, SRAM, sram_size}, ends[0]);
    return b;
}

static void board_free(struct board *b)
{
    (void)close(b->line);
    (void)close(b->mmio.interrupt);
    free(b);
}

static void test_copies_of_any_alignment(void)
{
    struct board *b = board_new(0);
    const struct pal_bus *bus = &b->mmio.bus;
    for (uint32_t first = 0; first < 8; first++)
        for (uint32_t size = 0; size < 20; size++)
            for (uint32_t skew = 0; skew < 4; skew++) {
                uint8_t data[24], back[26], wanted[SIZE];
                for (uint8_t i = 0; i < sizeof data; i++)
                    data[i] = (uint8_t)(i + size);
                memset(b->memory, 0xA5, SIZE);
                memset(wanted, 0xA5, SIZE);
                memset(back, 0x5A, sizeof back);
                memcpy(wanted + first, data + skew, size);
                CHECK_EQUAL(bus->write(bus->ctx, BASE + first, data + skew, size), PAL_OK);
                CHECK(memcmp(b->memory, wanted, SIZE) == 0);
                CHECK_EQUAL(bus->read(bus->ctx, BASE + first, back + skew, size), PAL_OK);
                CHECK(memcmp(back + skew, data + skew, size) == 0 && back[skew + size] == 0x5A);
            }
    board_free(b);
}

static void test_what_is_outside_is_refused(void)
{
    struct board *b = board_new(SIZE);
    const struct pal_bus *bus = &b->mmio.bus;
    uint8_t data[SIZE + 1] = {0};
    static const struct pal_place good[] = {{BASE, SIZE}, {BASE + SIZE - 1, 1}, {BASE + SIZE, 0}, {SRAM, SIZE}};
    static const struct pal_place bad[] = {{BASE, SIZE + 1}, {BASE + SIZE, 1}, {BASE - 1, 1},  {BASE - 1, 2},
                                           {0, 1},           {UINT32_MAX, 2},  {SRAM - 1, 1}, {SRAM + 1, SIZE}};
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_EQUAL(bus->read(bus->ctx, good[i].address, data, good[i].size), PAL_OK);
        CHECK_EQUAL(bus->write(bus->ctx, good[i].address, data, good[i].size), PAL_OK);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQUAL(bus->read(bus->ctx, bad[i].address, data, bad[i].size), PAL_ERR_BUS);
        CHECK_EQUAL(bus->write(bus->ctx, bad[i].address, data, bad[i].size), PAL_ERR_BUS);
    }
    CHECK_EQUAL(bus->read(bus->ctx, BASE, data, SIZE_MAX), PAL_ERR_BUS);
    b->mmio.sram.size = 0;
    CHECK_EQUAL(bus->read(bus->ctx, SRAM, data, 1), PAL_ERR_BUS);
    uint32_t value;
    CHECK_EQUAL(bus->write32(bus->ctx, PAL_REG_WINDOW - 4, 7), PAL_OK);
    CHECK_EQUAL(bus->read32(bus->ctx, PAL_REG_WINDOW - 4, &value), PAL_OK);
    CHECK_EQUAL(value, 7);
    CHECK_EQUAL(bus->read32(bus->ctx, PAL_REG_WINDOW, &value), PAL_ERR_BUS);
    CHECK_EQUAL(bus->write32(bus->ctx, 2, 0), PAL_ERR_BUS);
    board_free(b);
}

static void test_a_wait_unmasks_and_ends_by_interrupt_or_time(void)
{
    struct board *b = board_new(0);
    const struct pal_bus *bus = &b->mmio.bus;
    uint32_t word = 0, start = bus->now_us(bus->ctx);
    CHECK_EQUAL(bus->wait(bus->ctx, 0), PAL_OK); /* only looks */
    CHECK_EQUAL(read(b->line, &word, sizeof word), (int)sizeof word);
    CHECK_EQUAL(word, 1);
    CHECK_EQUAL(bus->wait(bus->ctx, 1500), PAL_OK);
    CHECK(bus->now_us(bus->ctx) - start >= 1500);
    word = 1;
    CHECK_EQUAL(write(b->line, &word, sizeof word), (int)sizeof word);
    CHECK_EQUAL(bus->wait(bus->ctx, UINT32_MAX), PAL_OK); /* there already, and taken: */
    CHECK_EQUAL(recv(b->mmio.interrupt, &word, sizeof word, MSG_DONTWAIT), -1);
    CHECK_EQUAL(bus->wait(bus->ctx, UINT32_MAX), PAL_OK); /* lost: it does not sleep for an hour */
    bus->barrier(bus->ctx);
    board_free(b);
}

static void test_a_broken_interrupt_is_an_error(void)
{
    struct board *b = board_new(0);
    const struct pal_bus *bus = &b->mmio.bus;
    CHECK_EQUAL(shutdown(b->line, SHUT_WR), 0);
    CHECK_EQUAL(bus->wait(bus->ctx, 1000), PAL_ERR_BUS); /* nothing to read ever again */
    (void)close(b->mmio.interrupt);
    CHECK_EQUAL(bus->wait(bus->ctx, 1000), PAL_ERR_BUS);
    b->mmio.interrupt = b->line;
    b->line = -1;
    board_free(b);
}
#endif

int main(void)
{
#ifdef __linux__
    test_copies_of_any_alignment();
    test_what_is_outside_is_refused();
    test_a_wait_unmasks_and_ends_by_interrupt_or_time();
    test_a_broken_interrupt_is_an_error();
#endif
    return passed("test_mmio");
}
