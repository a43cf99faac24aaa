/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this port, which is a process of Linux. */
#ifndef HOST_PORT_H
#define HOST_PORT_H

#include "firmware/board.h"

/* What the command line says. */
struct options {
    const char *flash;
    const struct pal_target *target;
    uint8_t key[BOOT_KEY_SIZE];
    uint32_t delay_us; /* that an engine run takes at least */
    uint32_t fault;    /* the engine's STATUS after every run; 0: the true one */
};

/* End the process with a message: for what a user can cause at the start. */
_Noreturn void stop(const char *what, const char *why);

/* flash.c: a NOR flash in a file. */
#define NOR_SIZE 0x800000u
#define NOR_SECTOR 4096u
extern struct flash nor_flash;
void flash_open(const char *path);

/* engine.c: the simulator. */
extern const struct pal_bus engine_bus;
struct pal_place engine_open(const struct options *options);

/* ports.c: pseudo-terminals. */
void ports_open(void);

#endif /* HOST_PORT_H */
