/* SPDX-License-Identifier: Apache-2.0 */
/* VexRiscv as LiteX builds it: rv32im, machine mode only, 32 interrupts behind two CSRs, caches that do not see what
 * other masters write; the data cache writes through. */
#ifndef CPU_VEXRISCV_H
#define CPU_VEXRISCV_H

#include <stdint.h>

#define CPU_MSTATUS_MIE 8u
#define CPU_IRQ_MASK 0xBC0   /* CSR: 1 lets an interrupt through */
#define CPU_IRQ_PENDING 0xFC0

/* The program begins here: the linker script puts it first. */
void cpu_reset_entry(void);

/* The port's: interrupts that are pending and enabled, a bit each. Runs with interrupts off. `pc` is where they came. */
void cpu_interrupt(uint32_t pending, uint32_t pc);

static inline void cpu_disable_interrupts(void)
{
    __asm__ volatile("csrci mstatus, %0" ::"i"(CPU_MSTATUS_MIE) : "memory");
}

static inline void cpu_enable_interrupts(void)
{
    __asm__ volatile("csrsi mstatus, %0" ::"i"(CPU_MSTATUS_MIE) : "memory");
}

/* Interrupts off, and as they were before. */
static inline uint32_t cpu_hold_interrupts(void)
{
    uint32_t state;
    __asm__ volatile("csrrci %0, mstatus, %1" : "=r"(state) : "i"(CPU_MSTATUS_MIE) : "memory");
    return state;
}

static inline void cpu_release_interrupts(uint32_t state)
{
    __asm__ volatile("csrs mstatus, %0" ::"r"(state & CPU_MSTATUS_MIE) : "memory");
}

/* Sleep until an interrupt is pending; it may return early. */
static inline void cpu_sleep(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

static inline void cpu_enable_interrupt(unsigned number)
{
    __asm__ volatile("csrs %0, %1" ::"i"(CPU_IRQ_MASK), "r"(1u << number) : "memory");
}

static inline void cpu_disable_interrupt(unsigned number)
{
    __asm__ volatile("csrc %0, %1" ::"i"(CPU_IRQ_MASK), "r"(1u << number) : "memory");
}

/* What was written before has left for memory, and what is read after comes from there. */
static inline void cpu_barrier(void)
{
    __asm__ volatile("fence iorw, iorw\n\t"
                     ".word 0x500F" ::: "memory"); /* VexRiscv's own: forget the data cache */
}

/* Leave for the program that begins there, with the core as after a reset. */
_Noreturn void cpu_start(uintptr_t entry);

#endif /* CPU_VEXRISCV_H */
