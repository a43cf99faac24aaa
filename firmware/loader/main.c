/* SPDX-License-Identifier: Apache-2.0 */
/* The bootloader: start the image that the journal chooses, from a verified copy in RAM, or recover. */
#include "firmware/board.h"
#include "firmware/entry.h"
#include "firmware/kept.h"
#include "firmware/server.h"

#define WATCHDOG_US 10000000u

/* Copy the image and verify what will run: PAL_OK, or the slot's image is of no use. */
static int load(const struct boot_config *config, unsigned slot, struct boot_image *image)
{
    uint8_t *copy = board_load_address();
    struct boot_state state;
    uint32_t size = image->size;
    if (size > config->load_size)
        return PAL_ERR_IMAGE;
    int err = boot_read(config, &state);
    if (!err)
        err = flash_area_read(&config->slot[slot], 0, copy, size);
    return err ? err : boot_check_memory(config, copy, size, state.security_counter, image);
}

/* Returns if nothing boots. */
static void start(const struct boot_config *config)
{
    struct boot_image image;
    unsigned slot;
    while (!boot_select(config, &slot, &image) && slot != BOOT_NO_SLOT) {
        board_watchdog_kick();
        if (!load(config, slot, &image)) {
            struct kept kept;
            kept_load(&kept);
            kept.slot = slot;
            for (unsigned i = 0; i < sizeof kept.version; i++)
                kept.version[i] = image.version[i];
            kept_save(&kept);
            board_watchdog_kick();
            boot_insist(&image);
            board_start(board_load_address() + image.header_size, image.body_size);
        }
        if (boot_reject(config, slot))
            return;
    }
}

_Noreturn void firmware_main(void)
{
    board_init();
    board_watchdog_start(WATCHDOG_US);
    struct kept kept;
    kept_load(&kept);
    int recover = kept.recover != 0 || board_recovery_asked();
    kept.recover = 0;
    kept.slot = BOOT_NO_SLOT;
    kept_save(&kept);
    if (!recover)
        start(&board_facts()->boot);
    kept_load(&kept);
    kept.slot = BOOT_NO_SLOT;
    kept_save(&kept);
    server_recover();
}
