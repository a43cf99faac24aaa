/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware/log.h"

#include <stdarg.h>
#include <string.h>

#include "firmware/uptime.h"

#define DIGITS 10u

static uint8_t ring[LOG_SIZE];
static uint32_t end;

struct line {
    char text[LOG_LINE];
    uint32_t size; /* below LOG_LINE: room for the newline */
};

static void put(struct line *line, const char *text, uint32_t size)
{
    for (uint32_t i = 0; i < size && text[i] && line->size < LOG_LINE - 1; i++) {
        char c = text[i];
        line->text[line->size++] = c >= ' ' && c <= '~' ? c : '?';
    }
}

static void put_number(struct line *line, uint32_t value, uint32_t base, uint32_t width)
{
    char digits[DIGITS];
    uint32_t at = DIGITS;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (at && (value || DIGITS - at < width));
    put(line, digits + at, DIGITS - at);
}

static void put_signed(struct line *line, int value)
{
    if (value < 0)
        put(line, "-", 1);
    put_number(line, value < 0 ? 0u - (uint32_t)value : (uint32_t)value, 10, 1);
}

static void format_line(struct line *line, const char *format, va_list arguments)
{
    for (; *format; format++) {
        if (*format != '%') {
            put(line, format, 1);
            continue;
        }
        uint32_t size = LOG_LINE;
        if (strncmp(++format, ".*", 2) == 0) {
            size = (uint32_t)va_arg(arguments, int);
            format += 2;
        }
        switch (*format) {
        case 's':
            put(line, va_arg(arguments, const char *), size);
            break;
        case 'u':
            put_number(line, va_arg(arguments, unsigned), 10, 1);
            break;
        case 'd':
            put_signed(line, va_arg(arguments, int));
            break;
        case 'x':
            put_number(line, va_arg(arguments, unsigned), 16, 8);
            break;
        default:
            put(line, format, 1);
            break;
        }
    }
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {[LOG_ERROR] = " error: ", [LOG_WARNING] = " warning: ", [LOG_INFO] = " "};
    struct line line = {.size = 0};
    uint32_t ms = uptime_ms();
    put_number(&line, ms / 1000u, 10, 1);
    put(&line, ".", 1);
    put_number(&line, ms % 1000u, 10, 3);
    put(&line, names[level], LOG_LINE);
    va_list arguments;
    va_start(arguments, format);
    format_line(&line, format, arguments);
    va_end(arguments);
    line.text[line.size++] = '\n';
    for (uint32_t i = 0; i < line.size; i++)
        ring[end++ % LOG_SIZE] = (uint8_t)line.text[i];
}

uint32_t log_end(void)
{
    return end;
}

uint32_t log_read(uint32_t *position, uint8_t *out, uint32_t size)
{
    uint32_t oldest = end > LOG_SIZE ? end - LOG_SIZE : 0;
    if (*position > end)
        return 0;
    if (*position < oldest)
        *position = oldest;
    uint32_t count = end - *position < size ? end - *position : size;
    for (uint32_t i = 0; i < count; i++)
        out[i] = ring[(*position + i) % LOG_SIZE];
    return count;
}
