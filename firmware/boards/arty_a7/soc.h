/* SPDX-License-Identifier: Apache-2.0 */
/* The SoC: LiteX's target for the Arty A7, as docs/board-bring-up.md builds it. Addresses and interrupt numbers are
 * what its build wrote to software/include/generated/{csr,mem,soc}.h; CSRs are 32 bits wide. */
#ifndef ARTY_SOC_H
#define ARTY_SOC_H

#include <stdint.h>

#define CLOCK_HZ 100000000u

/* Memory. From 0x80000000 on nothing is cached. */
#define MAIN_RAM_BASE 0x40000000u
#define MAIN_RAM_SIZE 0x10000000u
#define SPIFLASH_BASE 0x50000000u
#define SPIFLASH_SIZE 0x01000000u
#define ENGINE_BASE 0x90000000u

#define CSR(page) (0xF0000000u + 0x800u * (page))

struct soc_ctrl {
    uint32_t reset, scratch, bus_errors;
};
#define CTRL ((volatile struct soc_ctrl *)CSR(0))
#define CTRL_RESET_SOC 1u

struct soc_uart {
    uint32_t rxtx, txfull, rxempty, ev_status, ev_pending, ev_enable, txempty, rxfull;
};
#define UART ((volatile struct soc_uart *)CSR(1))
#define UART_TX 1u /* events; pending ones are cleared by writing 1, and RX so takes the byte out of the FIFO */
#define UART_RX 2u

struct soc_timer {
    uint32_t load, reload, en, update_value, value, ev_status, ev_pending, ev_enable, uptime_latch;
    uint32_t uptime_cycles[2]; /* high word first, as all that is wider than a CSR */
};
#define TIMER ((volatile struct soc_timer *)CSR(2))

struct soc_spi_master {
    uint32_t cs, phyconfig, rxtx, status;
};
#define SPI_MASTER ((volatile struct soc_spi_master *)(CSR(3) + 4u)) /* behind the mapped core's dummy_bits */
#define SPI_TX_READY 1u
#define SPI_RX_READY 2u

struct soc_watchdog {
    uint32_t control, cycles, remaining, ev_status, ev_pending, ev_enable;
};
#define WATCHDOG ((volatile struct soc_watchdog *)CSR(4))
#define WATCHDOG_FEED 1u
#define WATCHDOG_ENABLE (1u << 8)
#define WATCHDOG_RESET (1u << 16)

#define DNA_ID ((volatile uint32_t *)CSR(5)) /* two words, 57 bits */
#define BUTTONS_IN (*(volatile uint32_t *)CSR(6))
#define MARKERS_OUT (*(volatile uint32_t *)CSR(7))

enum { IRQ_UART = 0, IRQ_TIMER = 1, IRQ_ENGINE = 2, IRQ_WATCHDOG = 3 };

#endif /* ARTY_SOC_H */
