/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this port. */
#ifndef VIRT_PORT_H
#define VIRT_PORT_H

#include "firmware/board.h"
#include "pal/spec/virtual_board.h"

/* Interrupts, see startup.c. */
void host_receive_interrupt(void);
void host_transmit_interrupt(void);
void event_interrupt(void);
void timer_interrupt(void);

/* Events: bits that interrupts set and sleepers take back. */
enum { EVENT_HOST = 1, EVENT_USB = 2, EVENT_NOR = 4, EVENT_ENGINE = 8, EVENT_ANY = 15 };
void event_set(unsigned events);
/* Sleep until one of `events` is set, at most `us`; takes them back and tells which. */
unsigned event_wait(unsigned events, uint32_t us);

void time_init(void);

void wire_init(void);
/* Tell the board model that a device's registers changed. */
void wire_ring(enum pal_vb_event device);

/* Flash operations wait for the model, at most for so long. */
#define NOR_TIMEOUT_US 5000000u
extern const struct flash nor_flash;

extern const struct pal_bus engine_bus;
/* Where sessions may lie; empty if there is no engine. */
struct pal_place engine_memory(void);

void uart_init(void);
uint32_t uart_read(uint8_t *data, uint32_t size);
uint32_t uart_write(const uint8_t *data, uint32_t size);
uint32_t uart_room(void);

void usb_init(const char *product, const char *serial);
/* The event wire told of it; in the interrupt. */
void usb_interrupt(void);
uint32_t usb_read(uint8_t *data, uint32_t size);
uint32_t usb_write(const uint8_t *data, uint32_t size);
uint32_t usb_room(void);

#endif /* VIRT_PORT_H */
