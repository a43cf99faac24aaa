/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions that nobody expects, the watchdog's NMI among them: keep a record and reset. */
#include <string.h>

#include "cpu.h"
#include "firmware/kept.h"

#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define HFSR (*(volatile uint32_t *)0xE000ED2Cu)
#define MMFAR (*(volatile uint32_t *)0xE000ED34u)
#define BFAR (*(volatile uint32_t *)0xE000ED38u)
#define NMI 2u

extern uint32_t link_guard[], link_stack[];

/* The program's stack may be what failed, and never returns: faults have one of their own. */
uint32_t cpu_fault_stack[128] __attribute__((aligned(8), used));

__attribute__((used)) _Noreturn void cpu_fault(const uint32_t *frame);

__attribute__((naked)) void cpu_fault_entry(void)
{
    __asm__ volatile("cpsid i\n\t"
                     "mov r0, sp\n\t"
                     "ldr r1, =cpu_fault_stack + %c0\n\t"
                     "mov sp, r1\n\t"
                     "b cpu_fault\n\t"
                     ".ltorg" ::"i"(sizeof cpu_fault_stack));
}

_Noreturn void cpu_fault(const uint32_t *frame)
{
    uint32_t registers[8] = {0}, fault[4] = {CFSR, HFSR, MMFAR, BFAR}, number;
    __asm__ volatile("mrs %0, ipsr" : "=r"(number));
    uintptr_t stack = (uintptr_t)link_stack, guard = (uintptr_t)link_guard + CPU_GUARD_SIZE;
    if ((uintptr_t)frame >= guard && (uintptr_t)frame <= stack - sizeof registers)
        memcpy(registers, frame, sizeof registers);
    kept_crash(number == NMI ? (uint32_t)KEPT_WATCHDOG : number, registers, fault);
}
