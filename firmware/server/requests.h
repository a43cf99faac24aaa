/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the server. */
#ifndef SERVER_REQUESTS_H
#define SERVER_REQUESTS_H

#include "firmware/server.h"

/* The requests that recovery answers too. */
extern const struct server_handler server_requests[];
extern const unsigned server_request_count;

/* Whatever a former host began on this port. */
void server_forget(struct server *server, unsigned port);

#endif /* SERVER_REQUESTS_H */
