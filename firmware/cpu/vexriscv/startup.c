/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cpu.h"
#include "firmware/entry.h"

/* Of the linker script. */
extern uint32_t link_data[], link_data_end[], link_bss[], link_bss_end[];
extern const uint32_t link_data_load[];

__attribute__((used)) _Noreturn void cpu_run(void);

__attribute__((naked, section(".entry"))) void cpu_reset_entry(void)
{
    __asm__ volatile("csrci mstatus, %0\n\t"
                     "csrw %1, zero\n\t"
                     "la sp, link_stack\n\t"
                     "la t0, cpu_trap_entry\n\t"
                     "csrw mtvec, t0\n\t"
                     "li t0, 1 << 11\n\t" /* external interrupts, the only ones */
                     "csrw mie, t0\n\t"
                     "j cpu_run" ::"i"(CPU_MSTATUS_MIE), "i"(CPU_IRQ_MASK));
}

_Noreturn void cpu_run(void)
{
    memcpy(link_data, link_data_load, (size_t)((uintptr_t)link_data_end - (uintptr_t)link_data));
    memset(link_bss, 0, (size_t)((uintptr_t)link_bss_end - (uintptr_t)link_bss));
    firmware_main();
}

_Noreturn void cpu_start(uintptr_t entry)
{
    cpu_disable_interrupts();
    __asm__ volatile("csrw %0, zero\n\t"
                     "csrw mie, zero\n\t"
                     "fence iorw, iorw\n\t"
                     ".word 0x500F\n\t"
                     ".word 0x100F\n\t" /* fence.i: the program was written as data */
                     "nop\n\tnop\n\tnop\n\tnop\n\tnop\n\t"
                     "jr %1" ::"i"(CPU_IRQ_MASK), "r"(entry) : "memory");
    __builtin_unreachable();
}
