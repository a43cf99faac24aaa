/* SPDX-License-Identifier: Apache-2.0 */
/* Registers, checks, and the walk along the command list. */
#include "sim.h"

#include <string.h>

#include "engine.h"
#include "pal/arithmetic.h"
#include "pal/load.h"
#include "pal/model.h"

static uint32_t *reg(struct pal_sim *sim, uint32_t offset)
{
    return &sim->reg[offset / 4];
}

static uint8_t *memory_at(const struct pal_sim *sim, uint32_t address, uint64_t size)
{
    uint64_t offset = (uint64_t)address - sim->base;
    return address >= sim->base && offset <= sim->size && size <= sim->size - offset ? sim->memory + offset : NULL;
}

static void set_wide(struct pal_sim *sim, uint32_t offset, uint64_t value)
{
    *reg(sim, offset) = (uint32_t)value;
    *reg(sim, offset + 4) = (uint32_t)(value >> 32);
}

static void publish(struct pal_sim *sim, const struct pal_counters *c)
{
    set_wide(sim, PAL_REG_CYCLES, c->cycles);
    set_wide(sim, PAL_REG_MAC_CYCLES, c->mac_cycles);
    set_wide(sim, PAL_REG_STALL_READ, c->stall_read);
    set_wide(sim, PAL_REG_STALL_WRITE, c->stall_write);
    set_wide(sim, PAL_REG_BYTES_READ, c->bytes_read);
    set_wide(sim, PAL_REG_BYTES_WRITTEN, c->bytes_written);
}

static int locate_regions(struct pal_sim *sim, uint8_t *memory[PAL_REGION_COUNT], uint32_t size[PAL_REGION_COUNT])
{
    for (uint32_t r = 0; r < PAL_REGION_COUNT; r++) {
        uint32_t base = *reg(sim, PAL_REG_REGION_BASE + r * PAL_REG_REGION_BASE_STRIDE);
        size[r] = *reg(sim, PAL_REG_REGION_SIZE + r * PAL_REG_REGION_SIZE_STRIDE);
        memory[r] = memory_at(sim, base, size[r]);
        if (size[r] && !memory[r])
            return PAL_ENGINE_BUS;
    }
    return PAL_ENGINE_NONE;
}

static void run(struct pal_sim *sim)
{
    struct pal_counters counters = {.cycles = PAL_SIM_RUN_CYCLES};
    uint8_t *memory[PAL_REGION_COUNT];
    uint32_t size[PAL_REGION_COUNT], count = *reg(sim, PAL_REG_CMD_COUNT), index = 0;
    uint32_t profile = *reg(sim, PAL_REG_PROFILE_ADDR);
    const uint8_t *list = memory_at(sim, *reg(sim, PAL_REG_CMD_ADDR), (uint64_t)count * PAL_COMMAND_SIZE);
    uint8_t *records = profile ? memory_at(sim, profile, (uint64_t)count * PAL_PROFILE_RECORD_SIZE) : NULL;
    unsigned error = PAL_ENGINE_NONE;
    if (*reg(sim, PAL_REG_CMD_ADDR) % 4)
        error = PAL_ENGINE_FIELD;
    else if (!list || (profile && !records))
        error = PAL_ENGINE_BUS;
    if (!error)
        error = (unsigned)locate_regions(sim, memory, size);
    while (!error && index < count) {
        struct pal_command command;
        pal_command_load(&command, list + (size_t)index * PAL_COMMAND_SIZE);
        error = command.opcode >= PAL_CMD_CPU_FIRST ? PAL_ENGINE_OPCODE : pal_command_check(&command, size);
        if (error)
            break;
        uint64_t start = counters.cycles;
        pal_sim_execute(sim, &command, memory);
        pal_sim_cost(sim->target, &command, &counters);
        if (records) {
            pal_store_u32(records + (size_t)index * PAL_PROFILE_RECORD_SIZE, (uint32_t)start);
            pal_store_u32(records + (size_t)index * PAL_PROFILE_RECORD_SIZE + 4, (uint32_t)counters.cycles);
        }
        index++;
    }
    publish(sim, &counters);
    *reg(sim, PAL_REG_STATUS) = error ? error | index << 8 : 0;
}

static int sim_read32(void *ctx, uint32_t offset, uint32_t *value)
{
    if (offset % 4 || offset >= PAL_REG_WINDOW)
        return PAL_ERR_BUS;
    *value = *reg(ctx, offset);
    return PAL_OK;
}

static int sim_write32(void *ctx, uint32_t offset, uint32_t value)
{
    struct pal_sim *sim = ctx;
    if (offset % 4 || offset >= PAL_REG_WINDOW)
        return PAL_ERR_BUS;
    int writable = (offset >= PAL_REG_CTRL && offset < PAL_REG_CYCLES) && offset != PAL_REG_DONE &&
                   offset != PAL_REG_STATUS;
    if (!writable)
        return PAL_OK;
    *reg(sim, offset) = value;
    if (offset != PAL_REG_SUBMIT || value == *reg(sim, PAL_REG_DONE))
        return PAL_OK;
    if (!(*reg(sim, PAL_REG_CTRL) & PAL_REG_CTRL_RESET))
        run(sim);
    *reg(sim, PAL_REG_DONE) = value;
    return PAL_OK;
}

static int sim_read(void *ctx, uint32_t address, void *data, size_t size)
{
    const uint8_t *from = memory_at(ctx, address, size);
    if (!from)
        return PAL_ERR_BUS;
    if (size)
        memcpy(data, from, size);
    return PAL_OK;
}

static int sim_write(void *ctx, uint32_t address, const void *data, size_t size)
{
    uint8_t *to = memory_at(ctx, address, size);
    if (!to)
        return PAL_ERR_BUS;
    if (size)
        memcpy(to, data, size);
    return PAL_OK;
}

static void *sim_map(void *ctx, uint32_t address, size_t size)
{
    return memory_at(ctx, address, size);
}

static int sim_wait(void *ctx, uint32_t timeout_us)
{
    (void)ctx;
    (void)timeout_us;
    return PAL_OK;
}

static uint32_t sim_now_us(void *ctx)
{
    (void)ctx; /* a run ends within its SUBMIT write, so nobody ever waits */
    return 0;
}

int pal_sim_init(struct pal_sim *sim, uint32_t target, void *memory, uint32_t base, uint32_t size)
{
    memset(sim, 0, sizeof *sim);
    for (unsigned i = 0; i < PAL_TARGET_COUNT; i++)
        if (PAL_TARGETS[i].id == target)
            sim->target = &PAL_TARGETS[i];
    if (!sim->target)
        return PAL_ERR_ARG;
    if (size < sim->target->sram_bytes || size > UINT32_MAX - base)
        return PAL_ERR_MEMORY;
    sim->memory = memory;
    sim->base = base;
    sim->size = size;
    sim->bus = (struct pal_bus){sim, sim_read32, sim_write32, sim_read, sim_write, sim_map, NULL, sim_wait, sim_now_us};
    *reg(sim, PAL_REG_ID) = PAL_ID_VALUE;
    *reg(sim, PAL_REG_ABI) = (uint32_t)PAL_ABI_MAJOR_VALUE << 16 | PAL_ABI_MINOR_VALUE;
    *reg(sim, PAL_REG_TARGET) = target;
    *reg(sim, PAL_REG_MACS) = sim->target->macs;
    *reg(sim, PAL_REG_SRAM_BASE) = base;
    *reg(sim, PAL_REG_SRAM_SIZE) = sim->target->sram_bytes;
    *reg(sim, PAL_REG_CLOCK_HZ) = sim->target->clock_hz;
    for (unsigned a = 0; a < 256; a++)
        for (unsigned w = 0; w < 256; w++)
            sim->product[a << 8 | w] = pal_product((uint8_t)a, (uint8_t)w);
    return PAL_OK;
}
