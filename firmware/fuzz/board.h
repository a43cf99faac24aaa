/* SPDX-License-Identifier: Apache-2.0 */
/* A board in memory with a host at each of its ports, for the fuzzer. */
#ifndef FUZZ_BOARD_H
#define FUZZ_BOARD_H

#include <setjmp.h>

#include "firmware/board.h"
#include "pal/link.h"

struct fuzz_host {
    struct pal_link link;
    uint32_t received; /* bytes of responses */
};

extern struct fuzz_host fuzz_hosts[BOARD_PORTS];
extern jmp_buf fuzz_reset; /* where a reset of the board leads */

/* Erased flash, closed links. */
void fuzz_board_init(void);
/* Carry bytes between hosts and board; whether there were any. */
int fuzz_board_exchange(void);
/* These bytes come in on the line. */
void fuzz_board_line(unsigned port, const uint8_t *data, uint32_t size);
void fuzz_board_sleep(uint32_t us);

#endif /* FUZZ_BOARD_H */
