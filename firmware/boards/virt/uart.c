/* SPDX-License-Identifier: Apache-2.0 */
/* The serial port: rings between interrupts and the program. Positions count on; a ring's size divides 2^32. */
#include "cpu.h"
#include "port.h"
#include "registers.h"

#define RING 16384u

struct ring {
    uint8_t byte[RING];
    volatile uint32_t in, out;
};

static struct ring received, sent;
static int listening;

void uart_init(void)
{
    HOST_UART->divider = 16;
    HOST_UART->control = UART_TRANSMIT | UART_TRANSMIT_INTERRUPT;
    cpu_enable_interrupt(IRQ_HOST_TRANSMIT);
}

/* From the first read on, so that the bootloader leaves what comes early to the application. */
static void listen(void)
{
    listening = 1;
    HOST_UART->control |= UART_RECEIVE | UART_RECEIVE_INTERRUPT;
    (void)HOST_UART->data; /* QEMU asks its host for input only after a read */
    cpu_enable_interrupt(IRQ_HOST_RECEIVE);
}

void host_receive_interrupt(void)
{
    HOST_UART->interrupt = UART_RECEIVED;
    while (HOST_UART->state & UART_RECEIVE_FULL) {
        uint8_t byte = (uint8_t)HOST_UART->data;
        uint32_t in = received.in;
        if (in - received.out < RING) { /* else it is lost: the link sends it again */
            received.byte[in % RING] = byte;
            received.in = in + 1;
        }
    }
    event_set(EVENT_HOST);
}

static void pump(void)
{
    while (sent.in != sent.out && !(HOST_UART->state & UART_TRANSMIT_FULL)) {
        HOST_UART->data = sent.byte[sent.out % RING];
        sent.out++;
    }
}

void host_transmit_interrupt(void)
{
    HOST_UART->interrupt = UART_TRANSMITTED;
    pump();
    if (sent.in == sent.out)
        event_set(EVENT_HOST);
}

uint32_t uart_read(uint8_t *data, uint32_t size)
{
    if (!listening)
        listen();
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
