/* SPDX-License-Identifier: Apache-2.0 */
/* The application: what the bootloader starts. */
#include "app.h"
#include "firmware/entry.h"

_Noreturn void firmware_main(void)
{
    static struct app app;
    board_init();
    app_init(&app);
    for (;;) {
        uint32_t us = app_poll(&app);
        board_watchdog_kick();
        board_idle(us);
    }
}
