/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"

#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define SECTOR 4096u
#define SLOT_SIZE 0x10000u
#define JOURNAL_OFFSET (2u * SLOT_SIZE)
#define STORE_OFFSET (JOURNAL_OFFSET + 4u * SECTOR)
#define FLASH_SIZE (STORE_OFFSET + 0x40000u)
#define TARGET 1u /* pal-e32 */
#define BASE 0x40000000u
#define SRAM_SIZE 0x10000u
#define MEMORY_SIZE (SRAM_SIZE + 0x10000u)
#define PAYLOAD 1024u
#define WINDOW 8192u
#define PIPE 16384u
#define LINK_MEMORY BOARD_LINK_MEMORY(WINDOW, PAYLOAD)

struct fuzz_host fuzz_hosts[BOARD_PORTS];
jmp_buf fuzz_reset;

static uint8_t bytes[FLASH_SIZE];
static uint8_t memory[MEMORY_SIZE], link_memory[BOARD_PORTS][LINK_MEMORY], host_memory[BOARD_PORTS][LINK_MEMORY];
static uint8_t kept[BOARD_KEPT_SIZE];
static struct {
    uint8_t data[PIPE];
    uint32_t size;
} to_board[BOARD_PORTS], to_host[BOARD_PORTS];
static struct pal_sim sim;
static uint32_t now_us;

static int flash_read(void *ctx, uint32_t offset, void *data, uint32_t size)
{
    (void)ctx;
    memcpy(data, bytes + offset, size);
    return PAL_OK;
}

static int flash_program(void *ctx, uint32_t offset, const void *data, uint32_t size)
{
    (void)ctx;
    for (uint32_t i = 0; i < size; i++)
        if (bytes[offset + i] != 0xFF)
            abort(); /* programmed twice */
    memcpy(bytes + offset, data, size);
    return PAL_OK;
}

static int flash_erase(void *ctx, uint32_t offset, uint32_t size)
{
    (void)ctx;
    if (offset % SECTOR || size % SECTOR)
        abort();
    memset(bytes + offset, 0xFF, size);
    return PAL_OK;
}

static const struct flash flash = {NULL, FLASH_SIZE, SECTOR, 16, flash_read, flash_program, flash_erase, bytes};

static struct board facts = {
    .name = "fuzz",
    .boot = {.slot = {{&flash, 0, SLOT_SIZE}, {&flash, SLOT_SIZE, SLOT_SIZE}},
             .journal = {&flash, JOURNAL_OFFSET, 2u * SECTOR},
             .load_size = SLOT_SIZE},
    .store = {&flash, STORE_OFFSET, FLASH_SIZE - STORE_OFFSET},
    .memory = {BASE + SRAM_SIZE, MEMORY_SIZE - SRAM_SIZE},
    .engine = &sim.bus,
    .payload_max = {PAYLOAD, PAYLOAD},
    .window = {WINDOW, WINDOW},
    .link_memory = {link_memory[0], link_memory[1]},
};

void fuzz_board_init(void)
{
    if (!sim.target && pal_sim_init(&sim, TARGET, memory, BASE, MEMORY_SIZE))
        abort();
    memset(bytes, 0xFF, sizeof bytes);
    memset(kept, 0, sizeof kept);
    for (unsigned port = 0; port < BOARD_PORTS; port++) {
        uint8_t *own = host_memory[port];
        const struct pal_link_config config = {.role = PAL_LINK_HOST, .send_buffer = own, .send_size = WINDOW,
                                               .receive_buffer = own + WINDOW, .receive_size = WINDOW,
                                               .frame_buffer = own + 2 * WINDOW, .payload_max = PAYLOAD};
        pal_link_init(&fuzz_hosts[port].link, &config);
        to_board[port].size = to_host[port].size = 0;
    }
}

int fuzz_board_exchange(void)
{
    int moved = 0;
    for (unsigned port = 0; port < BOARD_PORTS; port++) {
        struct pal_link *link = &fuzz_hosts[port].link;
        uint8_t answer[1024];
        pal_link_feed(link, to_host[port].data, to_host[port].size, now_us);
        moved |= to_host[port].size != 0;
        to_host[port].size = 0;
        uint32_t size;
        while ((size = pal_link_receive(link, answer, sizeof answer)) != 0)
            fuzz_hosts[port].received += size;
        uint32_t room = PIPE - to_board[port].size;
        size = pal_link_drain(link, to_board[port].data + to_board[port].size, room, now_us);
        to_board[port].size += size;
        moved |= size != 0;
    }
    return moved;
}

void fuzz_board_line(unsigned port, const uint8_t *data, uint32_t size)
{
    uint32_t room = PIPE - to_board[port].size;
    size = size < room ? size : room;
    memcpy(to_board[port].data + to_board[port].size, data, size);
    to_board[port].size += size;
}

void fuzz_board_sleep(uint32_t us)
{
    now_us += us;
}

void board_init(void)
{
}

const struct board *board_facts(void)
{
    return &facts;
}

void board_serial_number(char out[16])
{
    memset(out, 0, 16);
}

uint32_t board_now_us(void)
{
    return now_us++;
}

void board_idle(uint32_t us)
{
    now_us += us;
}

uint32_t board_port_read(enum board_port port, uint8_t *data, uint32_t size)
{
    size = size < to_board[port].size ? size : to_board[port].size;
    memcpy(data, to_board[port].data, size);
    to_board[port].size -= size;
    memmove(to_board[port].data, to_board[port].data + size, to_board[port].size);
    return size;
}

uint32_t board_port_room(enum board_port port)
{
    return PIPE - to_host[port].size;
}

uint32_t board_port_write(enum board_port port, const uint8_t *data, uint32_t size)
{
    uint32_t room = board_port_room(port);
    size = size < room ? size : room;
    memcpy(to_host[port].data + to_host[port].size, data, size);
    to_host[port].size += size;
    return size;
}

void board_watchdog_start(uint32_t us)
{
    (void)us;
}

void board_watchdog_kick(void)
{
}

unsigned board_reset_reason(void)
{
    return PAL_RESET_POWER;
}

int board_recovery_asked(void)
{
    return 0;
}

_Noreturn void board_reset(void)
{
    longjmp(fuzz_reset, 1);
}

void *board_kept(void)
{
    return kept;
}

void board_markers(uint32_t bits)
{
    (void)bits;
}
