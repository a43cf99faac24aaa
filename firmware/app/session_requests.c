/* SPDX-License-Identifier: Apache-2.0 */
/* The requests SESSION_*. A handle is known to the host of the port that opened it, until another one comes. */
#include <string.h>

#include "app.h"

static uint32_t handle_of(const struct app *app, const struct session *session)
{
    return (uint32_t)session->generation << 8 | (uint32_t)(session - app->sessions);
}

/* The session of the handle that a request begins with, at least `state`; `*err` says why there is none. */
static struct session *find(struct app *app, const struct server_request *request, enum session_state state, int *err)
{
    uint32_t handle = request->size >= PAL_LINK_HANDLE_SIZE ? pal_load_u32(request->body) : UINT32_MAX;
    struct session *session = &app->sessions[handle % SESSIONS];
    if (handle_of(app, session) != handle || session->state == SESSION_FREE || session->port != request->port)
        *err = PAL_ERR_NOT_FOUND;
    else
        *err = session->state < state ? PAL_ERR_STATE : PAL_OK;
    return *err ? NULL : session;
}

int on_session_open(struct server *server, struct server_request *request)
{
    struct app *app = app_of(server);
    struct pal_link_session_open open;
    struct session *session;
    if (request->size != PAL_LINK_SESSION_OPEN_SIZE)
        return PAL_ERR_ARG;
    pal_link_session_open_load(&open, request->body);
    int err = session_open(app, request->port, (const char *)open.name, open.size, &session);
    if (err)
        return err;
    pal_store_u32(request->out, handle_of(app, session));
    request->out_size = PAL_LINK_HANDLE_SIZE;
    return PAL_OK;
}

int on_session_load(struct server *server, struct server_request *request)
{
    struct app *app = app_of(server);
    struct pal_link_chunk chunk;
    int err;
    struct session *session = find(app, request, SESSION_LOADING, &err);
    if (err)
        return err;
    if (session->state != SESSION_LOADING || session->file.size == 0)
        return PAL_ERR_STATE;
    if (request->size < PAL_LINK_CHUNK_SIZE)
        return PAL_ERR_ARG;
    pal_link_chunk_load(&chunk, request->body);
    uint32_t size = request->size - PAL_LINK_CHUNK_SIZE;
    if (chunk.offset > session->size || size > session->size - chunk.offset)
        return PAL_ERR_ARG;
    const struct pal_bus *bus = &app->engine.bus;
    return bus->write(bus->ctx, session->file.address + chunk.offset, request->body + PAL_LINK_CHUNK_SIZE, size);
}

int on_session_start(struct server *server, struct server_request *request)
{
    struct app *app = app_of(server);
    int err;
    struct session *session = find(app, request, SESSION_LOADING, &err);
    if (!err && request->size != PAL_LINK_HANDLE_SIZE)
        err = PAL_ERR_ARG;
    if (!err)
        err = session_start(app, session);
    if (err)
        return err;
    const struct pal_link_session answer = {session->file.size + session->memory.size, session->session.commands};
    pal_link_session_store(request->out, &answer);
    request->out_size = PAL_LINK_SESSION_SIZE;
    return PAL_OK;
}

int on_session_input(struct server *server, struct server_request *request)
{
    int err;
    struct session *session = find(app_of(server), request, SESSION_STARTED, &err);
    if (err)
        return err;
    if (request->size < PAL_LINK_CHUNK_SIZE)
        return PAL_ERR_ARG;
    return pal_session_set_input(&session->session, pal_load_u32(request->body + 4),
                                 request->body + PAL_LINK_CHUNK_SIZE, request->size - PAL_LINK_CHUNK_SIZE);
}

int on_session_run(struct server *server, struct server_request *request)
{
    struct app *app = app_of(server);
    struct pal_link_run run;
    struct pal_link_ran ran;
    int err;
    struct session *session = find(app, request, SESSION_STARTED, &err);
    if (!err && request->size != PAL_LINK_RUN_SIZE)
        err = PAL_ERR_ARG;
    if (err)
        return err;
    pal_link_run_load(&run, request->body);
    session->session.timeout_us = run.timeout_us;
    err = session_run(app, session, run.first, run.count, &ran);
    if (err == PAL_OK || err == PAL_ERR_ENGINE) {
        pal_link_ran_store(request->out, &ran);
        request->out_size = PAL_LINK_RAN_SIZE;
    }
    return err;
}

int on_session_read(struct server *server, struct server_request *request)
{
    struct pal_link_read read;
    int err;
    struct session *session = find(app_of(server), request, SESSION_STARTED, &err);
    if (!err && request->size != PAL_LINK_READ_SIZE)
        err = PAL_ERR_ARG;
    if (err)
        return err;
    pal_link_read_load(&read, request->body);
    if (read.size > SERVER_BODY_MAX)
        return PAL_ERR_ARG;
    err = pal_session_read(&session->session, read.region, read.offset, request->out, read.size);
    if (!err)
        request->out_size = read.size;
    return err;
}

int on_session_profile(struct server *server, struct server_request *request)
{
    struct app *app = app_of(server);
    struct pal_link_span span;
    int err;
    struct session *session = find(app, request, SESSION_STARTED, &err);
    if (!err && request->size != PAL_LINK_SPAN_SIZE)
        err = PAL_ERR_ARG;
    if (err)
        return err;
    pal_link_span_load(&span, request->body);
    uint32_t commands = session->model.command_count;
    if (span.count > SERVER_BODY_MAX / PAL_PROFILE_RECORD_SIZE || span.first > commands ||
        span.count > commands - span.first)
        return PAL_ERR_ARG;
    const struct pal_bus *bus = &app->engine.bus;
    uint32_t address = session->session.profile + span.first * PAL_PROFILE_RECORD_SIZE;
    err = bus->read(bus->ctx, address, request->out, span.count * PAL_PROFILE_RECORD_SIZE);
    if (!err)
        request->out_size = span.count * PAL_PROFILE_RECORD_SIZE;
    return err;
}

int on_session_test(struct server *server, struct server_request *request)
{
    struct app *app = app_of(server);
    int err;
    struct session *session = find(app, request, SESSION_STARTED, &err);
    if (!err && request->size != PAL_LINK_HANDLE_SIZE)
        err = PAL_ERR_ARG;
    return err ? err : session_test(app, session);
}

int on_session_close(struct server *server, struct server_request *request)
{
    int err;
    struct session *session = find(app_of(server), request, SESSION_LOADING, &err);
    if (!err && request->size != PAL_LINK_HANDLE_SIZE)
        err = PAL_ERR_ARG;
    if (!err)
        session_close(session);
    return err;
}
