/* SPDX-License-Identifier: Apache-2.0 */
/* A bootloader that offers one image to the boot library, bare on QEMU's mps2-an386, and exits with what came of
 * it. tests/firmware/test_faults.py skips instructions in it. */
#include <stddef.h>
#include <string.h>

#include "firmware/boot.h"
#include "images.h"
#include "pal/load.h"
#include "pal/model.h" /* pal_crc32 */

enum { REFUSED = 1, CRASHED = 2, ACCEPTED = 42 };

/* Which image; a debugger writes it before the start. */
enum offer { VALID, FORGED, DAMAGED, FOREIGN, DOWNGRADE, ELSEWHERE, NOT_SIGNED, MISPLACED };
volatile enum offer offer = VALID;

static struct boot_config config;
static struct boot_image image;
static uint8_t record[16], copy[2048];
static uint32_t size;

_Noreturn void quit(unsigned code);
void crash(void);
int load(void);
void start(void);
int main(void);

/* Semihosting's SYS_EXIT_EXTENDED. */
void quit(unsigned code)
{
    const unsigned block[2] = { 0x20026, code };
    register unsigned operation __asm__("r0") = 0x20;
    register const unsigned *argument __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" ::"r"(operation), "r"(argument) : "memory");
    for (;;)
        ;
}

void crash(void)
{
    quit(CRASHED);
}

static int read_journal(void *ctx, uint32_t offset, void *data, uint32_t count)
{
    (void)ctx;
    memcpy(data, record + offset, count);
    return PAL_OK;
}

static const struct flash journal = { .size = sizeof(record), .sector_size = 16, .granule = 1, .read = read_journal };

static void confirm(uint32_t counter)
{
    static const uint8_t head[8] = { 1, 0, 0, 0, 0xB7, PAL_SLOT_CONFIRMED, PAL_SLOT_EMPTY, 0 };
    memcpy(record, head, sizeof(head));
    pal_store_u32(record + 8, counter);
    pal_store_u32(record + 12, pal_crc32(0, record, 12));
    config.journal = (struct flash_area){ &journal, 0, sizeof(record) };
}

#define OFFER(data) memcpy(copy, data, size = sizeof(data))

static void prepare(void)
{
    memcpy(config.key, KEY, sizeof(config.key));
    config.board_id = 0x31564C50u;
    config.load_address = LOAD_ADDRESS;
    config.load_size = sizeof(copy);
    confirm(offer == DOWNGRADE ? 2 : 1);
    OFFER(OLD);
    if (offer == FORGED)
        copy[size - 5] ^= 1;
    else if (offer == DAMAGED)
        copy[100] ^= 1;
    else if (offer == FOREIGN)
        OFFER(OTHER_KEY);
    else if (offer == ELSEWHERE)
        OFFER(OTHER_BOARD);
    else if (offer == NOT_SIGNED)
        OFFER(UNSIGNED);
    else if (offer == MISPLACED)
        OFFER(OTHER_ADDRESS);
}

/* As the bootloader does it. */
__attribute__((noinline)) int load(void)
{
    struct boot_state state;
    int status = boot_read(&config, &state);
    return status ? status : boot_check_memory(&config, copy, size, state.security_counter, &image);
}

__attribute__((noinline)) void start(void)
{
    if (!load()) {
        boot_insist(&image);
        quit(ACCEPTED);
    }
    quit(REFUSED);
}

int main(void)
{
    prepare();
    start();
}

extern unsigned stack_top[];
__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top, (void *)main, (void *)crash, (void *)crash, (void *)crash, (void *)crash, (void *)crash,
};
