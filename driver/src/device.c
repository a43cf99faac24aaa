/* SPDX-License-Identifier: Apache-2.0 */
#include "pal/device.h"

#define DEFAULT_TIMEOUT_US 1000000u
#define LONGEST_TIMEOUT_US 0x7FFFFFFFu /* a longer one could be missed when the clock wraps */

static int read_reg(const struct pal_device *device, uint32_t offset, uint32_t *value)
{
    return device->bus->read32(device->bus->ctx, offset, value) ? PAL_ERR_BUS : PAL_OK;
}

static int write_reg(const struct pal_device *device, uint32_t offset, uint32_t value)
{
    return device->bus->write32(device->bus->ctx, offset, value) ? PAL_ERR_BUS : PAL_OK;
}

static void barrier(const struct pal_device *device)
{
    if (device->bus->barrier)
        device->bus->barrier(device->bus->ctx);
}

static int reset(struct pal_device *device)
{
    int err = write_reg(device, PAL_REG_CTRL, PAL_REG_CTRL_RESET);
    if (!err)
        err = write_reg(device, PAL_REG_SUBMIT, device->request);
    if (!err)
        err = write_reg(device, PAL_REG_IRQ_ACK, device->request);
    if (!err)
        err = write_reg(device, PAL_REG_CTRL, 0);
    if (!err)
        device->unsettled = 0;
    return err;
}

int pal_device_init(struct pal_device *device, const struct pal_bus *bus)
{
    *device = (struct pal_device){.bus = bus};
    uint32_t id;
    int err = read_reg(device, PAL_REG_ID, &id);
    if (err)
        return err;
    if (id != PAL_ID_VALUE)
        return PAL_ERR_BUS;
    static const uint32_t registers[] = {PAL_REG_ABI,       PAL_REG_TARGET,    PAL_REG_MACS,
                                         PAL_REG_SRAM_BASE, PAL_REG_SRAM_SIZE, PAL_REG_CLOCK_HZ};
    uint32_t *const fields[] = {&device->abi,       &device->target,    &device->macs,
                                &device->sram_base, &device->sram_size, &device->clock_hz};
    for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++)
        if ((err = read_reg(device, registers[i], fields[i])))
            return err;
    if (device->abi >> 16 != PAL_ABI_MAJOR_VALUE)
        return PAL_ERR_ABI;
    if ((err = read_reg(device, PAL_REG_DONE, &device->request)))
        return err;
    return reset(device);
}

static int wait_done(struct pal_device *device, uint32_t timeout_us)
{
    const struct pal_bus *bus = device->bus;
    uint32_t start = bus->now_us(bus->ctx), done;
    if (timeout_us > LONGEST_TIMEOUT_US)
        timeout_us = LONGEST_TIMEOUT_US;
    for (;;) {
        int err = read_reg(device, PAL_REG_DONE, &done);
        if (err)
            return err;
        if (done == device->request) {
            device->unsettled = 0;
            return PAL_OK;
        }
        uint32_t elapsed = bus->now_us(bus->ctx) - start;
        if (elapsed >= timeout_us)
            return (err = reset(device)) ? err : PAL_ERR_TIMEOUT;
        if (bus->wait(bus->ctx, timeout_us - elapsed))
            return PAL_ERR_BUS;
    }
}

int pal_device_run(struct pal_device *device, const struct pal_place regions[PAL_REGION_COUNT],
                   const struct pal_run *run, struct pal_fault *fault)
{
    int err;
    uint32_t status;
    *fault = (struct pal_fault){0};
    if (device->unsettled && (err = reset(device)))
        return err;
    for (unsigned r = 0; r < PAL_REGION_COUNT; r++)
        if ((err = write_reg(device, PAL_REG_REGION_BASE + r * PAL_REG_REGION_BASE_STRIDE, regions[r].address)) ||
            (err = write_reg(device, PAL_REG_REGION_SIZE + r * PAL_REG_REGION_SIZE_STRIDE, regions[r].size)))
            return err;
    if ((err = write_reg(device, PAL_REG_CMD_ADDR, run->commands)) ||
        (err = write_reg(device, PAL_REG_CMD_COUNT, run->count)) ||
        (err = write_reg(device, PAL_REG_PROFILE_ADDR, run->profile)) ||
        (err = write_reg(device, PAL_REG_IRQ_ENABLE, 1)))
        return err;
    barrier(device);
    device->request++;
    device->unsettled = 1;
    if ((err = write_reg(device, PAL_REG_SUBMIT, device->request)) ||
        (err = wait_done(device, run->timeout_us ? run->timeout_us : DEFAULT_TIMEOUT_US)) ||
        (err = write_reg(device, PAL_REG_IRQ_ACK, device->request)) ||
        (err = read_reg(device, PAL_REG_STATUS, &status)))
        return err;
    barrier(device);
    *fault = (struct pal_fault){status & 0xFFu, status >> 8};
    return fault->code == PAL_ENGINE_NONE ? PAL_OK : PAL_ERR_ENGINE;
}

static int read_wide(struct pal_device *device, uint32_t offset, uint64_t *value)
{
    uint32_t low, high;
    int err = read_reg(device, offset, &low);
    if (!err)
        err = read_reg(device, offset + 4, &high);
    if (!err)
        *value = (uint64_t)high << 32 | low;
    return err;
}

int pal_device_counters(struct pal_device *device, struct pal_counters *out)
{
    static const uint32_t registers[] = {PAL_REG_CYCLES,      PAL_REG_MAC_CYCLES, PAL_REG_STALL_READ,
                                         PAL_REG_STALL_WRITE, PAL_REG_BYTES_READ, PAL_REG_BYTES_WRITTEN};
    uint64_t *const fields[] = {&out->cycles,      &out->mac_cycles, &out->stall_read,
                                &out->stall_write, &out->bytes_read, &out->bytes_written};
    int err = PAL_OK;
    for (unsigned i = 0; !err && i < sizeof registers / sizeof *registers; i++)
        err = read_wide(device, registers[i], fields[i]);
    return err;
}
