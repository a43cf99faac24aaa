/* SPDX-License-Identifier: Apache-2.0 */
/* The engine in C: bit-exact, with a cycle model whose assumptions cycles.c states. A bus over memory that
 * the caller owns. */
#ifndef PAL_SIM_H
#define PAL_SIM_H

#include "pal/bus.h"
#include "pal/device.h"
#include "pal/spec/commands.h"
#include "pal/spec/targets.h"

#define PAL_SIM_PRODUCTS 65536

/* Owned by the caller; about 260 KiB. `bus` is what the driver uses. */
struct pal_sim {
    struct pal_bus bus;
    const struct pal_target *target;
    uint8_t *memory;                     /* the first target->sram_bytes are the SRAM */
    uint32_t base, size;                 /* bus address of memory[0], and bytes */
    uint32_t reg[PAL_REG_WINDOW / 4];
    int32_t product[PAL_SIM_PRODUCTS];   /* of every pair of codes, [activation][weight] */
};

/* PAL_ERR_ARG for an unknown target, PAL_ERR_MEMORY if `size` is less than the target's SRAM or ends above 2^32. */
int pal_sim_init(struct pal_sim *sim, uint32_t target, void *memory, uint32_t base, uint32_t size) PAL_MUST_CHECK;

#endif /* PAL_SIM_H */
