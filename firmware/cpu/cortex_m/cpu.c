/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define SYST_CSR REGISTER(0xE000E010u)
#define NVIC_ISER(n) REGISTER(0xE000E100u + 4u * (n))
#define NVIC_ICER(n) REGISTER(0xE000E180u + 4u * (n))
#define NVIC_ICPR(n) REGISTER(0xE000E280u + 4u * (n))
#define NVIC_IPR(n) (*(volatile uint8_t *)(uintptr_t)(0xE000E400u + (n)))
#define BELOW_FAULTS 0x80u /* so that a fault in an interrupt is told as what it is */
#define ICTR REGISTER(0xE000E004u)
#define SCB_VTOR REGISTER(0xE000ED08u)
#define SCB_AIRCR REGISTER(0xE000ED0Cu)
#define AIRCR_RESET 0x05FA0004u
#define MPU_CTRL REGISTER(0xE000ED94u)
#define MPU_RNR REGISTER(0xE000ED98u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_RASR REGISTER(0xE000EDA0u)
#define MPU_ENABLE 5u /* privileged code keeps the default map elsewhere; off in NMI and HardFault */
#define RASR_EXECUTE_NEVER (1u << 28)
#define RASR_ACCESS 24
#define RASR_NORMAL (1u << 18 | 1u << 17) /* shareable, write through */

void cpu_enable_interrupt(unsigned number)
{
    NVIC_IPR(number) = BELOW_FAULTS;
    NVIC_ISER(number / 32u) = 1u << number % 32u;
}

_Noreturn void cpu_reset(void)
{
    cpu_disable_interrupts();
    __asm__ volatile("dsb" ::: "memory");
    SCB_AIRCR = AIRCR_RESET;
    for (;;)
        cpu_sleep();
}

void cpu_protect(const struct cpu_region *regions, unsigned count)
{
    static const uint32_t access[] = {
        [CPU_NO_ACCESS] = RASR_EXECUTE_NEVER,
        [CPU_READ_WRITE] = RASR_EXECUTE_NEVER | 3u << RASR_ACCESS,
        [CPU_READ_ONLY] = RASR_EXECUTE_NEVER | 6u << RASR_ACCESS,
        [CPU_EXECUTE] = 6u << RASR_ACCESS,
    };
    MPU_CTRL = 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t log2 = 31u - (uint32_t)__builtin_clz(regions[i].size);
        MPU_RNR = i;
        MPU_RBAR = regions[i].address;
        MPU_RASR = access[regions[i].access] | RASR_NORMAL | (log2 - 1u) << 1 | 1u;
    }
    MPU_CTRL = MPU_ENABLE;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

_Noreturn void cpu_start(uintptr_t vectors)
{
    cpu_disable_interrupts();
    SYST_CSR = 0;
    MPU_CTRL = 0;
    for (uint32_t i = 0; i <= (ICTR & 15u); i++) {
        NVIC_ICER(i) = UINT32_MAX;
        NVIC_ICPR(i) = UINT32_MAX;
    }
    SCB_VTOR = (uint32_t)vectors;
    const uint32_t *table = (const uint32_t *)vectors;
    __asm__ volatile("dsb\n\tisb\n\t"
                     "msr msp, %0\n\t"
                     "cpsie i\n\t"
                     "bx %1" ::"r"(table[0]), "r"(table[1]) : "memory");
    __builtin_unreachable();
}
