/* SPDX-License-Identifier: Apache-2.0 */
/* The engine in the fabric: registers that are not cached, and memory that is, behind a cache which must forget what
 * the engine overwrites. */
#include <string.h>

#include "cpu.h"
#include "pal/spec/registers.h"
#include "port.h"
#include "soc.h"

#define ENGINE(offset) (*(volatile uint32_t *)(ENGINE_BASE + (offset)))
#define LONGEST_SLEEP_US 500000u /* so that the watchdog is kicked; the driver has the timeout */
#define MEMORY_BASE (MAIN_RAM_BASE + ENGINE_MEMORY_OFFSET)
#define MEMORY_SIZE (MAIN_RAM_SIZE - ENGINE_MEMORY_OFFSET)

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
    return PAL_OK;
}

static int within(uint32_t base, uint32_t room, uint32_t address, size_t size)
{
    uint32_t offset = address - base;
    return address >= base && offset <= room && size <= room - offset;
}

static void *engine_map(void *ctx, uint32_t address, size_t size)
{
    (void)ctx;
    if (!within(MEMORY_BASE, MEMORY_SIZE, address, size) &&
        !within(ENGINE(PAL_REG_SRAM_BASE), ENGINE(PAL_REG_SRAM_SIZE), address, size))
        return NULL;
    return (void *)(uintptr_t)address;
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

/* The line is high until the driver acknowledges the run: masked here, and unmasked before the next sleep. */
void engine_interrupt(void)
{
    cpu_disable_interrupt(IRQ_ENGINE);
    event_set(EVENT_ENGINE);
}

static int engine_wait(void *ctx, uint32_t timeout_us)
{
    (void)ctx;
    board_watchdog_kick();
    uint32_t state = cpu_hold_interrupts();
    cpu_enable_interrupt(IRQ_ENGINE);
    cpu_release_interrupts(state);
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
    if (ENGINE(PAL_REG_ID) != PAL_ID_VALUE)
        return (struct pal_place){0, 0};
    return (struct pal_place){MEMORY_BASE, MEMORY_SIZE};
}
