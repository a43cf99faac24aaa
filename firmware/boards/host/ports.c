/* SPDX-License-Identifier: Apache-2.0 */
/* Two pseudo-terminals, which stay the same over resets. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "port.h"

#define RING 16384u
#define ENVIRONMENT "BOARD_PORTS" /* descriptors, for the process after a reset */

static struct {
    int fd;
    uint8_t ring[RING]; /* bytes that the terminal has not taken yet */
    uint32_t head, tail;
} ports[BOARD_PORTS];

static void make_port(unsigned port)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (fd < 0 || grantpt(fd) || unlockpt(fd))
        stop("pseudo-terminal", strerror(errno));
    ports[port].fd = fd;
    int terminal = open(ptsname(fd), O_RDWR | O_NOCTTY); /* stays open: reads do not fail while no host is there */
    struct termios settings;
    if (terminal < 0 || tcgetattr(terminal, &settings))
        stop("pseudo-terminal", strerror(errno));
    cfmakeraw(&settings);
    tcsetattr(terminal, TCSANOW, &settings);
}

void ports_open(void)
{
    const char *former = getenv(ENVIRONMENT);
    if (!former || sscanf(former, "%d %d", &ports[0].fd, &ports[1].fd) != 2) {
        char text[32], names[BOARD_PORTS][64];
        for (unsigned port = 0; port < BOARD_PORTS; port++) {
            make_port(port);
            snprintf(names[port], sizeof names[port], "%s", ptsname(ports[port].fd));
        }
        snprintf(text, sizeof text, "%d %d", ports[0].fd, ports[1].fd);
        setenv(ENVIRONMENT, text, 1);
        printf("{\"serial\": \"%s\", \"usb\": \"%s\", \"pid\": %d}\n", names[0], names[1], (int)getpid());
        fflush(stdout);
    }
    for (unsigned port = 0; port < BOARD_PORTS; port++)
        fcntl(ports[port].fd, F_SETFL, O_NONBLOCK);
}

static void flush(unsigned port)
{
    while (ports[port].head != ports[port].tail) {
        uint32_t at = ports[port].tail % RING, size = ports[port].head - ports[port].tail;
        ssize_t taken = write(ports[port].fd, ports[port].ring + at, size < RING - at ? size : RING - at);
        if (taken <= 0)
            return;
        ports[port].tail += (uint32_t)taken;
    }
}

uint32_t board_port_room(enum board_port port)
{
    return RING - (ports[port].head - ports[port].tail);
}

uint32_t board_port_read(enum board_port port, uint8_t *data, uint32_t size)
{
    ssize_t got = read(ports[port].fd, data, size);
    return got > 0 ? (uint32_t)got : 0;
}

uint32_t board_port_write(enum board_port port, const uint8_t *data, uint32_t size)
{
    uint32_t room = board_port_room(port);
    size = size < room ? size : room;
    for (uint32_t i = 0; i < size; i++)
        ports[port].ring[ports[port].head++ % RING] = data[i];
    flush(port);
    return size;
}

void board_idle(uint32_t us)
{
    struct pollfd polled[BOARD_PORTS];
    for (unsigned port = 0; port < BOARD_PORTS; port++) {
        int full = ports[port].head != ports[port].tail;
        polled[port] = (struct pollfd){.fd = ports[port].fd, .events = (short)(POLLIN | (full ? POLLOUT : 0))};
    }
    const struct timespec time = {us / 1000000u, us % 1000000u * 1000};
    ppoll(polled, BOARD_PORTS, &time, NULL);
    for (unsigned port = 0; port < BOARD_PORTS; port++)
        flush(port);
}
