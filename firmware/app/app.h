/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the application. */
#ifndef APP_H
#define APP_H

#include "dut.h"
#include "firmware/server.h"
#include "pal/session.h"

/* The engine behind a bus that takes the time, sets markers, and while it waits keeps the links and the watchdog
 * going. */
struct engine {
    struct pal_bus bus;
    const struct pal_bus *inner;
    struct server *server;
    struct pal_device device;
    int status;                                 /* of the device's initialization: without an engine, why */
    uint32_t reset, running, submitted, started_us; /* the run that is going on */
    uint32_t pumped_us;
    unsigned port;                              /* whose host waits for it; BOARD_PORTS: none */
    uint32_t first_us, last_us, busy_us, begun; /* since engine_time_begin */
};

enum { MARKER_INFERENCE = 1, MARKER_ENGINE = 2, MARKER_TIMESTAMP = 4 };

void engine_init(struct engine *engine, const struct pal_bus *bus, struct server *server);
/* Take time from here on, for the host of that port (BOARD_PORTS or above: none); the inference marker is set until
 * the end. */
void engine_time_begin(struct engine *engine, unsigned port);
/* From the first doorbell to the last interrupt, and how much of it the engine ran; 0 if it did not. */
void engine_time_end(struct engine *engine, uint32_t *wall_us, uint32_t *busy_us);

#define SESSIONS 8u
#define SESSION_PORT_NONE 255u /* the application's own sessions */

enum session_state { SESSION_FREE, SESSION_LOADING, SESSION_STARTED };

struct session {
    uint8_t state;                  /* enum session_state */
    uint8_t port;                   /* whose host opened it */
    uint16_t generation;            /* of this place in the table; makes old handles invalid */
    char name[PAL_LINK_NAME_BYTES]; /* of a model in the store */
    struct pal_place file;          /* memory of an uploaded one; size 0: it is in the store */
    const uint8_t *data;            /* the model's bytes */
    uint32_t size;
    struct pal_place memory;
    struct pal_model model;
    struct pal_session session;
};

struct app {
    struct server server;
    struct server_extension extension;
    struct store store;
    struct engine engine;
    struct session sessions[SESSIONS];
    struct dut dut;
};

struct app *app_of(struct server *server);

/* app.c. `app` is all zeros, the board initialized. */
void app_init(struct app *app);
/* Do what there is to do; returns as server_poll does. */
uint32_t app_poll(struct app *app);

/* sessions.c. On the model of that name in the store (PAL_LINK_NAME_BYTES), or with room for `size` bytes of one. */
int session_open(struct app *app, unsigned port, const char *name, uint32_t size, struct session **out);
int session_start(struct app *app, struct session *session);
/* Run with markers and times; engine faults are logged. `ran` is complete with PAL_OK and PAL_ERR_ENGINE. */
int session_run(struct app *app, struct session *session, uint32_t first, uint32_t count, struct pal_link_ran *ran);
/* The model's known-answer test, with markers and log as well. */
int session_test(struct app *app, struct session *session);
void session_close(struct session *session);
void sessions_close(struct app *app, unsigned port);
/* Whether a session uses the model of that name in the store, where it lies. */
int session_pins(const struct app *app, const uint8_t name[PAL_LINK_NAME_BYTES]);
/* Bytes of the largest free piece of memory. */
uint32_t session_memory_free(const struct app *app);

/* Handlers. */
int on_session_open(struct server *server, struct server_request *request);
int on_session_load(struct server *server, struct server_request *request);
int on_session_start(struct server *server, struct server_request *request);
int on_session_input(struct server *server, struct server_request *request);
int on_session_run(struct server *server, struct server_request *request);
int on_session_read(struct server *server, struct server_request *request);
int on_session_profile(struct server *server, struct server_request *request);
int on_session_test(struct server *server, struct server_request *request);
int on_session_close(struct server *server, struct server_request *request);
int on_models(struct server *server, struct server_request *request);
int on_remove(struct server *server, struct server_request *request);
int on_fetch(struct server *server, struct server_request *request);
int on_crash(struct server *server, struct server_request *request);
int on_store(struct server *server, struct server_request *request);
int on_model_begin(struct server *server, struct server_request *request);
int on_model_end(struct server *server, struct server_request *request);

/* self_test.c: the known answer of a small model for this engine. */
int self_test(struct app *app);

#endif /* APP_H */
