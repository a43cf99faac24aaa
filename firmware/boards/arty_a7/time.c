/* SPDX-License-Identifier: Apache-2.0 */
/* Time, and sleep until something happens. */
#include "cpu.h"
#include "port.h"
#include "soc.h"

#define CYCLES_US (CLOCK_HZ / 1000000u)
#define LONGEST_SLEEP_US 40000000u /* of the timer */

static volatile unsigned pending;
static volatile unsigned timed_out;

void time_init(void)
{
    TIMER->en = 0;
    TIMER->reload = 0; /* once */
    TIMER->ev_pending = 1;
    TIMER->ev_enable = 1;
    cpu_enable_interrupt(IRQ_TIMER);
}

uint32_t board_now_us(void)
{
    uint32_t state = cpu_hold_interrupts(); /* they look at the clock, too */
    TIMER->uptime_latch = 1;
    uint64_t cycles = (uint64_t)TIMER->uptime_cycles[0] << 32 | TIMER->uptime_cycles[1];
    cpu_release_interrupts(state);
    return (uint32_t)(cycles / CYCLES_US);
}

void timer_interrupt(void)
{
    TIMER->ev_pending = 1;
    timed_out = 1;
}

void event_set(unsigned events)
{
    pending |= events; /* interrupts do not nest */
}

unsigned event_wait(unsigned events, uint32_t us)
{
    cpu_disable_interrupts();
    timed_out = us == 0;
    if (us > LONGEST_SLEEP_US)
        us = LONGEST_SLEEP_US;
    if (us && !(pending & events)) {
        TIMER->load = us * CYCLES_US;
        TIMER->en = 1;
    }
    while (!(pending & events) && !timed_out) {
        cpu_sleep();
        cpu_enable_interrupts();
        cpu_disable_interrupts();
    }
    TIMER->en = 0;
    TIMER->ev_pending = 1;
    unsigned taken = pending & events;
    pending &= ~events;
    cpu_enable_interrupts();
    return taken;
}

void board_idle(uint32_t us)
{
    (void)event_wait(EVENT_ANY, us);
}
