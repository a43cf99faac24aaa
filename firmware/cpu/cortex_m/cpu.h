/* SPDX-License-Identifier: Apache-2.0 */
/* Cortex-M: interrupts, memory protection, start and reset. */
#ifndef CPU_CORTEX_M_H
#define CPU_CORTEX_M_H

#include <stdint.h>

#define CPU_EXCEPTIONS 16u /* of the vector table, before the interrupts */

/* A vector table's entry. */
union cpu_vector {
    void (*handler)(void);
    uint32_t *stack;
};

/* For the vector table: reset enters here, and every exception that nobody expects. */
void cpu_reset_entry(void);
void cpu_fault_entry(void);

static inline void cpu_disable_interrupts(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
}

static inline void cpu_enable_interrupts(void)
{
    __asm__ volatile("cpsie i\n\tisb" ::: "memory");
}

/* Interrupts off, and as they were before. */
static inline uint32_t cpu_hold_interrupts(void)
{
    uint32_t state;
    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(state)::"memory");
    return state;
}

static inline void cpu_release_interrupts(uint32_t state)
{
    __asm__ volatile("msr primask, %0\n\tisb" ::"r"(state) : "memory");
}

/* Sleep until an interrupt is pending, disabled or not. */
static inline void cpu_sleep(void)
{
    __asm__ volatile("dsb\n\twfi" ::: "memory");
}

static inline void cpu_barrier(void)
{
    __asm__ volatile("dmb" ::: "memory");
}

void cpu_enable_interrupt(unsigned number);
_Noreturn void cpu_reset(void);

/* Below the stack, where no access is allowed: the linker script keeps it free. */
#define CPU_GUARD_SIZE 256u

/* Memory protection. A region is a power of two of at least 32 bytes, aligned to itself; of two that overlap, the
 * later counts. What no region covers keeps the core's default. */
enum cpu_access { CPU_NO_ACCESS, CPU_READ_WRITE, CPU_READ_ONLY, CPU_EXECUTE };

struct cpu_region {
    uint32_t address, size;
    enum cpu_access access; /* only CPU_EXECUTE runs code there, and is read only */
};

void cpu_protect(const struct cpu_region *regions, unsigned count);

/* Leave for the program whose vector table is there, with the core as after a reset. */
_Noreturn void cpu_start(uintptr_t vectors);

#endif /* CPU_CORTEX_M_H */
