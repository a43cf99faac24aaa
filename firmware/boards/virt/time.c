/* SPDX-License-Identifier: Apache-2.0 */
/* Time, and sleep until something happens. */
#include "cpu.h"
#include "port.h"
#include "registers.h"

#define LONGEST_SLEEP_US 100000000u /* of the timer */

static volatile unsigned pending;
static volatile unsigned timed_out;

void time_init(void)
{
    FPGA_PRESCALE = CLOCK_MHZ - 1u;
    TIMER->control = 0;
    TIMER->interrupt = 1;
    cpu_enable_interrupt(IRQ_TIMER);
}

uint32_t board_now_us(void)
{
    return FPGA_COUNTER;
}

void timer_interrupt(void)
{
    TIMER->control = 0;
    TIMER->interrupt = 1;
    timed_out = 1;
}

void event_set(unsigned events)
{
    pending |= events; /* interrupts have one priority: none comes between */
}

unsigned event_wait(unsigned events, uint32_t us)
{
    cpu_disable_interrupts();
    timed_out = us == 0;
    if (us > LONGEST_SLEEP_US)
        us = LONGEST_SLEEP_US;
    if (us && !(pending & events)) {
        TIMER->reload = TIMER->value = us * CLOCK_MHZ;
        TIMER->control = TIMER_ENABLE | TIMER_INTERRUPT;
    }
    while (!(pending & events) && !timed_out) {
        cpu_sleep();
        cpu_enable_interrupts();
        cpu_disable_interrupts();
    }
    TIMER->control = 0;
    TIMER->interrupt = 1;
    unsigned taken = pending & events;
    pending &= ~events;
    cpu_enable_interrupts();
    return taken;
}

void board_idle(uint32_t us)
{
    (void)event_wait(EVENT_ANY, us);
}
