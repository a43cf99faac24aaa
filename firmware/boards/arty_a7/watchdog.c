/* SPDX-License-Identifier: Apache-2.0 */
/* LiteX's watchdog: when it expires it interrupts, which keeps a record and resets; where interrupts are off or do not
 * come, it resets the SoC itself a moment later (reset_delay of the core). */
#include "cpu.h"
#include "firmware/kept.h"
#include "port.h"
#include "soc.h"

#define CYCLES_US (CLOCK_HZ / 1000000u)

/* It runs from the bootloader on; its interrupt is each program's own. */
void watchdog_init(void)
{
    WATCHDOG->ev_pending = 1;
    WATCHDOG->ev_enable = 1;
    cpu_enable_interrupt(IRQ_WATCHDOG);
}

void board_watchdog_start(uint32_t us)
{
    WATCHDOG->cycles = us < UINT32_MAX / CYCLES_US ? us * CYCLES_US : UINT32_MAX;
    board_watchdog_kick();
}

void board_watchdog_kick(void)
{
    if (WATCHDOG->cycles) /* else it was not started yet */
        WATCHDOG->control = WATCHDOG_ENABLE | WATCHDOG_RESET | WATCHDOG_FEED;
}

_Noreturn void watchdog_interrupt(uint32_t pc)
{
    static const uint32_t none[4];
    const uint32_t registers[8] = {[6] = pc};
    kept_crash(KEPT_WATCHDOG, registers, none);
}
