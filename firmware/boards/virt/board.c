/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cpu.h"
#include "firmware/key.h"
#include "port.h"
#include "registers.h"

#define BOARD(name) SHARED_REGISTER(PAL_VB_BOARD_OFFSET + PAL_VB_REG_BOARD_##name)
#define POWER(name) SHARED_REGISTER(PAL_VB_POWER_OFFSET + PAL_VB_REG_POWER_##name)

#define JOURNAL_OFFSET 0x80000u
#define JOURNAL_SIZE (2u * PAL_VB_NOR_SECTOR)
#define STORE_OFFSET 0x100000u
#define LOAD_SIZE 0x100000u
#define CODE_SIZE 0x400000u
#define SRAM_BASE 0x20000000u
#define SRAM_SPACE 0x20000000u

_Static_assert(BOARD_ID == PAL_VB_ID, "board.mk");

#define HANDED_OVER 0x52455645u

extern uint32_t link_guard[];
extern const uint32_t link_code[];

/* Kept over resets: the contract's part, and what the bootloader tells the application. */
static struct {
    uint8_t contract[BOARD_KEPT_SIZE];
    uint32_t handed_over, reset_reason;
} kept __attribute__((section(".kept"), aligned(8)));

static unsigned reset_reason;
static char serial_number[17];

#define SERIAL_PAYLOAD 1024u
#define SERIAL_WINDOW 8192u
#define USB_PAYLOAD 16384u
#define USB_WINDOW 65536u

static uint8_t serial_link[BOARD_LINK_MEMORY(SERIAL_WINDOW, SERIAL_PAYLOAD)];
static uint8_t usb_link[BOARD_LINK_MEMORY(USB_WINDOW, USB_PAYLOAD)];

static struct board facts = {
    .name = "virt",
    .boot = {
        .slot = {{&nor_flash, 0, BOARD_SLOT_SIZE}, {&nor_flash, BOARD_SLOT_SIZE, BOARD_SLOT_SIZE}},
        .journal = {&nor_flash, JOURNAL_OFFSET, JOURNAL_SIZE},
        .key = FIRMWARE_KEY,
        .board_id = BOARD_ID,
        .load_address = BOARD_LOAD_ADDRESS,
        .load_size = LOAD_SIZE,
    },
    .store = {&nor_flash, STORE_OFFSET, PAL_VB_NOR_SIZE - STORE_OFFSET},
    .engine = &engine_bus,
    .payload_max = {[BOARD_SERIAL] = SERIAL_PAYLOAD, [BOARD_USB] = USB_PAYLOAD},
    .window = {[BOARD_SERIAL] = SERIAL_WINDOW, [BOARD_USB] = USB_WINDOW},
    .link_memory = {[BOARD_SERIAL] = serial_link, [BOARD_USB] = usb_link},
};

/* Stray stores to flash or code, stray jumps to data, and a stack that grows too far, are faults. */
static void protect(void)
{
    int bootloader = (uintptr_t)link_code < BOARD_LOAD_ADDRESS;
    const struct cpu_region regions[] = {
        {0, bootloader ? BOARD_LOAD_ADDRESS : CODE_SIZE, CPU_EXECUTE},
        {SRAM_BASE - SRAM_SPACE / 2, SRAM_SPACE / 2, CPU_NO_ACCESS}, /* a large frame steps over the stack's guard */
        {SRAM_BASE, SRAM_SPACE, CPU_READ_WRITE},
        {PAL_VB_RAM_BASE + PAL_VB_NOR_OFFSET, PAL_VB_NOR_SIZE, CPU_READ_ONLY},
        {(uint32_t)(uintptr_t)link_guard, CPU_GUARD_SIZE, CPU_NO_ACCESS},
    };
    cpu_protect(regions, sizeof regions / sizeof *regions);
}

void board_init(void)
{
    protect();
    if (BOARD(POWERED)) {
        BOARD(POWERED) = 0;
        reset_reason = PAL_RESET_POWER;
    } else {
        reset_reason = kept.handed_over == HANDED_OVER ? kept.reset_reason : (unsigned)PAL_RESET_SOFTWARE;
    }
    kept.handed_over = 0;
    board_serial_number(serial_number);
    facts.memory = engine_memory();
    time_init();
    wire_init();
    uart_init();
    usb_init(facts.name, serial_number);
    cpu_enable_interrupts();
}

const struct board *board_facts(void)
{
    return &facts;
}

void board_serial_number(char out[16])
{
    const uint32_t words[] = {BOARD(SERIAL_0), BOARD(SERIAL_1), BOARD(SERIAL_2), BOARD(SERIAL_3)};
    memcpy(out, words, sizeof words);
}

uint32_t board_port_read(enum board_port port, uint8_t *data, uint32_t size)
{
    return port == BOARD_SERIAL ? uart_read(data, size) : usb_read(data, size);
}

uint32_t board_port_write(enum board_port port, const uint8_t *data, uint32_t size)
{
    return port == BOARD_SERIAL ? uart_write(data, size) : usb_write(data, size);
}

uint32_t board_port_room(enum board_port port)
{
    return port == BOARD_SERIAL ? uart_room() : usb_room();
}

unsigned board_reset_reason(void)
{
    return reset_reason;
}

int board_recovery_asked(void)
{
    return BOARD(STRAP) & 1u;
}

_Noreturn void board_reset(void)
{
    cpu_reset();
}

void *board_kept(void)
{
    return kept.contract;
}

void board_markers(uint32_t bits)
{
    if (POWER(MARKERS) == bits)
        return;
    POWER(MARKERS) = bits;
    wire_ring(PAL_VB_EVENT_POWER);
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
