/* SPDX-License-Identifier: Apache-2.0 */
/* The porting contract: all that firmware/boards/<board>/ provides, in C, beside its start-up code, its linker
 * scripts and its board.mk. docs/board-bring-up.md walks through it. */
#ifndef FIRMWARE_BOARD_H
#define FIRMWARE_BOARD_H

#include <stdint.h>

#include "firmware/boot.h"
#include "pal/device.h"

/* Facts of the board. */
struct board {
    const char *name;                /* at most 15 characters */
    struct boot_config boot;         /* slots, journal, key, board id, where images run */
    struct flash_area store;         /* models */
    struct pal_place memory;         /* for sessions, on the engine's bus, behind its SRAM */
    const struct pal_bus *engine;
    uint32_t payload_max[2];         /* of a frame, by port: serial, USB; 0: the board has no such port */
    uint32_t window[2];              /* of the link, by port: a power of two, at least 8192 bytes */
    uint8_t *link_memory[2];         /* by port: BOARD_LINK_MEMORY(window, payload_max) bytes for its buffers */
};

#define BOARD_LINK_MEMORY(window, payload_max) (2u * (window) + (payload_max) + PAL_LINK_FRAME_SIZE + 4u)

enum board_port { BOARD_SERIAL, BOARD_USB, BOARD_PORTS };

/* Clocks, pins, timers, ports; interrupts are on afterwards. Called once, first. */
void board_init(void);
const struct board *board_facts(void);
void board_serial_number(char out[16]); /* zero-padded */

/* Microseconds, wrapping. */
uint32_t board_now_us(void);

/* Sleep until an interrupt, at most `us`. May return early. */
void board_idle(uint32_t us);

/* Move raw bytes; return how many, never waiting. */
uint32_t board_port_read(enum board_port port, uint8_t *data, uint32_t size);
uint32_t board_port_write(enum board_port port, const uint8_t *data, uint32_t size);
/* Bytes that a write takes now. */
uint32_t board_port_room(enum board_port port);

/* The watchdog runs from the bootloader on and resets the board `board_watchdog_us` after the last kick. */
void board_watchdog_start(uint32_t us);
void board_watchdog_kick(void);

/* Why the board started, of enum pal_link_reset_reason; CRASH and WATCHDOG are told by the crash record. */
unsigned board_reset_reason(void);

/* 1 if recovery was asked for by hand, a button say. */
int board_recovery_asked(void);

/* Reset now. */
_Noreturn void board_reset(void);

/* Memory that keeps its content across a reset but not a power cut: BOARD_KEPT_SIZE bytes, aligned to 8. */
#define BOARD_KEPT_SIZE 512u
void *board_kept(void);

/* Markers for a power meter: bit 0 inference, bit 1 engine, bit 2 a timestamp of MLPerf Tiny's protocol, whose begin
 * counts (the benchmark's meters wait for a falling edge: that line is driven inverted). */
void board_markers(uint32_t bits);

/* Bootloader: where an image is copied to before it runs, and the jump into it. */
uint8_t *board_load_address(void);
_Noreturn void board_start(const uint8_t *body, uint32_t size);

#endif /* FIRMWARE_BOARD_H */
