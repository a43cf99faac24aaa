/* SPDX-License-Identifier: Apache-2.0 */
/* Any requests in any order, from two hosts: the application answers each, and no host finds the other's sessions.
 *
 * The input is a list of steps: kind, port, u16 size, and so many bytes. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "board.h"
#include "pal/load.h"

enum step { STEP_REQUEST, STEP_STREAM, STEP_LINE, STEP_OPEN, STEP_TIME, STEPS };
#define STEP_HEADER 4u
#define TURNS 64u /* of both ends, that answer anything */
#define PATIENCE 40u
#define PAUSE_US 300000u /* in which a link repeats itself */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct app app;

/* Both ends until nothing moves. */
static void settle(void)
{
    for (unsigned turn = 0; turn < TURNS; turn++) {
        fuzz_board_exchange();
        if (app_poll(&app) != 0 && !fuzz_board_exchange())
            return;
    }
}

/* A request with this command, whose body says nothing of its length. */
static void request(unsigned port, const uint8_t *data, uint32_t size)
{
    uint8_t header[PAL_LINK_MESSAGE_SIZE];
    const struct pal_link_message message = {.command = data[0], .length = size - 1};
    pal_link_message_store(header, &message);
    (void)pal_link_send(&fuzz_hosts[port].link, header, sizeof header);
    (void)pal_link_send(&fuzz_hosts[port].link, data + 1, size - 1);
}

static void step(unsigned kind, unsigned port, const uint8_t *data, uint32_t size)
{
    switch (kind % STEPS) {
    case STEP_REQUEST:
        if (size)
            request(port, data, size);
        break;
    case STEP_STREAM:
        (void)pal_link_send(&fuzz_hosts[port].link, data, size);
        break;
    case STEP_LINE:
        fuzz_board_line(port, data, size);
        break;
    case STEP_OPEN:
        pal_link_open(&fuzz_hosts[port].link, size ? data[0] : 0, board_now_us());
        break;
    default:
        fuzz_board_sleep(size ? data[0] * 10000u : 1000u);
        break;
    }
    settle();
}

static void play(const uint8_t *data, size_t size)
{
    memset(&app, 0, sizeof app);
    app_init(&app);
    for (unsigned port = 0; port < BOARD_PORTS; port++)
        step(STEP_OPEN, port, NULL, 0);
    while (size >= STEP_HEADER) {
        uint32_t part = pal_load_u16(data + 2);
        part = part < size - STEP_HEADER ? part : (uint32_t)(size - STEP_HEADER);
        step(data[0], data[1] % BOARD_PORTS, data + STEP_HEADER, part);
        data += STEP_HEADER + part;
        size -= STEP_HEADER + part;
    }
}

/* A new host finds a board that answers, whatever went on before. */
static void check_alive(unsigned port)
{
    static const uint8_t echo[] = {PAL_REQUEST_ECHO, 'h', 'i'};
    struct fuzz_host *host = &fuzz_hosts[port];
    pal_link_open(&host->link, 0x5A5A, board_now_us());
    for (unsigned turn = 0; turn < PATIENCE && host->link.state != PAL_LINK_OPEN; turn++) {
        settle();
        fuzz_board_sleep(PAUSE_US);
    }
    host->received = 0;
    request(port, echo, sizeof echo);
    for (unsigned turn = 0; turn < PATIENCE && host->received == 0; turn++) {
        settle();
        fuzz_board_sleep(PAUSE_US);
    }
    if (host->received != PAL_LINK_MESSAGE_SIZE + sizeof echo - 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_board_init();
    if (setjmp(fuzz_reset) == 0) {
        play(data, size);
        for (unsigned port = 0; port < BOARD_PORTS && !app.server.restarting; port++)
            check_alive(port);
    }
    return 0;
}
