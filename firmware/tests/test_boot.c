/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check.h"
#include "firmware/boot.h"
#include "images.h"
#include "ram_flash.h"

#define SECTOR 4096u
#define SLOT (16u * SECTOR)
#define JOURNAL (2u * SLOT)
#define SIZE (JOURNAL + 2u * SECTOR)
#define BOARD_ID 0x31564C50u

static struct boot_config configure(const struct ram_flash *ram)
{
    struct boot_config config = { .slot = { { &ram->flash, 0, SLOT }, { &ram->flash, SLOT, SLOT } },
                                  .journal = { &ram->flash, JOURNAL, 2 * SECTOR },
                                  .board_id = BOARD_ID,
                                  .load_address = LOAD_ADDRESS,
                                  .load_size = SLOT };
    memcpy(config.key, KEY, sizeof(config.key));
    return config;
}

static void test_images(void)
{
    static const struct {
        const uint8_t *data;
        uint32_t size, minimum;
        int status;
    } cases[] = {
        { OLD, sizeof(OLD), 0, 0 },
        { OLD, sizeof(OLD), 1, 0 },
        { OLD, sizeof(OLD), 2, PAL_ERR_DOWNGRADE },
        { NEWER, sizeof(NEWER), 3, 0 },
        { LARGE, sizeof(LARGE), 0, 0 },
        { NO_COUNTER, sizeof(NO_COUNTER), 0, 0 },
        { NO_COUNTER, sizeof(NO_COUNTER), 1, PAL_ERR_DOWNGRADE },
        { BOOT_RECORD, sizeof(BOOT_RECORD), 1, 0 },
        { OTHER_KEY, sizeof(OTHER_KEY), 0, PAL_ERR_SIGNATURE },
        { UNSIGNED, sizeof(UNSIGNED), 0, PAL_ERR_SIGNATURE },
        { PURE, sizeof(PURE), 0, PAL_ERR_IMAGE },
        { SHA512, sizeof(SHA512), 0, PAL_ERR_IMAGE },
        { FULL_KEY, sizeof(FULL_KEY), 0, PAL_ERR_IMAGE },
        { OTHER_BOARD, sizeof(OTHER_BOARD), 0, PAL_ERR_BOARD },
        { NO_BOARD, sizeof(NO_BOARD), 0, PAL_ERR_BOARD },
        { LONG_BOARD, sizeof(LONG_BOARD), 0, PAL_ERR_IMAGE },
        { OTHER_ADDRESS, sizeof(OTHER_ADDRESS), 0, PAL_ERR_BOARD },
        { NO_ADDRESS, sizeof(NO_ADDRESS), 0, PAL_ERR_BOARD },
        { ROM_FIXED, sizeof(ROM_FIXED), 0, PAL_ERR_IMAGE },
        { ENCRYPTED, sizeof(ENCRYPTED), 0, PAL_ERR_IMAGE },
        { NON_BOOTABLE, sizeof(NON_BOOTABLE), 0, PAL_ERR_IMAGE },
    };
    struct ram_flash ram;
    ram_flash_init(&ram, SIZE, SECTOR, 4, 1);
    struct boot_config config = configure(&ram);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct boot_image image, copy;
        ram_flash_set(&ram, SLOT, cases[i].data, cases[i].size);
        CHECK_EQUAL(boot_check(&config, 1, cases[i].minimum, &image), cases[i].status);
        CHECK_EQUAL(boot_check_memory(&config, cases[i].data, cases[i].size, cases[i].minimum, &copy), cases[i].status);
        if (cases[i].status == 0) {
            CHECK_EQUAL(image.size, cases[i].size);
            boot_insist(&copy);
        }
    }
    ram_flash_free(&ram);
}

int main(void)
{
    test_images();
    return passed("boot");
}
