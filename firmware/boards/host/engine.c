/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "port.h"
#include "sim.h"

#define BASE 0x40000000u
#define SIZE 0x700000u

static struct pal_sim sim;
static uint8_t memory[SIZE];
static uint32_t delay_us, fault, done, started_us;

/* A run is over after `delay_us`, though its results are there at once. Where a fault is wanted, it is told of. */
static int engine_read32(void *ctx, uint32_t offset, uint32_t *value)
{
    (void)ctx;
    int err = sim.bus.read32(sim.bus.ctx, offset, value);
    if (!err && offset == PAL_REG_DONE) {
        if (board_now_us() - started_us >= delay_us)
            done = *value;
        *value = done;
    }
    if (!err && offset == PAL_REG_STATUS && fault)
        *value = fault;
    return err;
}

static int engine_write32(void *ctx, uint32_t offset, uint32_t value)
{
    (void)ctx;
    if (offset == PAL_REG_SUBMIT)
        started_us = board_now_us();
    return sim.bus.write32(sim.bus.ctx, offset, value);
}

static int engine_read(void *ctx, uint32_t address, void *data, size_t size)
{
    (void)ctx;
    return sim.bus.read(sim.bus.ctx, address, data, size);
}

static int engine_write(void *ctx, uint32_t address, const void *data, size_t size)
{
    (void)ctx;
    return sim.bus.write(sim.bus.ctx, address, data, size);
}

static void *engine_map(void *ctx, uint32_t address, size_t size)
{
    (void)ctx;
    return sim.bus.map(sim.bus.ctx, address, size);
}

static int engine_wait(void *ctx, uint32_t timeout_us)
{
    (void)ctx;
    uint32_t passed = board_now_us() - started_us, left = passed < delay_us ? delay_us - passed : 0;
    board_idle(left < timeout_us ? left : timeout_us);
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
    .wait = engine_wait,
    .now_us = engine_now_us,
};

struct pal_place engine_open(const struct options *options)
{
    if (pal_sim_init(&sim, options->target->id, memory, BASE, SIZE))
        stop(options->target->name, "has no simulator");
    delay_us = options->delay_us;
    fault = options->fault;
    uint32_t sram = options->target->sram_bytes;
    return (struct pal_place){BASE + sram, SIZE - sram};
}
