/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the boot library share: a board's configuration over a flash in memory. */
#ifndef TESTS_BOOT_RIG_H
#define TESTS_BOOT_RIG_H

#include <string.h>

#include "check.h"
#include "firmware/boot.h"
#include "images.h"
#include "ram_flash.h"

#define BOARD_ID 0x31564C50u

/* Image X of images.py as two arguments: bytes, size. */
#define WHOLE(X) X, (uint32_t)sizeof(X)

/* Two slots, then the journal, all in whole sectors from the start of the flash. */
static inline struct boot_config boot_rig(const struct ram_flash *ram, uint32_t slot_size, uint32_t journal_size)
{
    struct boot_config config = { .slot = { { &ram->flash, 0, slot_size }, { &ram->flash, slot_size, slot_size } },
                                  .journal = { &ram->flash, 2 * slot_size, journal_size },
                                  .board_id = BOARD_ID,
                                  .load_address = LOAD_ADDRESS,
                                  .load_size = slot_size };
    memcpy(config.key, KEY, sizeof(config.key));
    return config;
}

/* An image appears in a slot. */
static inline void install(struct ram_flash *ram, const struct boot_config *config, unsigned slot, const uint8_t *data,
                           uint32_t size)
{
    ram_flash_blank(ram, config->slot[slot].offset, config->slot[slot].size);
    ram_flash_set(ram, config->slot[slot].offset, data, size);
}

static inline struct boot_state read_state(const struct boot_config *config)
{
    struct boot_state state;
    CHECK_EQUAL(boot_read(config, &state), PAL_OK);
    return state;
}

/* A reset; the slot that the bootloader starts. */
static inline unsigned reset(const struct boot_config *config)
{
    struct boot_image image;
    unsigned slot;
    CHECK_EQUAL(boot_select(config, &slot, &image), PAL_OK);
    CHECK(slot < BOOT_SLOTS || slot == BOOT_NO_SLOT);
    return slot;
}

#endif /* TESTS_BOOT_RIG_H */
