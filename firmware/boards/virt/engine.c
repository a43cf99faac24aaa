/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: a page of registers and a memory, both shared with the board model, which is the engine. */
#include <string.h>

#include "cpu.h"
#include "pal/spec/registers.h"
#include "port.h"
#include "registers.h"

#define ENGINE(offset) SHARED_REGISTER(PAL_VB_ENGINE_OFFSET + (offset))
#define LONGEST_SLEEP_US 500000u /* so that the watchdog is kicked; the driver has the timeout */

static int engine_read32(void *ctx, uint32_t offset, uint32_t *value)
{
    (void)ctx;
    *value = ENGINE(offset);
    return PAL_OK;
}

static int engine_write32(void *ctx, uint32_t offset, uint32_t value)
{
    (void)ctx;
    ENGINE(offset) = value;
    if (offset == PAL_REG_SUBMIT || offset == PAL_REG_CTRL)
        wire_ring(PAL_VB_EVENT_ENGINE);
    return PAL_OK;
}

/* The memory begins at the engine's SRAM_BASE. */
static void *engine_map(void *ctx, uint32_t address, size_t size)
{
    (void)ctx;
    uint32_t offset = address - ENGINE(PAL_REG_SRAM_BASE);
    if (offset > PAL_VB_MEMORY_SIZE || size > PAL_VB_MEMORY_SIZE - offset)
        return NULL;
    return SHARED(PAL_VB_MEMORY_OFFSET + offset);
}

static int engine_read(void *ctx, uint32_t address, void *data, size_t size)
{
    const void *from = engine_map(ctx, address, size);
    if (!from)
        return PAL_ERR_BUS;
    memcpy(data, from, size);
    return PAL_OK;
}

static int engine_write(void *ctx, uint32_t address, const void *data, size_t size)
{
    void *to = engine_map(ctx, address, size);
    if (!to)
        return PAL_ERR_BUS;
    memcpy(to, data, size);
    return PAL_OK;
}

static void engine_barrier(void *ctx)
{
    (void)ctx;
    cpu_barrier();
}

static int engine_wait(void *ctx, uint32_t timeout_us)
{
    (void)ctx;
    board_watchdog_kick();
    (void)event_wait(EVENT_ENGINE, timeout_us < LONGEST_SLEEP_US ? timeout_us : LONGEST_SLEEP_US);
    return PAL_OK;
}

static uint32_t engine_now_us(void *ctx)
{
    (void)ctx;
    return board_now_us();
}

const struct pal_bus engine_bus = {
    .read32 = engine_read32,
    .write32 = engine_write32,
    .read = engine_read,
    .write = engine_write,
    .map = engine_map,
    .barrier = engine_barrier,
    .wait = engine_wait,
    .now_us = engine_now_us,
};

struct pal_place engine_memory(void)
{
    uint32_t sram = ENGINE(PAL_REG_SRAM_SIZE);
    if (ENGINE(PAL_REG_ID) != PAL_ID_VALUE || sram >= PAL_VB_MEMORY_SIZE)
        return (struct pal_place){0, 0};
    return (struct pal_place){ENGINE(PAL_REG_SRAM_BASE) + sram, PAL_VB_MEMORY_SIZE - sram};
}
