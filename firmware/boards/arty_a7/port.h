/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this port. */
#ifndef ARTY_PORT_H
#define ARTY_PORT_H

#include "firmware/board.h"

/* Main memory: bootloader, application, their data (see the linker scripts), then what sessions have. */
#define ENGINE_MEMORY_OFFSET 0x01000000u

/* Interrupts, see board.c. */
void uart_interrupt(void);
void timer_interrupt(void);
void engine_interrupt(void);
_Noreturn void watchdog_interrupt(uint32_t pc);

/* Events: bits that interrupts set and sleepers take back. */
enum { EVENT_UART = 1, EVENT_ENGINE = 2, EVENT_ANY = 3 };
void event_set(unsigned events);
/* Sleep until one of `events` is set, at most `us`; takes them back and tells which. With 0 for `events`, all of it. */
unsigned event_wait(unsigned events, uint32_t us);

void time_init(void);
void watchdog_init(void);

void uart_init(void);
uint32_t uart_read(uint8_t *data, uint32_t size);
uint32_t uart_write(const uint8_t *data, uint32_t size);
uint32_t uart_room(void);

extern const struct flash spi_flash;
/* Find out whether the flash is of a kind that is known; until then every operation fails. */
void flash_init(void);

extern const struct pal_bus engine_bus;
/* Where sessions may lie; empty if there is no engine. */
struct pal_place engine_memory(void);

#endif /* ARTY_PORT_H */
