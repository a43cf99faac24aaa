/* SPDX-License-Identifier: Apache-2.0 */
/* The serial port: rings between interrupts and the program. Positions count on; a ring's size divides 2^32. */
#include "cpu.h"
#include "port.h"
#include "soc.h"

#define RING 16384u

struct ring {
    uint8_t byte[RING];
    volatile uint32_t in, out;
};

static struct ring received, sent;

void uart_init(void)
{
    UART->ev_pending = UART_TX;
    UART->ev_enable = UART_TX;
    cpu_enable_interrupt(IRQ_UART);
}

static void receive(void)
{
    while (!UART->rxempty) {
        uint8_t byte = (uint8_t)UART->rxtx;
        UART->ev_pending = UART_RX;
        uint32_t in = received.in;
        if (in - received.out < RING) { /* else it is lost: the link sends it again */
            received.byte[in % RING] = byte;
            received.in = in + 1;
        }
    }
}

static void pump(void)
{
    while (sent.in != sent.out && !UART->txfull) {
        UART->rxtx = sent.byte[sent.out % RING];
        sent.out++;
    }
}

void uart_interrupt(void)
{
    uint32_t events = UART->ev_pending & UART->ev_enable;
    if (events & UART_RX)
        receive();
    if (events & UART_TX) {
        UART->ev_pending = UART_TX;
        pump();
    }
    if (events & UART_RX || sent.in == sent.out)
        event_set(EVENT_UART);
}

uint32_t uart_read(uint8_t *data, uint32_t size)
{
    if (!(UART->ev_enable & UART_RX)) { /* from the first read on: the bootloader leaves early bytes to the application */
        uint32_t state = cpu_hold_interrupts();
        UART->ev_enable = UART_TX | UART_RX;
        receive(); /* what came before is no event any more */
        cpu_release_interrupts(state);
    }
    uint32_t count = 0;
    while (count < size && received.out != received.in) {
        data[count++] = received.byte[received.out % RING];
        received.out++;
    }
    return count;
}

uint32_t uart_room(void)
{
    return RING - (sent.in - sent.out);
}

uint32_t uart_write(const uint8_t *data, uint32_t size)
{
    uint32_t count = uart_room();
    if (count > size)
        count = size;
    for (uint32_t i = 0; i < count; i++)
        sent.byte[(sent.in + i) % RING] = data[i];
    uint32_t state = cpu_hold_interrupts();
    sent.in += count;
    pump();
    cpu_release_interrupts(state);
    return count;
}
