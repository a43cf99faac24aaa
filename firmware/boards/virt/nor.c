/* SPDX-License-Identifier: Apache-2.0 */
/* The NOR flash: read in its window, erased and programmed by a controller of the board model. */
#include <string.h>

#include "cpu.h"
#include "port.h"
#include "registers.h"

#define NOR(name) SHARED_REGISTER(PAL_VB_NOR_REGS_OFFSET + PAL_VB_REG_NOR_##name)

enum { NOR_ERASE = 1, NOR_PROGRAM = 2 };

/* Wait until the controller is idle. */
static int settle(void)
{
    uint32_t start = board_now_us(), elapsed;
    while (NOR(DONE) != NOR(SUBMIT)) {
        elapsed = board_now_us() - start;
        if (elapsed >= NOR_TIMEOUT_US)
            return PAL_ERR_FLASH;
        (void)event_wait(EVENT_NOR, NOR_TIMEOUT_US - elapsed);
    }
    cpu_barrier();
    return PAL_OK;
}

static int operate(uint32_t command, uint32_t address, uint32_t length)
{
    NOR(COMMAND) = command;
    NOR(ADDRESS) = address;
    NOR(LENGTH) = length;
    cpu_barrier();
    NOR(SUBMIT)++;
    wire_ring(PAL_VB_EVENT_NOR);
    int err = settle();
    if (!err && NOR(STATUS) != 0)
        err = PAL_ERR_FLASH;
    board_watchdog_kick(); /* each operation is bounded; a caller may do many */
    return err;
}

static int nor_read(void *ctx, uint32_t offset, void *data, uint32_t size)
{
    (void)ctx;
    memcpy(data, SHARED(PAL_VB_NOR_OFFSET + offset), size);
    return PAL_OK;
}

static int nor_program(void *ctx, uint32_t offset, const void *data, uint32_t size)
{
    (void)ctx;
    const uint8_t *from = data;
    int err = settle(); /* one that timed out may still read the buffer */
    while (!err && size) {
        uint32_t part = size < PAL_VB_NOR_BUFFER ? size : PAL_VB_NOR_BUFFER;
        memcpy(SHARED(PAL_VB_NOR_BUFFER_OFFSET), from, part);
        err = operate(NOR_PROGRAM, offset, part);
        from += part;
        offset += part;
        size -= part;
    }
    return err;
}

static int nor_erase(void *ctx, uint32_t offset, uint32_t size)
{
    (void)ctx;
    int err = settle();
    return err ? err : operate(NOR_ERASE, offset, size);
}

const struct flash nor_flash = {
    .size = PAL_VB_NOR_SIZE,
    .sector_size = PAL_VB_NOR_SECTOR,
    .granule = PAL_VB_NOR_GRANULE,
    .read = nor_read,
    .program = nor_program,
    .erase = nor_erase,
    .window = SHARED(PAL_VB_NOR_OFFSET),
};
