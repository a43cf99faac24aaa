/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, messages and their dispatch. */
#include "firmware/server.h"

#include <string.h>

#include "firmware/kept.h"
#include "firmware/log.h"
#include "firmware/uptime.h"
#include "requests.h"

#define CHUNK 512u               /* bytes moved at once */
#define RESTART_US 300000u       /* for the response to arrive */
#define STANDSTILL_US 500000u    /* of a line that takes no text */

static void init_line(struct server *server, unsigned port)
{
    const struct board *board = server->board;
    uint32_t window = board->window[port];
    uint8_t *memory = board->link_memory[port];
    const struct server_extension *extension = port == BOARD_SERIAL ? server->extension : NULL;
    const struct pal_link_config config = {
        .role = PAL_LINK_BOARD,
        .send_buffer = memory,
        .send_size = window,
        .receive_buffer = memory + window,
        .receive_size = window,
        .frame_buffer = memory + 2 * window,
        .payload_max = board->payload_max[port],
        .text = extension ? extension->text : NULL,
        .ctx = extension ? extension->ctx : NULL,
    };
    if (config.payload_max)
        pal_link_init(&server->line[port].link, &config);
}

static int present(const struct server *server, unsigned port)
{
    return server->board->payload_max[port] != 0;
}

/* A crash is told of once: in the log and by the reset reason of the start that follows it. */
static void tell_crash(struct server *server, struct kept *kept)
{
    const struct pal_link_crash *crash = &kept->crash;
    if (kept->crashed != KEPT_CRASHED)
        return;
    server->reset_reason = crash->reason == KEPT_WATCHDOG ? PAL_RESET_WATCHDOG : PAL_RESET_CRASH;
    kept->crashed = KEPT_CRASH_TOLD;
    kept_save(kept);
    log_line(LOG_ERROR, "crash: reason %x at %x after %u ms: %.*s", (unsigned)crash->reason,
             (unsigned)crash->registers[6], (unsigned)crash->uptime_ms, (int)sizeof crash->text,
             (const char *)crash->text);
}

void server_init(struct server *server, const struct server_extension *extension, uint8_t mode)
{
    struct kept kept;
    memset(server, 0, sizeof *server);
    server->extension = extension;
    server->board = board_facts();
    server->mode = mode;
    server->reset_reason = (uint8_t)board_reset_reason();
    kept_load(&kept);
    server->slot = mode == PAL_MODE_APPLICATION ? (uint8_t)kept.slot : BOOT_NO_SLOT;
    memcpy(server->version, kept.version, sizeof server->version);
    tell_crash(server, &kept);
    for (unsigned port = 0; port < BOARD_PORTS; port++)
        init_line(server, port);
    update_init(&server->update, &server->board->boot, server->slot);
}

static void receive(struct server *server, unsigned port)
{
    uint8_t chunk[CHUNK];
    uint32_t size;
    while ((size = board_port_read(port, chunk, sizeof chunk)) != 0)
        pal_link_feed(&server->line[port].link, chunk, size, board_now_us());
}

static void transmit(struct server *server, unsigned port)
{
    uint8_t chunk[CHUNK];
    for (;;) {
        uint32_t room = board_port_room(port), size = room < sizeof chunk ? room : (uint32_t)sizeof chunk;
        size = pal_link_drain(&server->line[port].link, chunk, size, board_now_us()); /* also sees to its timers */
        if (size == 0)
            return;
        (void)board_port_write(port, chunk, size); /* there is room */
    }
}

void server_pump(struct server *server)
{
    board_watchdog_kick();
    for (unsigned port = 0; port < BOARD_PORTS; port++) {
        if (present(server, port)) {
            receive(server, port);
            transmit(server, port);
        }
    }
}

void server_print(struct server *server, unsigned port, const char *text, uint32_t size)
{
    uint32_t since = board_now_us();
    if (!present(server, port))
        return;
    while (size && board_now_us() - since < STANDSTILL_US) {
        server_pump(server);
        uint32_t room = pal_link_within_frame(&server->line[port].link) ? 0 : board_port_room(port);
        if (room) {
            room = board_port_write(port, (const uint8_t *)text, room < size ? room : size);
            text += room;
            size -= room;
            since = board_now_us();
        } else {
            board_idle(STANDSTILL_US);
        }
    }
}

static const struct server_handler *find_in(const struct server_handler *handlers, unsigned count, uint8_t command)
{
    for (unsigned i = 0; i < count; i++)
        if (handlers[i].command == command)
            return &handlers[i];
    return NULL;
}

static const struct server_handler *find(const struct server *server, uint8_t command)
{
    const struct server_handler *found = NULL;
    if (server->extension)
        found = find_in(server->extension->handlers, server->extension->handler_count, command);
    return found ? found : find_in(server_requests, server_request_count, command);
}

static void respond(struct server *server, struct server_line *line, int status, uint32_t size)
{
    uint8_t header[PAL_LINK_MESSAGE_SIZE];
    struct pal_link_message message = line->message;
    message.status = (int8_t)status;
    message.length = size;
    pal_link_message_store(header, &message);
    (void)pal_link_send(&line->link, header, sizeof header); /* there is room for any response */
    (void)pal_link_send(&line->link, server->out, size);
    line->begun = line->later = 0;
}

/* Hand the request of `line` to its handler. Returns whether it was answered. */
static int dispatch(struct server *server, unsigned port, const uint8_t *body)
{
    struct server_line *line = &server->line[port];
    struct server_request request = {
        .port = port,
        .body = body,
        .size = line->message.length,
        .out = server->out,
        .waited_us = line->later ? board_now_us() - line->since_us : 0,
        .crowded = pal_link_available(&line->link) != 0,
    };
    const struct server_handler *handler = find(server, line->message.command);
    int status = handler ? handler->function(server, &request) : PAL_ERR_COMMAND;
    if (server_host_gone(server, port))
        return 1;
    if (status == SERVER_LATER) {
        line->again_us = request.again_us;
        if (!line->later) {
            memcpy(line->kept, body, request.size);
            line->since_us = board_now_us();
            line->later = 1;
        }
        return 0;
    }
    respond(server, line, status, request.out_size);
    return 1;
}

/* Take the bytes of a message that no request can be; refuse it behind the last one. */
static int drop(struct server *server, struct server_line *line)
{
    uint32_t size;
    while (line->skip && (size = pal_link_receive(&line->link, server->body, line->skip < SERVER_BODY_MAX
                                                                                 ? line->skip : SERVER_BODY_MAX)) != 0)
        line->skip -= size;
    if (line->skip)
        return 0;
    respond(server, line, PAL_ERR_ARG, 0);
    return 1;
}

/* Answer the next request of a port, if it is there whole and its response has room. Returns whether it was. */
static int serve(struct server *server, unsigned port)
{
    struct server_line *line = &server->line[port];
    if (pal_link_room(&line->link) < PAL_LINK_MESSAGE_MAX)
        return 0;
    if (line->later)
        return dispatch(server, port, line->kept);
    if (!line->begun) {
        uint8_t header[PAL_LINK_MESSAGE_SIZE];
        if (pal_link_available(&line->link) < sizeof header)
            return 0;
        (void)pal_link_receive(&line->link, header, sizeof header);
        pal_link_message_load(&line->message, header);
        line->begun = 1;
        line->skip = line->message.length > SERVER_BODY_MAX ? line->message.length : 0;
    }
    if (line->skip)
        return drop(server, line);
    if (pal_link_available(&line->link) < line->message.length)
        return 0;
    (void)pal_link_receive(&line->link, server->body, line->message.length);
    return dispatch(server, port, server->body);
}

/* The session of the link that is open, 0 for none. */
static uint32_t session_of(const struct server_line *line)
{
    return line->link.state == PAL_LINK_OPEN ? line->link.opened : 0;
}

int server_host_gone(const struct server *server, unsigned port)
{
    return server->line[port].session != session_of(&server->line[port]);
}

/* Forget what a host began that is gone, or that another one has taken the place of. */
static void follow(struct server *server, unsigned port)
{
    struct server_line *line = &server->line[port];
    if (!server_host_gone(server, port))
        return;
    line->session = session_of(line);
    line->begun = line->later = 0;
    line->skip = 0;
    server_forget(server, port);
    if (server->extension && server->extension->gone)
        server->extension->gone(server, port);
}

static void check_restart(struct server *server)
{
    int flushed = 1;
    for (unsigned port = 0; port < BOARD_PORTS; port++)
        if (present(server, port) && server->line[port].link.state == PAL_LINK_OPEN)
            flushed = flushed && pal_link_flushed(&server->line[port].link);
    if (server->restarting && (flushed || board_now_us() - server->restart_us >= RESTART_US))
        board_reset();
}

/* Microseconds until something is to be done for a port though nothing comes from outside. */
static uint32_t until_due(const struct server *server, unsigned port)
{
    const struct server_line *line = &server->line[port];
    uint32_t us = board_port_room(port) ? pal_link_timer(&line->link, board_now_us()) : UINT32_MAX;
    int later = line->later && pal_link_room(&line->link) >= PAL_LINK_MESSAGE_MAX;
    return later && line->again_us < us ? line->again_us : us;
}

uint32_t server_poll(struct server *server)
{
    uint32_t us = SERVER_IDLE_US;
    (void)uptime_ms();
    server_pump(server);
    for (unsigned port = 0; port < BOARD_PORTS; port++) {
        if (!present(server, port))
            continue;
        follow(server, port);
        int served = !server->restarting && serve(server, port);
        transmit(server, port);
        uint32_t due = served ? 0 : until_due(server, port);
        us = due < us ? due : us;
    }
    check_restart(server);
    return server->restarting && us > RESTART_US ? RESTART_US : us;
}
