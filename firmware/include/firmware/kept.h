/* SPDX-License-Identifier: Apache-2.0 */
/* What one start of the board leaves to the next, in the board's kept memory: between bootloader and application,
 * and between a crash and whoever reads its record. After a power cut it is empty. */
#ifndef FIRMWARE_KEPT_H
#define FIRMWARE_KEPT_H

#include <stdint.h>

#include "pal/spec/link.h"

enum kept_crashed {
    KEPT_NO_CRASH,
    KEPT_CRASHED,   /* the start before this one ended so */
    KEPT_CRASH_TOLD /* an earlier one: its successor has told of it */
};

struct kept {
    uint32_t recover;             /* 1: the bootloader shall stay in recovery; it clears this */
    uint32_t slot;                /* that the bootloader started last, BOOT_NO_SLOT for recovery */
    uint8_t version[8];           /* of the image in it, as in its header */
    uint32_t crashed;             /* enum kept_crashed; while not 0 `crash` is a record that nobody has cleared */
    struct pal_link_crash crash;
};

/* What is kept: all zeros but `slot`, which is BOOT_NO_SLOT, if the memory held nothing sound. */
void kept_load(struct kept *kept);
void kept_save(const struct kept *kept);

/* What the program is doing, for a crash's record. The text stays the caller's and must last. */
void kept_doing(const char *text);

enum { KEPT_WATCHDOG = 0x100, KEPT_PANIC = 0x101 }; /* crash reasons beside the core's exception numbers */

/* Keep the record of a crash and reset. Called from any context, with interrupts off. */
_Noreturn void kept_crash(uint32_t reason, const uint32_t registers[8], const uint32_t fault[4]);

/* The program found that it cannot go on. */
_Noreturn void kept_panic(const char *text);

#endif /* FIRMWARE_KEPT_H */
