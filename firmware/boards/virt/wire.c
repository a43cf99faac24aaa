/* SPDX-License-Identifier: Apache-2.0 */
/* The event wire to the board model: a byte each way is a doorbell or an interrupt, its value the device. */
#include "cpu.h"
#include "port.h"
#include "registers.h"

#define POLLS 100000u /* the wire takes a byte at once, unless the model hangs: then the request times out */

void wire_init(void)
{
    EVENT_UART->divider = 16;
    EVENT_UART->control = UART_TRANSMIT | UART_RECEIVE | UART_RECEIVE_INTERRUPT;
    (void)EVENT_UART->data; /* QEMU asks its host for input only after a read */
    cpu_enable_interrupt(IRQ_EVENT);
}

void wire_ring(enum pal_vb_event device)
{
    uint32_t state = cpu_hold_interrupts(); /* they ring, too */
    cpu_barrier();
    for (unsigned i = 0; i < POLLS && EVENT_UART->state & UART_TRANSMIT_FULL; i++)
        ;
    EVENT_UART->data = (uint32_t)device;
    cpu_release_interrupts(state);
}

void event_interrupt(void)
{
    EVENT_UART->interrupt = UART_RECEIVED;
    if (!(EVENT_UART->state & UART_RECEIVE_FULL))
        return;
    switch (EVENT_UART->data & 0xFFu) {
    case PAL_VB_EVENT_ENGINE:
        event_set(EVENT_ENGINE);
        break;
    case PAL_VB_EVENT_NOR:
        event_set(EVENT_NOR);
        break;
    case PAL_VB_EVENT_USB:
        usb_interrupt();
        event_set(EVENT_USB);
        break;
    default:
        break;
    }
    cpu_barrier();
}
