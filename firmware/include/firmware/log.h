/* SPDX-License-Identifier: Apache-2.0 */
/* The log: the last LOG_SIZE bytes of text since the start, a line each event: seconds, level, text. */
#ifndef FIRMWARE_LOG_H
#define FIRMWARE_LOG_H

#include <stdint.h>

#define LOG_SIZE 4096u /* a power of two */
#define LOG_LINE 160u  /* bytes of a line; longer ones are cut */

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO };

/* `format` knows %s, %.*s, %u, %d, %x and %%. Not for interrupts. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Position behind the last byte, counted from the start. */
uint32_t log_end(void);

/* Copy text from `*position` on, at most `size` bytes; what is no longer kept is skipped, and `*position` then says
 * where the text begins. A position that is not reached yet gives nothing. Returns the bytes copied. */
uint32_t log_read(uint32_t *position, uint8_t *out, uint32_t size);

#endif /* FIRMWARE_LOG_H */
