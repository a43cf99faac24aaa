/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cpu.h"
#include "firmware/entry.h"

/* Of the linker script. */
extern uint32_t link_data[], link_data_end[], link_bss[], link_bss_end[];
extern const uint32_t link_data_load[];

void cpu_reset_entry(void)
{
    memcpy(link_data, link_data_load, (size_t)((uintptr_t)link_data_end - (uintptr_t)link_data));
    memset(link_bss, 0, (size_t)((uintptr_t)link_bss_end - (uintptr_t)link_bss));
    firmware_main();
}
