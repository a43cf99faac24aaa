/* SPDX-License-Identifier: Apache-2.0 */
#include "app.h"
#include "firmware/kept.h"
#include "firmware/log.h"

int on_crash(struct server *server, struct server_request *request)
{
    struct kept kept;
    (void)server;
    if (request->size != PAL_LINK_CLEAR_SIZE)
        return PAL_ERR_ARG;
    kept_load(&kept);
    if (!kept.crashed)
        return PAL_ERR_NOT_FOUND;
    pal_link_crash_store(request->out, &kept.crash);
    request->out_size = PAL_LINK_CRASH_SIZE;
    if (request->body[0]) {
        kept.crashed = KEPT_NO_CRASH;
        kept_save(&kept);
        log_line(LOG_INFO, "crash: record cleared");
    }
    return PAL_OK;
}
