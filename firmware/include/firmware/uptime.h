/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIRMWARE_UPTIME_H
#define FIRMWARE_UPTIME_H

#include <stdint.h>

/* Milliseconds since the first call; wraps after 49 days. To be called once in an hour at least. */
uint32_t uptime_ms(void);

#endif /* FIRMWARE_UPTIME_H */
