/* SPDX-License-Identifier: Apache-2.0 */
/* What QEMU's mps2-an386 has (CMSDK peripherals) and the pages that it shares with the board model. */
#ifndef VIRT_REGISTERS_H
#define VIRT_REGISTERS_H

#include <stdint.h>

#include "pal/spec/virtual_board.h"

struct uart {
    uint32_t data, state, control, interrupt, divider; /* interrupt: which is pending; write 1 to clear */
};
#define UART_TRANSMIT_FULL 1u /* state */
#define UART_RECEIVE_FULL 2u
#define UART_TRANSMIT 1u /* control */
#define UART_RECEIVE 2u
#define UART_TRANSMIT_INTERRUPT 4u
#define UART_RECEIVE_INTERRUPT 8u
#define UART_TRANSMITTED 1u /* interrupt */
#define UART_RECEIVED 2u
#define HOST_UART ((volatile struct uart *)0x40004000u)
#define EVENT_UART ((volatile struct uart *)0x40005000u)

struct timer {
    uint32_t control, value, reload, interrupt;
};
#define TIMER_ENABLE 1u
#define TIMER_INTERRUPT 8u
#define TIMER ((volatile struct timer *)0x40000000u)

struct watchdog {
    uint32_t load, value, control, clear;
};
#define WATCHDOG_INTERRUPT 1u
#define WATCHDOG_RESET 2u
#define WATCHDOG ((volatile struct watchdog *)0x40008000u)
#define WATCHDOG_LOCK (*(volatile uint32_t *)0x40008C00u)
#define WATCHDOG_KEY 0x1ACCE551u

#define FPGA_COUNTER (*(volatile uint32_t *)0x40028018u) /* counts up each PRESCALE + 1 clocks */
#define FPGA_PRESCALE (*(volatile uint32_t *)0x4002801Cu)

#define CLOCK_MHZ 25u

enum { IRQ_HOST_RECEIVE = 0, IRQ_HOST_TRANSMIT = 1, IRQ_EVENT = 2, IRQ_TIMER = 8, IRQ_COUNT = 32 };

/* Registers of the board model. */
#define SHARED_REGISTER(offset) (*(volatile uint32_t *)(PAL_VB_RAM_BASE + (offset)))
#define SHARED(offset) ((uint8_t *)(PAL_VB_RAM_BASE + (offset)))

#endif /* VIRT_REGISTERS_H */
