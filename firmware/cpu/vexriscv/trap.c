/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts, and exceptions, which nobody expects: keep a record and reset. */
#include "cpu.h"
#include "firmware/kept.h"

/* The program's stack may be what failed, and never returns: faults have one of their own. */
uint32_t cpu_fault_stack[256] __attribute__((aligned(16), used));
uint32_t cpu_fault_registers[8] __attribute__((used)); /* a0 to a3, sp, ra, pc, mstatus */

__attribute__((used)) _Noreturn void cpu_fault(void);
void cpu_interrupt_entry(void);

__attribute__((naked, aligned(4), used)) void cpu_trap_entry(void);
__attribute__((naked, aligned(4), used)) void cpu_trap_entry(void)
{
    __asm__ volatile("csrw mscratch, t0\n\t"
                     "csrr t0, mcause\n\t"
                     "bgez t0, 1f\n\t"
                     "csrr t0, mscratch\n\t"
                     "j cpu_interrupt_entry\n"
                     "1:\n\t"
                     "la t0, cpu_fault_registers\n\t"
                     "sw a0, 0(t0)\n\t"
                     "sw a1, 4(t0)\n\t"
                     "sw a2, 8(t0)\n\t"
                     "sw a3, 12(t0)\n\t"
                     "sw sp, 16(t0)\n\t"
                     "sw ra, 20(t0)\n\t"
                     "csrr a0, mepc\n\t"
                     "sw a0, 24(t0)\n\t"
                     "csrr a0, mstatus\n\t"
                     "sw a0, 28(t0)\n\t"
                     "la sp, cpu_fault_stack + %0\n\t"
                     "j cpu_fault" ::"i"(sizeof cpu_fault_stack));
}

_Noreturn void cpu_fault(void)
{
    uint32_t fault[4] = {0};
    __asm__ volatile("csrr %0, mcause" : "=r"(fault[0]));
    __asm__ volatile("csrr %0, mtval" : "=r"(fault[1]));
    kept_crash(fault[0], cpu_fault_registers, fault);
}

__attribute__((interrupt("machine"), used)) void cpu_interrupt_entry(void)
{
    uint32_t pending, mask, pc;
    __asm__ volatile("csrr %0, %1" : "=r"(pending) : "i"(CPU_IRQ_PENDING));
    __asm__ volatile("csrr %0, %1" : "=r"(mask) : "i"(CPU_IRQ_MASK));
    __asm__ volatile("csrr %0, mepc" : "=r"(pc));
    cpu_interrupt(pending & mask, pc);
}
