/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware/log.h"
#include "firmware/server.h"

_Noreturn void server_recover(void)
{
    static struct server server;
    server_init(&server, NULL, PAL_MODE_BOOTLOADER);
    log_line(LOG_WARNING, "boot: recovery");
    for (;;) {
        uint32_t us = server_poll(&server);
        board_watchdog_kick();
        board_idle(us);
    }
}
