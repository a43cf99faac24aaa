/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include "pal/spec/registers.h"
#include "pal/status.h"

/* Count an access; is it the one? */
static int hit(struct pal_fault_bus *f)
{
    return f->accesses++ == f->at;
}

static int failing(const struct pal_fault_bus *f, int now)
{
    return now && f->kind == PAL_FAULT_FAIL;
}

static int corrupting(const struct pal_fault_bus *f, int now)
{
    return now && f->kind == PAL_FAULT_CORRUPT;
}

static void hide_done(struct pal_fault_bus *f, uint32_t *value)
{
    if (f->kind != PAL_FAULT_HANG && f->kind != PAL_FAULT_LATE)
        return;
    if (f->accesses <= f->at) {
        f->done = *value;
        return;
    }
    if (!f->stuck && *value != f->done) {
        f->stuck = 1;
        f->stuck_at = f->clock_us;
    }
    if (f->stuck && (f->kind == PAL_FAULT_HANG || f->clock_us - f->stuck_at < f->late))
        *value = f->done;
}

static int fault_read32(void *ctx, uint32_t offset, uint32_t *value)
{
    struct pal_fault_bus *f = ctx;
    int now = hit(f);
    if (failing(f, now) || f->inner->read32(f->inner->ctx, offset, value))
        return PAL_ERR_BUS;
    if (corrupting(f, now))
        *value = ~*value;
    if (offset == PAL_REG_DONE)
        hide_done(f, value);
    return PAL_OK;
}

static int fault_write32(void *ctx, uint32_t offset, uint32_t value)
{
    struct pal_fault_bus *f = ctx;
    int now = hit(f);
    if (failing(f, now))
        return PAL_ERR_BUS;
    return corrupting(f, now) ? PAL_OK : f->inner->write32(f->inner->ctx, offset, value);
}

static int fault_read(void *ctx, uint32_t address, void *data, size_t size)
{
    struct pal_fault_bus *f = ctx;
    uint8_t *bytes = data;
    int now = hit(f);
    if (failing(f, now) || f->inner->read(f->inner->ctx, address, data, size))
        return PAL_ERR_BUS;
    for (size_t i = 0; corrupting(f, now) && i < size; i++)
        bytes[i] = (uint8_t)~bytes[i];
    return PAL_OK;
}

static int fault_write(void *ctx, uint32_t address, const void *data, size_t size)
{
    struct pal_fault_bus *f = ctx;
    int now = hit(f);
    if (failing(f, now))
        return PAL_ERR_BUS;
    return corrupting(f, now) ? PAL_OK : f->inner->write(f->inner->ctx, address, data, size);
}

static void fault_barrier(void *ctx)
{
    struct pal_fault_bus *f = ctx;
    if (f->inner->barrier)
        f->inner->barrier(f->inner->ctx);
}

/* No interrupt comes: the whole time passes, on this bus's own clock. */
static int fault_wait(void *ctx, uint32_t timeout_us)
{
    struct pal_fault_bus *f = ctx;
    f->waits++;
    if (failing(f, hit(f)) || f->inner->wait(f->inner->ctx, timeout_us))
        return PAL_ERR_BUS;
    f->clock_us += timeout_us;
    return PAL_OK;
}

static uint32_t fault_now_us(void *ctx)
{
    struct pal_fault_bus *f = ctx;
    return f->clock_us + f->inner->now_us(f->inner->ctx);
}

void pal_fault_bus_init(struct pal_fault_bus *fault, const struct pal_bus *inner, enum pal_fault_kind kind,
                        uint32_t at)
{
    *fault = (struct pal_fault_bus){.inner = inner, .kind = kind, .at = at};
    fault->bus = (struct pal_bus){fault, fault_read32, fault_write32, fault_read, fault_write,
                                  NULL, fault_barrier, fault_wait, fault_now_us};
}
