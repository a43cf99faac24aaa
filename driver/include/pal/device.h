/* SPDX-License-Identifier: Apache-2.0 */
/* One PAL engine behind a bus. */
#ifndef PAL_DEVICE_H
#define PAL_DEVICE_H

#include <stdint.h>

#include "pal/bus.h"
#include "pal/spec/registers.h"
#include "pal/status.h"

/* Read only after pal_device_init. */
struct pal_device {
    const struct pal_bus *bus;
    uint32_t abi, target, macs, sram_base, sram_size, clock_hz;
    uint32_t request; /* number of the last submitted run */
    int unsettled;    /* that run may still be going on: an access failed before its end was seen */
};

struct pal_counters {
    uint64_t cycles, mac_cycles, stall_read, stall_write, bytes_read, bytes_written;
};

/* A region of bus memory. */
struct pal_place {
    uint32_t address, size;
};

struct pal_run {
    uint32_t commands;      /* address of the first descriptor */
    uint32_t count;         /* descriptors */
    uint32_t profile;       /* address of `count` profile records, 0 for none */
    uint32_t timeout_us;    /* 0: one second; at most 2^31 - 1 are waited */
};

/* What the engine said of a failed run. */
struct pal_fault {
    unsigned code;    /* enum pal_engine_error */
    uint32_t command; /* index in the submitted list */
};

/* Identify the engine and reset it. PAL_ERR_ABI if it speaks another major version. */
int pal_device_init(struct pal_device *device, const struct pal_bus *bus) PAL_MUST_CHECK;

/* Run a list and wait. On PAL_ERR_TIMEOUT the engine has been reset; on PAL_ERR_ENGINE `fault` is set. */
int pal_device_run(struct pal_device *device, const struct pal_place regions[PAL_REGION_COUNT],
                   const struct pal_run *run, struct pal_fault *fault) PAL_MUST_CHECK;

/* Counters of the last run. */
int pal_device_counters(struct pal_device *device, struct pal_counters *out) PAL_MUST_CHECK;

#endif /* PAL_DEVICE_H */
