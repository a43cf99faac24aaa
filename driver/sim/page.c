/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <stdatomic.h>

static int shown_before_done(uint32_t offset)
{
    return offset == PAL_REG_STATUS || offset >= PAL_REG_CYCLES;
}

void pal_page_open(struct pal_sim *sim, volatile uint32_t *page)
{
    page[PAL_REG_ID / 4] = 0; /* whoever looks too early finds no engine */
    atomic_thread_fence(memory_order_release);
    for (uint32_t offset = PAL_REG_ID + 4; offset < PAL_REG_WINDOW; offset += 4)
        page[offset / 4] = sim->reg[offset / 4];
    atomic_thread_fence(memory_order_release);
    page[PAL_REG_ID / 4] = sim->reg[PAL_REG_ID / 4];
}

int pal_page_poll(struct pal_sim *sim, volatile uint32_t *page)
{
    const struct pal_bus *bus = &sim->bus;
    uint32_t submit = page[PAL_REG_SUBMIT / 4];
    if (submit != sim->reg[PAL_REG_DONE / 4]) {
        atomic_thread_fence(memory_order_acquire); /* what was written before SUBMIT is there */
        for (uint32_t offset = PAL_REG_CTRL; offset < PAL_REG_CYCLES; offset += 4)
            if (offset != PAL_REG_SUBMIT) /* the simulator ignores the ones that are read-only */
                (void)bus->write32(bus->ctx, offset, page[offset / 4]);
        (void)bus->write32(bus->ctx, PAL_REG_SUBMIT, submit);
        for (uint32_t offset = PAL_REG_CTRL; offset < PAL_REG_WINDOW; offset += 4)
            if (shown_before_done(offset))
                page[offset / 4] = sim->reg[offset / 4];
        atomic_thread_fence(memory_order_release);
        page[PAL_REG_DONE / 4] = submit;
    }
    return (page[PAL_REG_IRQ_ENABLE / 4] & 1u) && sim->reg[PAL_REG_DONE / 4] != page[PAL_REG_IRQ_ACK / 4];
}
