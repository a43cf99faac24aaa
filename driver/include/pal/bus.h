/* SPDX-License-Identifier: Apache-2.0 */
/* The porting contract: how the driver reaches an engine and the memory that engine sees. */
#ifndef PAL_BUS_H
#define PAL_BUS_H

#include <stddef.h>
#include <stdint.h>

/* Every function gets `ctx` and returns 0 or PAL_ERR_BUS, but where stated. Addresses are the engine's. */
struct pal_bus {
    void *ctx;
    /* Registers: byte offset, a multiple of 4, below PAL_REG_WINDOW. */
    int (*read32)(void *ctx, uint32_t offset, uint32_t *value);
    int (*write32)(void *ctx, uint32_t offset, uint32_t value);
    /* Memory: any alignment, any size. */
    int (*read)(void *ctx, uint32_t address, void *data, size_t size);
    int (*write)(void *ctx, uint32_t address, const void *data, size_t size);
    /* Pointer to memory that the CPU may use directly, or NULL: then read and write are used. Optional. */
    void *(*map)(void *ctx, uint32_t address, size_t size);
    /* All writes before are visible to the engine, all its writes to the CPU. Optional. */
    void (*barrier)(void *ctx);
    /* Sleep until the interrupt or until `timeout_us` is over; waking early is allowed, returns 0 always but
     * on failure. 0 only looks. */
    int (*wait)(void *ctx, uint32_t timeout_us);
    /* Microseconds, from any start, wrapping. */
    uint32_t (*now_us)(void *ctx);
};

#endif /* PAL_BUS_H */
