/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog: its first expiry is an NMI, which keeps a record and resets; should that fail, its second resets. */
#include "port.h"
#include "registers.h"

void board_watchdog_start(uint32_t us)
{
    uint32_t ticks = us < UINT32_MAX / CLOCK_MHZ ? us * CLOCK_MHZ : UINT32_MAX;
    WATCHDOG_LOCK = WATCHDOG_KEY;
    WATCHDOG->load = ticks;
    WATCHDOG->control = WATCHDOG_INTERRUPT | WATCHDOG_RESET;
    WATCHDOG_LOCK = 0;
}

void board_watchdog_kick(void)
{
    WATCHDOG_LOCK = WATCHDOG_KEY;
    WATCHDOG->clear = 1; /* counts from `load` again */
    WATCHDOG_LOCK = 0;
}
