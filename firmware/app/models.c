/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about the models in the store. A model that a host's session uses in place is neither removed nor replaced:
 * PAL_ERR_STATE, until the session is closed. The benchmark's own session is closed. */
#include <string.h>

#include "app.h"
#include "firmware/log.h"

static int is_used(struct app *app, const uint8_t name[PAL_LINK_NAME_BYTES])
{
    if (app->dut.session && memcmp(app->dut.session->name, name, PAL_LINK_NAME_BYTES) == 0)
        dut_close(app);
    return session_pins(app, name);
}

/* Id of the target of a model in the store, from its file's header; 0 if it has none. */
static uint32_t target_of(const struct app *app, const struct store_entry *entry)
{
    uint8_t bytes[PAL_FILE_HEADER_SIZE];
    struct pal_file_header header;
    if (entry->size < sizeof bytes || flash_area_read(&app->store.area, entry->offset, bytes, sizeof bytes))
        return 0;
    pal_file_header_load(&header, bytes);
    return header.target;
}

int on_models(struct server *server, struct server_request *request)
{
    const struct app *app = app_of(server);
    _Static_assert(STORE_MODELS * PAL_LINK_MODEL_SIZE <= SERVER_BODY_MAX, "all models in one response");
    for (uint32_t i = 0; i < app->store.count; i++) {
        const struct store_entry *entry = &app->store.entry[i];
        struct pal_link_model model = {.size = entry->size, .target = target_of(app, entry)};
        memcpy(model.name, entry->name, sizeof model.name);
        memcpy(model.label, entry->label, sizeof model.label);
        memcpy(model.digest, entry->digest, sizeof model.digest);
        pal_link_model_store(request->out + request->out_size, &model);
        request->out_size += PAL_LINK_MODEL_SIZE;
    }
    return PAL_OK;
}

int on_remove(struct server *server, struct server_request *request)
{
    struct app *app = app_of(server);
    if (request->size != PAL_LINK_NAMED_SIZE)
        return PAL_ERR_ARG;
    if (is_used(app, request->body))
        return PAL_ERR_STATE;
    int err = store_remove(&app->store, (const char *)request->body);
    if (!err)
        log_line(LOG_INFO, "store: %.*s removed", PAL_LINK_NAME_BYTES, (const char *)request->body);
    return err;
}

int on_fetch(struct server *server, struct server_request *request)
{
    const struct app *app = app_of(server);
    struct pal_link_fetch fetch;
    if (request->size != PAL_LINK_FETCH_SIZE)
        return PAL_ERR_ARG;
    pal_link_fetch_load(&fetch, request->body);
    const struct store_entry *entry = store_find(&app->store, (const char *)fetch.name);
    if (!entry)
        return PAL_ERR_NOT_FOUND;
    if (fetch.size > SERVER_BODY_MAX || fetch.offset > entry->size || fetch.size > entry->size - fetch.offset)
        return PAL_ERR_ARG;
    int err = flash_area_read(&app->store.area, entry->offset + fetch.offset, request->out, fetch.size);
    if (!err)
        request->out_size = fetch.size;
    return err;
}

int on_store(struct server *server, struct server_request *request)
{
    const struct app *app = app_of(server);
    struct pal_link_store store = {.size = app->store.area.size, .models = app->store.count};
    if (request->size)
        return PAL_ERR_ARG;
    store_room(&app->store, &store.free, &store.largest);
    pal_link_store_store(request->out, &store);
    request->out_size = PAL_LINK_STORE_SIZE;
    return PAL_OK;
}

/* Whether the transfer that is going on is of a model in place of which another one is used. */
static int replaces_used(struct server *server)
{
    const struct update *update = &server->update;
    return update->active && update->begin.kind == PAL_TRANSFER_MODEL && is_used(app_of(server), update->begin.name);
}

int on_model_begin(struct server *server, struct server_request *request)
{
    int err = server_begin(server, request);
    if (err || !replaces_used(server))
        return err;
    update_abort(&server->update);
    request->out_size = 0;
    return PAL_ERR_STATE;
}

int on_model_end(struct server *server, struct server_request *request)
{
    return replaces_used(server) ? PAL_ERR_STATE : server_end(server, request);
}
