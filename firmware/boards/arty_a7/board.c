/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"
#include "firmware/key.h"
#include "port.h"
#include "soc.h"

/* The flash, 16 MiB: the bitstream and, at 4 MiB, the bootloader come first. */
#define SLOT_OFFSET 0x500000u
#define JOURNAL_OFFSET 0x580000u
#define JOURNAL_SIZE 0x2000u
#define STORE_OFFSET 0x600000u
#define LOAD_SIZE 0x100000u

#define STARTED 0x52545341u
#define HANDED_OVER 0x52455645u
#define BUTTON_0 1u

/* Kept over resets, in a block RAM of the SoC: the contract's part, and why the board starts. */
static struct {
    uint8_t contract[BOARD_KEPT_SIZE];
    uint32_t started, handed_over, reset_reason;
} kept __attribute__((section(".kept"), aligned(8)));

static unsigned reset_reason;

#define SERIAL_PAYLOAD 1024u
#define SERIAL_WINDOW 8192u

static uint8_t serial_link[BOARD_LINK_MEMORY(SERIAL_WINDOW, SERIAL_PAYLOAD)];

static struct board facts = {
    .name = "arty_a7",
    .boot = {
        .slot = {{&spi_flash, SLOT_OFFSET, BOARD_SLOT_SIZE}, {&spi_flash, SLOT_OFFSET + BOARD_SLOT_SIZE, BOARD_SLOT_SIZE}},
        .journal = {&spi_flash, JOURNAL_OFFSET, JOURNAL_SIZE},
        .key = FIRMWARE_KEY,
        .board_id = BOARD_ID,
        .load_address = BOARD_LOAD_ADDRESS,
        .load_size = LOAD_SIZE,
    },
    .store = {&spi_flash, STORE_OFFSET, SPIFLASH_SIZE - STORE_OFFSET},
    .engine = &engine_bus,
    .payload_max = {[BOARD_SERIAL] = SERIAL_PAYLOAD},
    .window = {[BOARD_SERIAL] = SERIAL_WINDOW},
    .link_memory = {[BOARD_SERIAL] = serial_link},
};

void cpu_interrupt(uint32_t pending, uint32_t pc)
{
    if (pending & 1u << IRQ_WATCHDOG)
        watchdog_interrupt(pc);
    if (pending & 1u << IRQ_UART)
        uart_interrupt();
    if (pending & 1u << IRQ_TIMER)
        timer_interrupt();
    if (pending & 1u << IRQ_ENGINE)
        engine_interrupt();
}

void board_init(void)
{
    if (kept.started != STARTED) /* the FPGA was configured, which cleared it */
        reset_reason = PAL_RESET_POWER;
    else
        reset_reason = kept.handed_over == HANDED_OVER ? kept.reset_reason : (unsigned)PAL_RESET_SOFTWARE;
    kept.started = STARTED;
    kept.handed_over = 0;
    time_init();
    watchdog_init();
    uart_init();
    cpu_enable_interrupts();
    flash_init();
    facts.memory = engine_memory();
}

const struct board *board_facts(void)
{
    return &facts;
}

/* The FPGA's own number, as hexadecimal digits. */
void board_serial_number(char out[16])
{
    uint64_t id = (uint64_t)DNA_ID[0] << 32 | DNA_ID[1];
    for (unsigned i = 16; i-- > 0; id >>= 4)
        out[i] = "0123456789ABCDEF"[id & 15u];
}

uint32_t board_port_read(enum board_port port, uint8_t *data, uint32_t size)
{
    return port == BOARD_SERIAL ? uart_read(data, size) : 0;
}

uint32_t board_port_write(enum board_port port, const uint8_t *data, uint32_t size)
{
    return port == BOARD_SERIAL ? uart_write(data, size) : 0;
}

uint32_t board_port_room(enum board_port port)
{
    return port == BOARD_SERIAL ? uart_room() : 0;
}

unsigned board_reset_reason(void)
{
    return reset_reason;
}

int board_recovery_asked(void)
{
    return (BUTTONS_IN & BUTTON_0) != 0;
}

_Noreturn void board_reset(void)
{
    cpu_disable_interrupts();
    CTRL->reset = CTRL_RESET_SOC;
    for (;;)
        cpu_sleep();
}

void *board_kept(void)
{
    return kept.contract;
}

void board_markers(uint32_t bits)
{
    MARKERS_OUT = bits;
}

uint8_t *board_load_address(void)
{
    return (uint8_t *)BOARD_LOAD_ADDRESS;
}

_Noreturn void board_start(const uint8_t *body, uint32_t size)
{
    (void)size;
    kept.handed_over = HANDED_OVER;
    kept.reset_reason = reset_reason;
    cpu_start((uintptr_t)body);
}
