/* SPDX-License-Identifier: Apache-2.0 */
/* The requests that recovery answers too. */
#include "requests.h"

#include <string.h>

#include "firmware/kept.h"
#include "firmware/log.h"
#include "firmware/uptime.h"

#define LONGEST_WAIT_MS 60000u

void server_identity(struct server *server, struct pal_link_identity *identity)
{
    const struct board *board = server->board;
    struct boot_state state;
    struct kept kept;
    kept_load(&kept);
    *identity = (struct pal_link_identity){
        .mode = server->mode,
        .slot = server->slot,
        .reset_reason = server->reset_reason,
        .crashed = kept.crashed != 0,
        .board_id = board->boot.board_id,
        .slot_size = board->boot.slot[0].size,
        .store_size = board->store.size,
        .uptime_ms = uptime_ms(),
    };
    if (boot_read(&board->boot, &state) == PAL_OK)
        identity->security_counter = state.security_counter;
    for (unsigned i = 0; i < sizeof identity->board && board->name[i]; i++)
        identity->board[i] = (uint8_t)board->name[i];
    char serial[16];
    board_serial_number(serial);
    memcpy(identity->serial, serial, sizeof serial);
    memcpy(identity->version, server->version, sizeof server->version);
}

static int on_identify(struct server *server, struct server_request *request)
{
    struct pal_link_identity identity;
    server_identity(server, &identity);
    pal_link_identity_store(request->out, &identity);
    request->out_size = PAL_LINK_IDENTITY_SIZE;
    return PAL_OK;
}

/* What the journal says of a slot, or where it says nothing, what is in it. */
static void describe_slot(const struct server *server, const struct boot_state *state, unsigned slot,
                          struct pal_link_slot *out)
{
    const struct boot_config *config = &server->board->boot;
    struct boot_image image;
    uint8_t first[4];
    board_watchdog_kick();
    memset(&image, 0, sizeof image);
    int status = boot_check(config, slot, 0, &image);
    *out = (struct pal_link_slot){.state = state->slot[slot], .running = server->slot == slot};
    if (status == PAL_OK) {
        if (out->state == PAL_SLOT_EMPTY)
            out->state = PAL_SLOT_VALID;
        out->size = image.size;
        out->security_counter = image.security_counter;
        memcpy(out->version, image.version, sizeof out->version);
        memcpy(out->digest, image.digest, sizeof out->digest);
        return;
    }
    static const uint8_t erased[] = {0xFF, 0xFF, 0xFF, 0xFF};
    int empty = flash_area_read(&config->slot[slot], 0, first, sizeof first) == PAL_OK &&
                memcmp(first, erased, sizeof first) == 0;
    out->state = empty ? PAL_SLOT_EMPTY : PAL_SLOT_INVALID;
}

static int on_slots(struct server *server, struct server_request *request)
{
    struct boot_state state;
    int err = boot_read(&server->board->boot, &state);
    for (unsigned slot = 0; !err && slot < BOOT_SLOTS; slot++) {
        struct pal_link_slot record;
        describe_slot(server, &state, slot, &record);
        pal_link_slot_store(request->out + request->out_size, &record);
        request->out_size += PAL_LINK_SLOT_SIZE;
    }
    return err;
}

static int on_echo(struct server *server, struct server_request *request)
{
    (void)server;
    memcpy(request->out, request->body, request->size);
    request->out_size = request->size;
    return PAL_OK;
}

static int on_restart(struct server *server, struct server_request *request)
{
    struct pal_link_restart restart;
    struct kept kept;
    if (request->size != PAL_LINK_RESTART_SIZE)
        return PAL_ERR_ARG;
    pal_link_restart_load(&restart, request->body);
    if (restart.mode != PAL_MODE_BOOTLOADER && restart.mode != PAL_MODE_APPLICATION)
        return PAL_ERR_ARG;
    kept_load(&kept);
    kept.recover = restart.mode == PAL_MODE_BOOTLOADER;
    kept_save(&kept);
    server->restarting = 1;
    server->restart_us = board_now_us();
    return PAL_OK;
}

static int on_log(struct server *server, struct server_request *request)
{
    struct pal_link_log log;
    (void)server;
    if (request->size != PAL_LINK_LOG_SIZE)
        return PAL_ERR_ARG;
    pal_link_log_load(&log, request->body);
    uint32_t wait_us = (log.wait_ms < LONGEST_WAIT_MS ? log.wait_ms : LONGEST_WAIT_MS) * 1000u;
    uint32_t size = log_read(&log.position, request->out + PAL_LINK_LOG_SIZE, SERVER_BODY_MAX - PAL_LINK_LOG_SIZE);
    if (size == 0 && !request->crowded && request->waited_us < wait_us) {
        request->again_us = wait_us - request->waited_us;
        return SERVER_LATER;
    }
    pal_link_log_store(request->out, &log);
    request->out_size = PAL_LINK_LOG_SIZE + size;
    return PAL_OK;
}

int server_begin(struct server *server, struct server_request *request)
{
    server->owner = (uint8_t)request->port;
    return update_begin(&server->update, request->body, request->size, request->out, &request->out_size);
}

/* The host of another port began what is going on now. */
static int is_stranger(const struct server *server, const struct server_request *request)
{
    return server->update.active && server->owner != request->port;
}

static int on_digests(struct server *server, struct server_request *request)
{
    if (is_stranger(server, request))
        return PAL_ERR_STATE;
    return update_digests(&server->update, request->body, request->size, request->out, &request->out_size);
}

static int on_write(struct server *server, struct server_request *request)
{
    return is_stranger(server, request) ? PAL_ERR_STATE
                                        : update_write(&server->update, request->body, request->size);
}

int server_end(struct server *server, struct server_request *request)
{
    if (is_stranger(server, request))
        return PAL_ERR_STATE;
    const struct pal_link_begin begin = server->update.begin;
    int active = server->update.active, err = update_end(&server->update);
    const char *what = begin.kind == PAL_TRANSFER_IMAGE ? "firmware" : (const char *)begin.name;
    if (err)
        log_line(LOG_WARNING, "update: %.*s refused: status %d", (int)sizeof begin.name, active ? what : "nothing",
                 err); /* a number: the texts are a twentieth of the bootloader */
    else
        log_line(LOG_INFO, "update: %.*s written, %u bytes", (int)sizeof begin.name, what, (unsigned)begin.size);
    return err;
}

static int on_abort(struct server *server, struct server_request *request)
{
    if (!is_stranger(server, request))
        update_abort(&server->update);
    return PAL_OK;
}

void server_forget(struct server *server, unsigned port)
{
    if (server->update.active && server->owner == port)
        update_abort(&server->update);
}

const struct server_handler server_requests[] = {
    {PAL_REQUEST_IDENTIFY, on_identify}, {PAL_REQUEST_SLOTS, on_slots},     {PAL_REQUEST_ECHO, on_echo},
    {PAL_REQUEST_RESTART, on_restart},   {PAL_REQUEST_LOG, on_log},         {PAL_REQUEST_BEGIN, server_begin},
    {PAL_REQUEST_DIGESTS, on_digests},   {PAL_REQUEST_WRITE, on_write},     {PAL_REQUEST_END, server_end},
    {PAL_REQUEST_ABORT, on_abort},
};
const unsigned server_request_count = sizeof server_requests / sizeof *server_requests;
