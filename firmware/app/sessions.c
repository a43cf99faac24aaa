/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: a small table, and the memory behind the engine's SRAM, first fit. */
#include <string.h>

#include "app.h"
#include "firmware/kept.h"
#include "firmware/log.h"

static uint64_t align_up(uint64_t n)
{
    return (n + PAL_SESSION_ALIGN - 1) & ~(uint64_t)(PAL_SESSION_ALIGN - 1);
}

static uint64_t end_of(const struct pal_place *place)
{
    return (uint64_t)place->address + place->size;
}

/* The lowest taken place that begins at `from` or above, or that `from` lies in; NULL if all is free above. */
static const struct pal_place *next_taken(const struct app *app, uint64_t from)
{
    const struct pal_place *found = NULL;
    for (unsigned i = 0; i < SESSIONS; i++) {
        const struct session *session = &app->sessions[i];
        const struct pal_place *places[] = {&session->file, &session->memory};
        for (unsigned k = 0; session->state != SESSION_FREE && k < 2; k++)
            if (places[k]->size && end_of(places[k]) > from && (!found || places[k]->address < found->address))
                found = places[k];
    }
    return found;
}

/* Step to the next gap from `*from` on; returns its size, and 0 behind the last one. */
static uint64_t next_gap(const struct app *app, uint64_t *from)
{
    uint64_t end = end_of(&app->server.board->memory);
    while (*from < end) {
        const struct pal_place *taken = next_taken(app, *from);
        uint64_t gap_end = taken && taken->address < end ? taken->address : end;
        if (gap_end > *from)
            return gap_end - *from;
        *from = align_up(end_of(taken));
    }
    return 0;
}

static int take(const struct app *app, uint64_t size, struct pal_place *place)
{
    uint64_t from = align_up(app->server.board->memory.address), gap;
    for (; (gap = next_gap(app, &from)) != 0; from += gap) {
        if (gap >= size) {
            *place = (struct pal_place){(uint32_t)from, (uint32_t)size};
            return PAL_OK;
        }
    }
    return PAL_ERR_MEMORY;
}

uint32_t session_memory_free(const struct app *app)
{
    uint64_t from = align_up(app->server.board->memory.address), gap, largest = 0;
    for (; (gap = next_gap(app, &from)) != 0; from += gap)
        largest = gap > largest ? gap : largest;
    return (uint32_t)largest;
}

static uint8_t *map(const struct app *app, const struct pal_place *place)
{
    const struct pal_bus *bus = &app->engine.bus;
    return bus->map(bus->ctx, place->address, place->size);
}

/* A model of the store is used where it lies. */
static int use_stored(struct app *app, struct session *session)
{
    const struct flash_area *area = &app->store.area;
    const struct store_entry *entry = store_find(&app->store, session->name);
    if (!entry)
        return PAL_ERR_NOT_FOUND;
    if (!area->flash->window)
        return PAL_ERR_LIMIT;
    session->data = area->flash->window + area->offset + entry->offset;
    session->size = entry->size;
    return PAL_OK;
}

int session_open(struct app *app, unsigned port, const char *name, uint32_t size, struct session **out)
{
    struct session *session = app->sessions;
    while (session < app->sessions + SESSIONS && session->state != SESSION_FREE)
        session++;
    if (app->engine.status)
        return app->engine.status;
    if (session == app->sessions + SESSIONS)
        return PAL_ERR_FULL;
    uint16_t generation = (uint16_t)(session->generation + 1);
    memset(session, 0, sizeof *session);
    session->generation = generation;
    session->port = (uint8_t)port;
    int err;
    if (size) {
        session->size = size;
        err = take(app, size, &session->file);
        session->data = err ? NULL : map(app, &session->file);
        err = session->data ? PAL_OK : PAL_ERR_MEMORY;
    } else {
        memcpy(session->name, name, sizeof session->name);
        err = use_stored(app, session);
    }
    if (!err)
        session->state = SESSION_LOADING;
    *out = session;
    return err;
}

int session_start(struct app *app, struct session *session)
{
    if (session->state != SESSION_LOADING)
        return PAL_ERR_STATE;
    kept_doing("checking a model");
    int err = pal_model_open(&session->model, session->data, session->size);
    uint64_t size = err ? 0 : pal_session_memory(&session->model);
    if (!err)
        err = take(app, size, &session->memory);
    server_pump(&app->server);
    kept_doing("loading a model");
    if (!err)
        err = pal_session_init(&session->session, &app->engine.device, &session->model, session->memory);
    kept_doing("serving");
    if (err) {
        session->memory.size = 0;
        log_line(LOG_WARNING, "model %.*s: %s", PAL_LINK_NAME_BYTES, session->name, pal_status_text(err));
    } else {
        session->state = SESSION_STARTED;
    }
    return err;
}

void session_close(struct session *session)
{
    session->state = SESSION_FREE;
}

void sessions_close(struct app *app, unsigned port)
{
    for (unsigned i = 0; i < SESSIONS; i++)
        if (app->sessions[i].port == port)
            session_close(&app->sessions[i]);
}

int session_pins(const struct app *app, const uint8_t name[PAL_LINK_NAME_BYTES])
{
    for (unsigned i = 0; i < SESSIONS; i++) {
        const struct session *session = &app->sessions[i];
        if (session->state != SESSION_FREE && session->file.size == 0 &&
            memcmp(session->name, name, sizeof session->name) == 0)
            return 1;
    }
    return 0;
}

/* Name of the layer that a command is of. */
static const char *layer_of(const struct pal_model *model, uint32_t index)
{
    struct pal_command command;
    struct pal_file_layer layer;
    if (index >= model->command_count)
        return "";
    pal_model_command(model, index, &command);
    pal_model_layer(model, command.layer, &layer);
    return pal_model_string(model, layer.name);
}

static void log_fault(const struct session *session, int err)
{
    const struct pal_fault *fault = &session->session.fault;
    if (err == PAL_ERR_ENGINE)
        log_line(LOG_ERROR, "engine: %s, at command %u of layer \"%s\"", pal_engine_error_text(fault->code),
                 (unsigned)fault->command, layer_of(&session->model, fault->command));
    else
        log_line(LOG_ERROR, "engine: %s", pal_status_text(err));
}

static void split(uint32_t words[2], uint64_t value)
{
    words[0] = (uint32_t)value;
    words[1] = (uint32_t)(value >> 32);
}

/* Between doing something with the engine and having done it. */
static void begin(struct app *app, const struct session *session)
{
    kept_doing("inference");
    engine_time_begin(&app->engine, session->port);
}

static void end(struct app *app, const struct session *session, int err, struct pal_link_ran *ran)
{
    engine_time_end(&app->engine, &ran->wall_us, &ran->engine_us);
    kept_doing("serving");
    if (err && err != PAL_ERR_ARG)
        log_fault(session, err);
}

int session_run(struct app *app, struct session *session, uint32_t first, uint32_t count, struct pal_link_ran *ran)
{
    const struct pal_counters *counters = &session->session.counters;
    *ran = (struct pal_link_ran){0};
    begin(app, session);
    int err = pal_session_run_range(&session->session, first, count);
    end(app, session, err, ran);
    ran->fault = session->session.fault.code;
    ran->command = session->session.fault.command;
    const uint64_t values[] = {counters->cycles,      counters->mac_cycles, counters->stall_read,
                               counters->stall_write, counters->bytes_read, counters->bytes_written};
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
        split(ran->counters + 2 * i, values[i]);
    return err;
}

int session_test(struct app *app, struct session *session)
{
    struct pal_link_ran ran;
    begin(app, session);
    int err = pal_session_self_test(&session->session);
    end(app, session, err, &ran);
    return err;
}
