/* SPDX-License-Identifier: Apache-2.0 */
/* Linux on the engine's own chip: registers and memory mapped into this process, the interrupt read from a file of
 * the UIO kind. Whoever opens and maps them keeps them; pal_edge/runtime/mmio.py does. */
#ifndef PAL_BUS_MMIO_H
#define PAL_BUS_MMIO_H

#ifdef __linux__

#include "pal/bus.h"

/* Memory that both see: at `bytes` for this process, at `address` for the engine. `bytes` is a multiple of 4. */
struct pal_mmio_window {
    volatile uint8_t *bytes;
    uint32_t address, size;
};

/* After init use `bus`. It has no `map`: the memory may be mapped uncached, where an access that is not aligned is
 * a fault. */
struct pal_mmio {
    struct pal_bus bus;
    volatile uint32_t *registers; /* PAL_REG_WINDOW bytes */
    struct pal_mmio_window memory, sram;
    int interrupt;
};

/* `memory` is the buffer for sessions. `sram` has size 0 if this process does not see the engine's own memory: then
 * reads of it are PAL_ERR_BUS. `interrupt` is a file: writing a u32 1 unmasks the interrupt, reading gives a u32
 * once it came. */
void pal_mmio_init(struct pal_mmio *mmio, volatile uint32_t *registers, struct pal_mmio_window memory,
                   struct pal_mmio_window sram, int interrupt);

#endif /* __linux__ */
#endif /* PAL_BUS_MMIO_H */
