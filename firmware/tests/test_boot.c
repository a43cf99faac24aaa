/* SPDX-License-Identifier: Apache-2.0 */
/* Which slot boots: first boot, trial, confirmation, revert, counter, recovery. */
#include "boot_rig.h"

#define SECTOR 1024u
#define SLOT (4u * SECTOR)

static struct ram_flash ram;
static struct boot_config config;

/* An erased board with images in its slots; NULL: none. */
static void board(const uint8_t *first, uint32_t first_size, const uint8_t *second, uint32_t second_size)
{
    ram_flash_blank(&ram, 0, ram.flash.size);
    config = boot_rig(&ram, SLOT, 2 * SECTOR);
    if (first != NULL)
        install(&ram, &config, 0, first, first_size);
    if (second != NULL)
        install(&ram, &config, 1, second, second_size);
}

/* A board on which OLD in slot 0 is confirmed, with another image in slot 1. */
static void board_with(const uint8_t *second, uint32_t size)
{
    board(WHOLE(OLD), second, size);
    CHECK_EQUAL(boot_confirm(&config, 0), PAL_OK);
}

static void damage(unsigned slot)
{
    ram_flash_flip(&ram, config.slot[slot].offset + 100, 3);
}

static void test_first_boot(void)
{
    board(NULL, 0, NULL, 0);
    CHECK_EQUAL(reset(&config), BOOT_NO_SLOT);
    board(WHOLE(OLD), NULL, 0);
    CHECK_EQUAL(reset(&config), 0);
    board(NULL, 0, WHOLE(OLD));
    CHECK_EQUAL(reset(&config), 1);
    board(WHOLE(OLD), WHOLE(NEW));
    CHECK_EQUAL(reset(&config), 1);
    board(WHOLE(NEWER), WHOLE(NEW)); /* 1.10.0 against 1.1.0+7 */
    CHECK_EQUAL(reset(&config), 0);
    board(WHOLE(OLD), WHOLE(SAME_COUNTER)); /* 1.0.0 against 0.9.9 */
    CHECK_EQUAL(reset(&config), 0);
    board(WHOLE(OLD), WHOLE(OTHER_KEY));
    CHECK_EQUAL(reset(&config), 0);

    /* It stays so until the application is content, and nothing is written. */
    uint32_t operations = ram.operations;
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQUAL(reset(&config), 0);
    CHECK_EQUAL(ram.operations, operations);
    struct boot_state state = read_state(&config);
    CHECK_EQUAL(state.active, BOOT_NO_SLOT);
    CHECK_EQUAL(state.security_counter, 0);
    CHECK_EQUAL(boot_confirm(&config, 0), PAL_OK);
    state = read_state(&config);
    CHECK_EQUAL(state.active, 0);
    CHECK_EQUAL(state.slot[0], PAL_SLOT_CONFIRMED);
    CHECK_EQUAL(state.security_counter, 1);
    /* A confirmed image boots even beside a newer one that nobody asked for. */
    install(&ram, &config, 1, WHOLE(NEW));
    CHECK_EQUAL(reset(&config), 0);
    operations = ram.operations;
    CHECK_EQUAL(boot_confirm(&config, 0), PAL_OK);
    CHECK_EQUAL(ram.operations, operations);
}

static void test_trial(void)
{
    board_with(WHOLE(NEW));
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(boot_confirm(&config, 1), PAL_ERR_STATE); /* it has not run */
    CHECK_EQUAL(reset(&config), 1);
    struct boot_state state = read_state(&config);
    CHECK_EQUAL(state.slot[1], PAL_SLOT_TRIAL);
    CHECK_EQUAL(state.active, 0);
    CHECK_EQUAL(state.security_counter, 1); /* not raised before the confirmation */
    CHECK_EQUAL(boot_confirm(&config, 1), PAL_OK);
    state = read_state(&config);
    CHECK_EQUAL(state.slot[0], PAL_SLOT_EMPTY);
    CHECK_EQUAL(state.slot[1], PAL_SLOT_CONFIRMED);
    CHECK_EQUAL(state.active, 1);
    CHECK_EQUAL(state.security_counter, 2);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQUAL(reset(&config), 1);
    struct boot_image image;
    CHECK_EQUAL(boot_check_memory(&config, WHOLE(OLD), 0, &image), PAL_ERR_DOWNGRADE); /* the journal knows better */
    CHECK_EQUAL(boot_check_memory(&config, WHOLE(NEW), 0, &image), PAL_OK);
    /* The former image counts lower: it boots no more, not even on request, nor when the new one is damaged. */
    CHECK_EQUAL(boot_request(&config, 0), PAL_OK);
    CHECK_EQUAL(reset(&config), 1);
    CHECK_EQUAL(read_state(&config).slot[0], PAL_SLOT_REJECTED);
    damage(1);
    CHECK_EQUAL(reset(&config), BOOT_NO_SLOT);
}

static void test_revert(void)
{
    board_with(WHOLE(NEW));
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(reset(&config), 1);
    CHECK_EQUAL(reset(&config), 0);
    struct boot_state state = read_state(&config);
    CHECK_EQUAL(state.slot[1], PAL_SLOT_REJECTED);
    CHECK_EQUAL(state.slot[0], PAL_SLOT_CONFIRMED);
    CHECK_EQUAL(state.security_counter, 1);
    CHECK_EQUAL(boot_confirm(&config, 1), PAL_ERR_STATE);
    CHECK_EQUAL(reset(&config), 0);
    /* It may be asked for once more, or the request taken back by asking for the confirmed one. */
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(boot_request(&config, 0), PAL_OK);
    CHECK_EQUAL(reset(&config), 0);
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(reset(&config), 1);
    CHECK_EQUAL(boot_request(&config, 0), PAL_ERR_STATE); /* while 1 is on trial */
    CHECK_EQUAL(boot_confirm(&config, 1), PAL_OK);
    CHECK_EQUAL(reset(&config), 1);
}

/* Asked for, but not what it was, or never any good. */
static void test_bad_request(void)
{
    board_with(NULL, 0);
    CHECK_EQUAL(boot_request(&config, BOOT_SLOTS), PAL_ERR_ARG);
    CHECK_EQUAL(boot_confirm(&config, BOOT_SLOTS), PAL_ERR_ARG);
    CHECK_EQUAL(boot_forget(&config, BOOT_SLOTS), PAL_ERR_ARG);
    CHECK_EQUAL(boot_reject(&config, BOOT_NO_SLOT), PAL_ERR_ARG);
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(reset(&config), 0);
    CHECK_EQUAL(read_state(&config).slot[1], PAL_SLOT_REJECTED);
    board_with(WHOLE(OTHER_BOARD));
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(reset(&config), 0);
    /* Damaged on trial: nothing is confirmed, no counter raised. */
    board_with(WHOLE(NEW));
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(reset(&config), 1);
    damage(1);
    CHECK_EQUAL(boot_confirm(&config, 1), PAL_ERR_DIGEST);
    CHECK_EQUAL(read_state(&config).security_counter, 1);
    CHECK_EQUAL(reset(&config), 0);
}

/* The image that boots if the update fails is never given up. */
static void test_forget(void)
{
    board_with(WHOLE(NEW));
    CHECK_EQUAL(boot_forget(&config, 0), PAL_ERR_STATE);
    uint32_t operations = ram.operations;
    CHECK_EQUAL(boot_forget(&config, 1), PAL_OK); /* nothing was said of it */
    CHECK_EQUAL(ram.operations, operations);
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(boot_forget(&config, 1), PAL_OK);
    CHECK_EQUAL(read_state(&config).slot[1], PAL_SLOT_EMPTY);
    CHECK_EQUAL(reset(&config), 0);
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(reset(&config), 1);
    CHECK_EQUAL(boot_forget(&config, 0), PAL_ERR_STATE); /* on trial: 0 is what it reverts to */
    CHECK_EQUAL(boot_confirm(&config, 1), PAL_OK);
    CHECK_EQUAL(boot_forget(&config, 0), PAL_OK);
    CHECK_EQUAL(boot_forget(&config, 1), PAL_ERR_STATE);
    damage(1);
    CHECK_EQUAL(boot_forget(&config, 1), PAL_OK); /* does not boot any more */
    struct boot_state state = read_state(&config);
    CHECK_EQUAL(state.active, BOOT_NO_SLOT);
    CHECK_EQUAL(state.security_counter, 2); /* stays */
    /* Recovery writes an image there. */
    install(&ram, &config, 1, WHOLE(NEWER));
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    CHECK_EQUAL(reset(&config), 1);
    CHECK_EQUAL(boot_confirm(&config, 1), PAL_OK);
    CHECK_EQUAL(read_state(&config).security_counter, 3);
    /* Before any confirmation it is the slot that boots by itself. */
    board(WHOLE(OLD), WHOLE(NEW));
    CHECK_EQUAL(boot_forget(&config, 1), PAL_ERR_STATE);
    CHECK_EQUAL(boot_forget(&config, 0), PAL_OK);
}

/* Images that turn out bad after they were chosen. */
static void test_reject(void)
{
    board_with(WHOLE(SAME_COUNTER));
    CHECK_EQUAL(reset(&config), 0);
    CHECK_EQUAL(boot_reject(&config, 0), PAL_OK);
    CHECK_EQUAL(reset(&config), 1);
    CHECK_EQUAL(boot_reject(&config, 1), PAL_OK);
    CHECK_EQUAL(reset(&config), BOOT_NO_SLOT);
    CHECK_EQUAL(reset(&config), 0); /* once more after recovery: it may have been a passing fault */
    /* The confirmed one is damaged: the other boots, and its confirmation makes it the confirmed one. */
    board_with(WHOLE(SAME_COUNTER));
    damage(0);
    CHECK_EQUAL(reset(&config), 1);
    CHECK_EQUAL(boot_confirm(&config, 1), PAL_OK);
    CHECK_EQUAL(read_state(&config).active, 1);
    damage(1);
    CHECK_EQUAL(reset(&config), BOOT_NO_SLOT);
    damage(0); /* the bit flips back */
    CHECK_EQUAL(reset(&config), 0);
}

static int broken(void *ctx, uint32_t offset, const void *data, uint32_t size)
{
    (void)ctx, (void)offset, (void)data, (void)size;
    return PAL_ERR_FLASH;
}

static int broken_erase(void *ctx, uint32_t offset, uint32_t size)
{
    return broken(ctx, offset, NULL, size);
}

/* A journal that takes no more records keeps the confirmed image from nothing, but starts no trial. */
static void test_worn_journal(void)
{
    board_with(WHOLE(NEW));
    CHECK_EQUAL(boot_request(&config, 1), PAL_OK);
    struct flash worn = ram.flash;
    struct boot_config on_worn = config;
    worn.program = broken;
    worn.erase = broken_erase;
    on_worn.journal.flash = &worn;
    CHECK_EQUAL(reset(&on_worn), 0);
    CHECK_EQUAL(boot_confirm(&on_worn, 0), PAL_OK); /* it is */
    CHECK_EQUAL(boot_forget(&on_worn, 1), PAL_ERR_FLASH);
    CHECK_EQUAL(boot_request(&on_worn, 0), PAL_ERR_FLASH);
    CHECK_EQUAL(boot_reject(&on_worn, 1), PAL_ERR_FLASH);
    CHECK_EQUAL(reset(&config), 1);
}

static void test_area(void)
{
    uint8_t data[8] = { 0 };
    struct flash_area area = { &ram.flash, SECTOR, 2 * SECTOR };
    CHECK_EQUAL(flash_area_read(&area, 2 * SECTOR, data, 0), PAL_OK);
    CHECK_EQUAL(flash_area_read(&area, 2 * SECTOR - 7, data, 8), PAL_ERR_ARG);
    CHECK_EQUAL(flash_area_read(&area, UINT32_MAX, data, 8), PAL_ERR_ARG);
    CHECK_EQUAL(flash_area_read(&area, 0, data, UINT32_MAX), PAL_ERR_ARG);
    CHECK_EQUAL(flash_area_program(&area, 2 * SECTOR, data, 4), PAL_ERR_ARG);
    CHECK_EQUAL(flash_area_program(&area, 2, data, 4), PAL_ERR_ARG);
    CHECK_EQUAL(flash_area_program(&area, 4, data, 6), PAL_ERR_ARG);
    CHECK_EQUAL(flash_area_erase(&area, SECTOR, 2 * SECTOR), PAL_ERR_ARG);
    CHECK_EQUAL(flash_area_erase(&area, 4, SECTOR), PAL_ERR_ARG);
    CHECK_EQUAL(flash_area_erase(&area, 0, 4), PAL_ERR_ARG);
    CHECK_EQUAL(flash_area_erase(&area, SECTOR, SECTOR), PAL_OK);
    CHECK_EQUAL(flash_area_program(&area, 2 * SECTOR - 8, data, 8), PAL_OK);
    CHECK_EQUAL(ram.bytes[3 * SECTOR - 1], 0);
    CHECK_EQUAL(ram.bytes[3 * SECTOR], 0xFF);
}

int main(void)
{
    ram_flash_init(&ram, 2 * SLOT + 2 * SECTOR, SECTOR, 4, 1);
    test_first_boot();
    test_trial();
    test_revert();
    test_bad_request();
    test_forget();
    test_reject();
    test_worn_journal();
    board(NULL, 0, NULL, 0);
    test_area();
    ram_flash_free(&ram);
    return passed("boot");
}
