/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"
#include "port.h"
#include "registers.h"

extern uint32_t link_stack[];

/* 48 entries, so the table is aligned to 256 bytes; board.mk's header has that size. */
__attribute__((section(".vectors"), used, aligned(256))) static const union cpu_vector
    vectors[CPU_EXCEPTIONS + IRQ_COUNT] = {
        [0].stack = link_stack,
        [1].handler = cpu_reset_entry,
        [2].handler = cpu_fault_entry, /* NMI: the watchdog */
        [3].handler = cpu_fault_entry,
        [4].handler = cpu_fault_entry,
        [5].handler = cpu_fault_entry,
        [6].handler = cpu_fault_entry,
        [11].handler = cpu_fault_entry,
        [12].handler = cpu_fault_entry,
        [14].handler = cpu_fault_entry,
        [15].handler = cpu_fault_entry,
        [CPU_EXCEPTIONS + IRQ_HOST_RECEIVE].handler = host_receive_interrupt,
        [CPU_EXCEPTIONS + IRQ_HOST_TRANSMIT].handler = host_transmit_interrupt,
        [CPU_EXCEPTIONS + IRQ_EVENT].handler = event_interrupt,
        [CPU_EXCEPTIONS + IRQ_TIMER].handler = timer_interrupt,
};
