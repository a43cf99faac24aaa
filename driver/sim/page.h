/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator behind a page of shared memory: another process or a guest writes the engine's registers there
 * as if they were gates, and whoever owns the simulator looks at the page whenever it may have changed. */
#ifndef PAL_PAGE_H
#define PAL_PAGE_H

#include "sim.h"

/* Show the engine as it is after init, with every writable register 0; the identity comes last.
 * `page` is PAL_REG_WINDOW bytes. */
void pal_page_open(struct pal_sim *sim, volatile uint32_t *page);

/* Look once: follow a reset, or run what was submitted and show STATUS and counters before DONE.
 * Returns 1 while the interrupt line is high, else 0. A reset that begins and ends between two looks is not seen;
 * the run that it was to stop is then made up for. */
int pal_page_poll(struct pal_sim *sim, volatile uint32_t *page);

#endif /* PAL_PAGE_H */
