/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cpu.h"
#include "firmware/entry.h"

/* Of the linker script. */
extern uint32_t link_data[], link_data_end[], link_bss[], link_bss_end[];
extern const uint32_t link_data_load[];

#define CCR (*(volatile uint32_t *)0xE000ED14u)
#define DIVIDE_TRAP (1u << 4)
#define SHCSR (*(volatile uint32_t *)0xE000ED24u)
#define FAULTS (7u << 16) /* memory, bus and usage faults have exceptions of their own */

void cpu_reset_entry(void)
{
    CCR |= DIVIDE_TRAP;
    SHCSR |= FAULTS;
    memcpy(link_data, link_data_load, (size_t)((uintptr_t)link_data_end - (uintptr_t)link_data));
    memset(link_bss, 0, (size_t)((uintptr_t)link_bss_end - (uintptr_t)link_bss));
    firmware_main();
}
