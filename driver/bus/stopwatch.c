/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#include "stopwatch.h"

#include <time.h>

#include "pal/spec/registers.h"

uint64_t pal_stopwatch_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int stopwatch_read32(void *ctx, uint32_t offset, uint32_t *value)
{
    struct pal_stopwatch *s = ctx;
    int err = s->inner->read32(s->inner->ctx, offset, value);
    if (!err && s->running && offset == PAL_REG_DONE && *value == s->submitted) {
        s->engine_ns += pal_stopwatch_now() - s->started_ns;
        s->running = 0;
    }
    return err;
}

static int stopwatch_write32(void *ctx, uint32_t offset, uint32_t value)
{
    struct pal_stopwatch *s = ctx;
    if (offset == PAL_REG_SUBMIT) {
        s->submitted = value;
        s->running = 1;
        s->started_ns = pal_stopwatch_now();
    }
    return s->inner->write32(s->inner->ctx, offset, value);
}

static int stopwatch_read(void *ctx, uint32_t address, void *data, size_t size)
{
    struct pal_stopwatch *s = ctx;
    return s->inner->read(s->inner->ctx, address, data, size);
}

static int stopwatch_write(void *ctx, uint32_t address, const void *data, size_t size)
{
    struct pal_stopwatch *s = ctx;
    return s->inner->write(s->inner->ctx, address, data, size);
}

static void *stopwatch_map(void *ctx, uint32_t address, size_t size)
{
    struct pal_stopwatch *s = ctx;
    return s->inner->map ? s->inner->map(s->inner->ctx, address, size) : NULL;
}

static void stopwatch_barrier(void *ctx)
{
    struct pal_stopwatch *s = ctx;
    if (s->inner->barrier)
        s->inner->barrier(s->inner->ctx);
}

static int stopwatch_wait(void *ctx, uint32_t timeout_us)
{
    struct pal_stopwatch *s = ctx;
    return s->inner->wait(s->inner->ctx, timeout_us);
}

static uint32_t stopwatch_now_us(void *ctx)
{
    struct pal_stopwatch *s = ctx;
    return s->inner->now_us(s->inner->ctx);
}

void pal_stopwatch_init(struct pal_stopwatch *stopwatch, const struct pal_bus *inner)
{
    *stopwatch = (struct pal_stopwatch){
        .bus = {stopwatch, stopwatch_read32, stopwatch_write32, stopwatch_read, stopwatch_write, stopwatch_map,
                stopwatch_barrier, stopwatch_wait, stopwatch_now_us},
        .inner = inner,
    };
}
