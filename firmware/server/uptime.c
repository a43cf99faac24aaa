/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware/uptime.h"

#include "firmware/board.h"

uint32_t uptime_ms(void)
{
    static uint32_t ms, rest_us, seen_us;
    static int started;
    uint32_t now = board_now_us();
    if (started)
        rest_us += now - seen_us; /* less than an hour and a thousandth of a second: no overflow */
    started = 1;
    seen_us = now;
    ms += rest_us / 1000u;
    rest_us %= 1000u;
    return ms;
}
