/* SPDX-License-Identifier: Apache-2.0 */
/* A bus that passes everything on to another one and takes the engine's time: from the doorbell until DONE
 * shows the end of the run, on the host's monotonic clock. */
#ifndef PAL_BUS_STOPWATCH_H
#define PAL_BUS_STOPWATCH_H

#include "pal/bus.h"

/* After init, use `bus` in place of `inner`, which must outlive it. */
struct pal_stopwatch {
    struct pal_bus bus;
    const struct pal_bus *inner;
    uint64_t engine_ns; /* sum over all finished runs; the owner may set it to 0 between runs */
    uint64_t started_ns;
    uint32_t submitted; /* request number of the run that is going on */
    int running;
};

void pal_stopwatch_init(struct pal_stopwatch *stopwatch, const struct pal_bus *inner);

/* Nanoseconds of the clock that it uses, from any start. */
uint64_t pal_stopwatch_now(void);

#endif /* PAL_BUS_STOPWATCH_H */
