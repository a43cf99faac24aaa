/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware/log.h"
#include "firmware/server.h"
#include "pal/load.h"

_Noreturn void server_recover(void)
{
    static const unsigned version[4] = {BOOTLOADER_VERSION};
    static struct server server;
    server_init(&server, NULL, PAL_MODE_BOOTLOADER);
    server.version[0] = (uint8_t)version[0];
    server.version[1] = (uint8_t)version[1];
    pal_store_u16(server.version + 2, (uint16_t)version[2]);
    pal_store_u32(server.version + 4, version[3]);
    log_line(LOG_WARNING, "boot: recovery");
    for (;;) {
        uint32_t us = server_poll(&server);
        board_watchdog_kick();
        board_idle(us);
    }
}
