/* SPDX-License-Identifier: Apache-2.0 */
/* A bus that passes everything on to another one and goes wrong where it is told to. */
#ifndef PAL_BUS_FAULT_H
#define PAL_BUS_FAULT_H

#include "pal/bus.h"

enum pal_fault_kind {
    PAL_FAULT_NONE,
    PAL_FAULT_FAIL,    /* access `at` fails and does nothing */
    PAL_FAULT_CORRUPT, /* the data that access `at` reads is inverted; a write is lost */
    PAL_FAULT_HANG,    /* DONE keeps from access `at` on the value it had: the engine never finishes */
    PAL_FAULT_LATE,    /* the same, but after `late` microseconds DONE shows; its interrupt is lost */
};

/* Set inner, kind and at, then use `bus`. Accesses are counted from 0: registers, memory and waits. */
struct pal_fault_bus {
    struct pal_bus bus;
    const struct pal_bus *inner;
    enum pal_fault_kind kind;
    uint32_t at;
    uint32_t late;     /* LATE: microseconds until DONE shows */
    uint32_t accesses; /* so far */
    uint32_t clock_us; /* goes on only in wait */
    uint32_t waits;
    uint32_t done;     /* last value of DONE before it stuck */
    uint32_t stuck_at; /* clock when it stuck */
    int stuck;
};

/* Without `map`: every byte that the CPU touches goes through read and write. */
void pal_fault_bus_init(struct pal_fault_bus *fault, const struct pal_bus *inner, enum pal_fault_kind kind,
                        uint32_t at);

#endif /* PAL_BUS_FAULT_H */
