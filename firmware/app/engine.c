/* SPDX-License-Identifier: Apache-2.0 */
#include "app.h"

#define SLICE_US 5000u /* of a wait: bytes that come meanwhile must not overrun a port's buffer */

static int engine_read32(void *ctx, uint32_t offset, uint32_t *value)
{
    struct engine *engine = ctx;
    int err = engine->inner->read32(engine->inner->ctx, offset, value);
    if (!err && offset == PAL_REG_DONE && engine->running && *value == engine->submitted) {
        engine->running = 0;
        engine->last_us = board_now_us();
        engine->busy_us += engine->last_us - engine->started_us;
        board_markers(MARKER_INFERENCE);
    }
    return err;
}

static int engine_write32(void *ctx, uint32_t offset, uint32_t value)
{
    struct engine *engine = ctx;
    if (offset == PAL_REG_CTRL) {
        engine->reset = value & PAL_REG_CTRL_RESET;
        engine->running = 0;
    }
    if (offset == PAL_REG_SUBMIT && !engine->reset) {
        board_markers(MARKER_INFERENCE | MARKER_ENGINE);
        engine->running = 1;
        engine->submitted = value;
        engine->started_us = engine->pumped_us = board_now_us();
        if (!engine->begun)
            engine->first_us = engine->started_us;
        engine->begun = 1;
    }
    return engine->inner->write32(engine->inner->ctx, offset, value);
}

static int engine_read(void *ctx, uint32_t address, void *data, size_t size)
{
    const struct pal_bus *inner = ((struct engine *)ctx)->inner;
    return inner->read(inner->ctx, address, data, size);
}

static int engine_write(void *ctx, uint32_t address, const void *data, size_t size)
{
    const struct pal_bus *inner = ((struct engine *)ctx)->inner;
    return inner->write(inner->ctx, address, data, size);
}

static void *engine_map(void *ctx, uint32_t address, size_t size)
{
    const struct pal_bus *inner = ((struct engine *)ctx)->inner;
    return inner->map ? inner->map(inner->ctx, address, size) : NULL;
}

static void engine_barrier(void *ctx)
{
    const struct pal_bus *inner = ((struct engine *)ctx)->inner;
    if (inner->barrier)
        inner->barrier(inner->ctx);
}

/* Ends with PAL_ERR_BUS, and so does the run, if its host is gone: another one shall not wait for it. */
static int engine_wait(void *ctx, uint32_t timeout_us)
{
    struct engine *engine = ctx;
    if (board_now_us() - engine->pumped_us >= SLICE_US) {
        server_pump(engine->server);
        engine->pumped_us = board_now_us();
    }
    if (engine->port < BOARD_PORTS && server_host_gone(engine->server, engine->port))
        return PAL_ERR_BUS;
    return engine->inner->wait(engine->inner->ctx, timeout_us < SLICE_US ? timeout_us : SLICE_US);
}

static uint32_t engine_now_us(void *ctx)
{
    const struct pal_bus *inner = ((struct engine *)ctx)->inner;
    return inner->now_us(inner->ctx);
}

void engine_init(struct engine *engine, const struct pal_bus *bus, struct server *server)
{
    *engine = (struct engine){
        .bus = {engine, engine_read32, engine_write32, engine_read, engine_write, engine_map, engine_barrier,
                engine_wait, engine_now_us},
        .inner = bus,
        .server = server,
        .port = BOARD_PORTS,
    };
    engine->status = bus ? pal_device_init(&engine->device, &engine->bus) : PAL_ERR_NOT_FOUND;
}

void engine_time_begin(struct engine *engine, unsigned port)
{
    engine->port = port;
    engine->busy_us = engine->begun = 0;
    board_markers(MARKER_INFERENCE);
}

void engine_time_end(struct engine *engine, uint32_t *wall_us, uint32_t *busy_us)
{
    engine->port = BOARD_PORTS;
    board_markers(0);
    *wall_us = engine->begun ? engine->last_us - engine->first_us : 0;
    *busy_us = engine->busy_us;
}
