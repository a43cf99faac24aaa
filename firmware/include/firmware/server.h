/* SPDX-License-Identifier: Apache-2.0 */
/* The board's end of the link: requests are assembled, dispatched and answered in their order. The same in recovery
 * and in the application, which adds requests of its own. */
#ifndef FIRMWARE_SERVER_H
#define FIRMWARE_SERVER_H

#include "firmware/board.h"
#include "firmware/update.h"
#include "pal/link.h"

#define SERVER_BODY_MAX (PAL_LINK_MESSAGE_MAX - PAL_LINK_MESSAGE_SIZE) /* bytes of a request or response */
#define SERVER_KEPT_MAX 8u /* bytes of a request that may wait */
#define SERVER_IDLE_US 1000000u /* main loops sleep no longer, so that the watchdog is kicked */

/* Returned by a handler in place of a status: call me again with the same request, at `again_us` at the latest.
 * Only for requests of at most SERVER_KEPT_MAX bytes; the requests behind it on the same port wait. */
#define SERVER_LATER 1

/* One request, and the response that a handler makes of it. */
struct server_request {
    unsigned port;       /* enum board_port */
    const uint8_t *body;
    uint32_t size;
    uint8_t *out;        /* room for SERVER_BODY_MAX bytes */
    uint32_t out_size;   /* 0 at first */
    uint32_t waited_us;  /* since the first call */
    int crowded;         /* another request waits behind this one */
    uint32_t again_us;   /* with SERVER_LATER */
};

struct server;

struct server_handler {
    uint8_t command; /* enum pal_link_command */
    /* The response's status. Total: a request is any bytes. */
    int (*function)(struct server *server, struct server_request *request);
};

/* One port: its link, and what of a message has arrived. */
struct server_line {
    struct pal_link link;
    uint32_t session;                 /* of the link that is served, by its count; 0: none */
    struct pal_link_message message;  /* being assembled or answered, if `begun` */
    uint8_t begun, later;
    uint32_t skip;                    /* bytes of a message that is too long, still to drop */
    uint8_t kept[SERVER_KEPT_MAX];    /* body of the request that waits, if `later` */
    uint32_t since_us, again_us;
};

/* What the application adds; recovery has nothing of it. */
struct server_extension {
    const struct server_handler *handlers; /* looked at before the server's own */
    unsigned handler_count;
    /* The host of a port is gone, or another one has opened the link: what it held there is free. Optional. */
    void (*gone)(struct server *server, unsigned port);
    /* Plain text came in on the serial port, between frames. It may come in the middle of a request: keep it for later. Optional. */
    void (*text)(void *ctx, const uint8_t *data, uint32_t size);
    void *ctx; /* of text, and for the handlers */
};

struct server {
    const struct server_extension *extension;
    const struct board *board;
    uint8_t mode, slot;          /* enum pal_link_mode; the slot that runs or BOOT_NO_SLOT */
    uint8_t version[8];          /* of what runs */
    uint8_t reset_reason;        /* enum pal_link_reset_reason */
    uint8_t owner;               /* port whose host began the transfer */
    uint8_t restarting;          /* the response is on its way, then the board resets */
    uint32_t restart_us;
    struct update update;
    struct server_line line[BOARD_PORTS];
    uint8_t body[SERVER_BODY_MAX], out[SERVER_BODY_MAX];
};

/* Also turns the kept record of a crash into log and reset reason, so call it once. */
void server_init(struct server *server, const struct server_extension *extension, uint8_t mode);

/* Move bytes and answer requests; returns the microseconds until there is something to do without an interrupt
 * before. Main loops do this, kick the watchdog, and call board_idle. */
uint32_t server_poll(struct server *server);

/* Only move bytes: while a handler waits for something, so that the link does not break. Kicks the watchdog. */
void server_pump(struct server *server);

/* While a request is answered: nobody waits for it any more. */
int server_host_gone(const struct server *server, unsigned port);

/* Plain text to a port, between frames; waits for the line, but not for one that stands still. */
void server_print(struct server *server, unsigned port, const char *text, uint32_t size);

/* The parts of IDENTIFY that do not depend on an engine; the rest is 0. */
void server_identity(struct server *server, struct pal_link_identity *identity);

/* Handlers that an extension may put checks of its own in front of. */
int server_begin(struct server *server, struct server_request *request);
int server_end(struct server *server, struct server_request *request);

/* Recovery: serve until somebody restarts the board. */
_Noreturn void server_recover(void);

#endif /* FIRMWARE_SERVER_H */
