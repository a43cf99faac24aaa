/* SPDX-License-Identifier: Apache-2.0 */
/* The application as a whole: its start, and the requests that need all of it. */
#include <string.h>

#include "app.h"
#include "firmware/kept.h"
#include "firmware/log.h"

#define MHZ 1000000u

struct app *app_of(struct server *server)
{
    return server->extension->ctx;
}

static void on_gone(struct server *server, unsigned port)
{
    sessions_close(app_of(server), port);
    if (port == BOARD_SERIAL)
        dut_close(app_of(server));
}

static int on_identify(struct server *server, struct server_request *request)
{
    const struct app *app = app_of(server);
    struct pal_link_identity identity;
    server_identity(server, &identity);
    if (app->engine.status == PAL_OK) {
        identity.engine_abi = app->engine.device.abi;
        identity.target = app->engine.device.target;
        identity.clock_hz = app->engine.device.clock_hz;
    }
    identity.memory_size = server->board->memory.size;
    identity.memory_free = session_memory_free(app);
    pal_link_identity_store(request->out, &identity);
    request->out_size = PAL_LINK_IDENTITY_SIZE;
    return PAL_OK;
}

static const struct server_handler handlers[] = {
    {PAL_REQUEST_IDENTIFY, on_identify},
    {PAL_REQUEST_CRASH, on_crash},
    {PAL_REQUEST_BEGIN, on_model_begin},
    {PAL_REQUEST_END, on_model_end},
    {PAL_REQUEST_MODELS, on_models},
    {PAL_REQUEST_REMOVE, on_remove},
    {PAL_REQUEST_FETCH, on_fetch},
    {PAL_REQUEST_STORE, on_store},
    {PAL_REQUEST_SESSION_OPEN, on_session_open},
    {PAL_REQUEST_SESSION_LOAD, on_session_load},
    {PAL_REQUEST_SESSION_START, on_session_start},
    {PAL_REQUEST_SESSION_INPUT, on_session_input},
    {PAL_REQUEST_SESSION_RUN, on_session_run},
    {PAL_REQUEST_SESSION_READ, on_session_read},
    {PAL_REQUEST_SESSION_PROFILE, on_session_profile},
    {PAL_REQUEST_SESSION_TEST, on_session_test},
    {PAL_REQUEST_SESSION_CLOSE, on_session_close},
};

/* The last line of the log, from `position` on, in plain text for whoever watches the serial line. */
static void show(struct app *app, uint32_t position)
{
    char line[LOG_LINE + 1];
    uint32_t size = log_read(&position, (uint8_t *)line, LOG_LINE);
    if (size && line[size - 1] == '\n') {
        line[size - 1] = '\r';
        line[size++] = '\n';
    }
    server_print(&app->server, BOARD_SERIAL, line, size);
}

static void announce(struct app *app)
{
    static const char *const reasons[] = {[PAL_RESET_POWER] = "power on", [PAL_RESET_SOFTWARE] = "restart",
                                          [PAL_RESET_WATCHDOG] = "watchdog", [PAL_RESET_CRASH] = "crash"};
    const struct server *server = &app->server;
    const uint8_t *version = server->version;
    uint32_t position = log_end();
    log_line(LOG_INFO, "boot: %s, firmware %u.%u.%u in slot %u after %s", server->board->name, version[0], version[1],
             (unsigned)pal_load_u16(version + 2), server->slot, reasons[server->reset_reason % 4u]);
    show(app, position);
}

static int is_confirmed(const struct boot_config *config, unsigned slot, int *on_trial)
{
    struct boot_state state;
    int known = slot < BOOT_SLOTS && boot_read(config, &state) == PAL_OK;
    *on_trial = known && state.slot[slot] == PAL_SLOT_TRIAL;
    return known && state.active == slot && state.slot[slot] == PAL_SLOT_CONFIRMED;
}

/* The engine must give its known answer before this firmware is kept. */
static void test_and_confirm(struct app *app)
{
    const struct boot_config *config = &app->server.board->boot;
    const struct pal_device *device = &app->engine.device;
    unsigned slot = app->server.slot;
    int on_trial, confirmed = is_confirmed(config, slot, &on_trial), err = self_test(app);
    if (err) {
        log_line(LOG_ERROR, "self-test: %s", pal_status_text(err));
        if (on_trial)
            kept_panic("self-test on trial failed"); /* the bootloader goes back to the former firmware */
        return;
    }
    log_line(LOG_INFO, "self-test: passed by the engine, target %u at %u MHz", (unsigned)device->target,
             (unsigned)(device->clock_hz / MHZ));
    if (confirmed)
        return;
    board_watchdog_kick();
    err = boot_confirm(config, slot);
    if (err)
        log_line(LOG_WARNING, "boot: slot %u is not confirmed: %s", slot, pal_status_text(err));
    else
        log_line(LOG_INFO, "boot: slot %u is confirmed", slot);
}

void app_init(struct app *app)
{
    app->extension = (struct server_extension){
        .handlers = handlers,
        .handler_count = sizeof handlers / sizeof *handlers,
        .gone = on_gone,
        .text = dut_text,
        .ctx = app,
    };
    board_watchdog_kick();
    kept_doing("starting");
    int err = store_open(&app->store, &board_facts()->store);
    server_init(&app->server, &app->extension, PAL_MODE_APPLICATION);
    if (!err)
        update_take_models(&app->server.update, &app->store);
    else
        log_line(LOG_ERROR, "store: %s", pal_status_text(err));
    announce(app);
    engine_init(&app->engine, app->server.board->engine, &app->server);
    test_and_confirm(app);
    kept_doing("serving");
}

uint32_t app_poll(struct app *app)
{
    uint32_t us = server_poll(&app->server);
    return dut_poll(app) ? 0 : us;
}
