/* SPDX-License-Identifier: Apache-2.0 */
/* The boot journal: whatever the flash holds, power cuts, wear, bad spots. */
#include "boot/journal.h"
#include "boot_rig.h"

#define RECORD 16u

static int same(const struct boot_state *a, const struct boot_state *b)
{
    return a->slot[0] == b->slot[0] && a->slot[1] == b->slot[1] && a->active == b->active &&
           a->security_counter == b->security_counter;
}

static struct boot_state numbered(uint32_t counter)
{
    return (struct boot_state){ { PAL_SLOT_EMPTY, PAL_SLOT_CONFIRMED }, 1, counter };
}

/* Thousands of states: each is read back, and all sectors wear alike. */
static void test_ring(uint32_t sectors, uint32_t sector, uint32_t granule, uint32_t states)
{
    struct ram_flash ram;
    ram_flash_init(&ram, (sectors + 1) * sector, sector, granule, 1);
    struct flash_area area = { &ram.flash, sector, sectors * sector };
    struct boot_state state;
    for (uint32_t i = 1; i <= states; i++) {
        struct boot_state wanted = numbered(i);
        CHECK_EQUAL(journal_append(&area, &wanted), PAL_OK);
        journal_read(&area, &state);
        CHECK(same(&state, &wanted));
        uint32_t operations = ram.operations;
        CHECK_EQUAL(journal_settle(&area), PAL_OK);
        CHECK_EQUAL(ram.operations, operations);
    }
    uint32_t sum = 0, least = UINT32_MAX, most = 0;
    for (uint32_t i = 1; i <= sectors; i++) {
        sum += ram.erases[i];
        least = ram.erases[i] < least ? ram.erases[i] : least;
        most = ram.erases[i] > most ? ram.erases[i] : most;
    }
    CHECK_EQUAL(ram.erases[0], 0);
    CHECK_EQUAL(sum, (2 * states * RECORD + sector - 1) / sector); /* not one more than the records need */
    CHECK(most - least <= 1);
    ram_flash_free(&ram);
}

/* Each bit of a full journal: the state stays as it was, and the confirmed image boots. */
static void test_bits(void)
{
    struct ram_flash ram;
    ram_flash_init(&ram, 2 * 4096 + 2 * 512, 512, 8, 1);
    struct boot_config config = boot_rig(&ram, 4096, 2 * 512);
    install(&ram, &config, 0, WHOLE(OLD));
    install(&ram, &config, 1, WHOLE(SAME_COUNTER));
    CHECK_EQUAL(boot_confirm(&config, 0), PAL_OK);
    while (ram.erases[2 * 4096 / 512 + 1] == 0 || ram.operations % 7 != 0) {
        CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
        CHECK_EQUAL(boot_request(&config, 0), PAL_OK);
    }
    struct boot_state before = read_state(&config);
    CHECK_EQUAL(before.active, 0);
    for (uint32_t bit = 0; bit < 8 * config.journal.size; bit++) {
        ram_flash_flip(&ram, config.journal.offset + bit / 8, bit % 8);
        struct boot_state state = read_state(&config);
        CHECK(same(&state, &before));
        if (bit % 64 == 0) {
            CHECK_EQUAL(reset(&config), 0);
            before = read_state(&config);
            ram_flash_flip(&ram, config.journal.offset + bit / 8, bit % 8);
            CHECK(same(&state, &before));
        } else {
            ram_flash_flip(&ram, config.journal.offset + bit / 8, bit % 8);
        }
    }
    ram_flash_free(&ram);
}

/* Random bytes, over all of the journal or parts of it: a valid image boots, and the journal is of use again. */
static void test_garbage(void)
{
    struct ram_flash ram;
    ram_flash_init(&ram, 2 * 4096 + 2 * 512, 512, 4, 7);
    struct boot_config config = boot_rig(&ram, 4096, 2 * 512);
    install(&ram, &config, 0, WHOLE(OLD));
    install(&ram, &config, 1, WHOLE(SAME_COUNTER));
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t from = i % 3 ? 0 : ram_flash_random(&ram) % config.journal.size;
        for (uint32_t at = from; at < config.journal.size; at++) {
            uint8_t byte = (uint8_t)(ram_flash_random(&ram) >> 9);
            ram_flash_set(&ram, config.journal.offset + at, &byte, 1);
        }
        unsigned slot = reset(&config);
        CHECK(slot < BOOT_SLOTS);
        if (i % 3)
            CHECK_EQUAL(slot, 0);
        CHECK_EQUAL(boot_confirm(&config, slot), PAL_OK);
        CHECK_EQUAL(read_state(&config).active, slot);
        CHECK_EQUAL(boot_request(&config, 1 - slot), PAL_OK);
        CHECK_EQUAL(reset(&config), 1 - slot);
        CHECK_EQUAL(reset(&config), slot);
        CHECK_EQUAL(read_state(&config).security_counter, 1);
    }
    ram_flash_free(&ram);
}

/* The power fails at any operation of an append: the old or the new state holds, for good. */
static void test_cuts(uint32_t granule)
{
    struct ram_flash ram;
    for (uint32_t before = 0; before < 70; before++) {
        for (uint32_t cut = 0; cut < 3; cut++) {
            for (uint32_t seed = 0; seed < 4 * TORN_KINDS; seed++) {
                ram_flash_init(&ram, 2 * 256, 256, granule, seed);
                struct flash_area area = { &ram.flash, 0, 2 * 256 };
                struct boot_state old = numbered(before), new = numbered(before + 1), first, second;
                for (uint32_t i = 1; i <= before; i++) {
                    struct boot_state state = numbered(i);
                    CHECK_EQUAL(journal_append(&area, &state), PAL_OK);
                }
                if (before == 0)
                    old = (struct boot_state){ { PAL_SLOT_EMPTY, PAL_SLOT_EMPTY }, BOOT_NO_SLOT, 0 };
                ram_flash_cut_after(&ram, cut);
                int status = journal_append(&area, &new);
                CHECK_EQUAL(status, ram.cut ? PAL_ERR_FLASH : PAL_OK);
                ram_flash_power_on(&ram);
                journal_read(&area, &first);
                CHECK(same(&first, &old) || same(&first, &new));
                CHECK_EQUAL(journal_settle(&area), PAL_OK);
                journal_read(&area, &second);
                CHECK(same(&first, &second));
                CHECK_EQUAL(journal_append(&area, &new), PAL_OK);
                journal_read(&area, &second);
                CHECK(same(&second, &new));
                ram_flash_free(&ram);
            }
        }
    }
}

/* A record that the cut left readable by chance, and that is gone later: its twin was made in between. */
static void test_marginal_record(void)
{
    struct ram_flash ram;
    ram_flash_init(&ram, 2 * 256, 256, 4, TORN_ALL_DONE);
    struct flash_area area = { &ram.flash, 0, 2 * 256 };
    struct boot_state old = numbered(5), new = numbered(6), state;
    CHECK_EQUAL(journal_append(&area, &old), PAL_OK);
    ram_flash_cut_after(&ram, 0);
    CHECK_EQUAL(journal_append(&area, &new), PAL_ERR_FLASH);
    ram_flash_power_on(&ram);
    journal_read(&area, &state);
    CHECK(same(&state, &new));
    CHECK_EQUAL(journal_settle(&area), PAL_OK);
    ram_flash_flip(&ram, 2 * RECORD + 3, 5);
    journal_read(&area, &state);
    CHECK(same(&state, &new));
    ram_flash_free(&ram);
}

/* Cells that stay 0, whatever is erased or programmed. */
static uint32_t stuck_from, stuck_to;

static int stuck_read(void *ctx, uint32_t offset, void *data, uint32_t size)
{
    const struct ram_flash *ram = ctx;
    int status = ram->flash.read(ctx, offset, data, size);
    for (uint32_t i = 0; i < size; i++)
        if (offset + i >= stuck_from && offset + i < stuck_to)
            ((uint8_t *)data)[i] = 0;
    return status;
}

static void test_bad_cells(void)
{
    struct ram_flash ram;
    ram_flash_init(&ram, 3 * 256, 256, 16, 1);
    struct flash stuck = ram.flash;
    stuck.read = stuck_read;
    struct flash_area area = { &stuck, 0, 3 * 256 };
    struct boot_state state, wanted;
    stuck_from = 256 + 100, stuck_to = 2 * 256 + 7; /* most of one sector, the start of the next */
    for (uint32_t i = 1; i < 500; i++) {
        wanted = numbered(i);
        CHECK_EQUAL(journal_append(&area, &wanted), PAL_OK);
        journal_read(&area, &state);
        CHECK(same(&state, &wanted));
    }
    stuck_from = 0, stuck_to = 3 * 256;
    CHECK_EQUAL(journal_append(&area, &wanted), PAL_ERR_FLASH);
    /* One sector alone is left: what it holds is not erased. */
    stuck_to = 2 * 256;
    wanted = numbered(500);
    while (journal_append(&area, &wanted) == PAL_OK)
        wanted = numbered(wanted.security_counter + 1);
    journal_read(&area, &state);
    CHECK(state.security_counter + 1 == wanted.security_counter || same(&state, &wanted));
    ram_flash_free(&ram);
}

int main(void)
{
    test_ring(2, 4096, 4, 3000);
    test_ring(2, 256, 16, 2000);
    test_ring(5, 1024, 1, 2000);
    test_bits();
    test_garbage();
    test_cuts(1);
    test_cuts(16);
    test_marginal_record();
    test_bad_cells();
    return passed("journal");
}
