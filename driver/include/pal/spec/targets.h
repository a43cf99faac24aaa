/* Generated from driver/spec by `make generate`: targets. Do not edit. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAL_SPEC_TARGETS_H
#define PAL_SPEC_TARGETS_H

#include <stdint.h>

/* What the compiler, the simulator and the gates know of one engine. */
struct pal_target {
    const char *name;
    uint32_t id;
    uint32_t macs;
    uint32_t pixels;
    uint32_t channels;
    uint32_t sram_bytes;
    uint32_t bus_bytes;
    uint32_t bus_latency;
    uint32_t clock_hz;
};

static const struct pal_target PAL_TARGETS[] = {
    {"pal-e32", 1u, 32u, 2u, 16u, 0x10000u, 4u, 20u, 0x2DC6C00u},
    {"pal-e128", 2u, 128u, 8u, 16u, 0x40000u, 8u, 24u, 0xBEBC200u},
    {"pal-e256", 3u, 256u, 16u, 16u, 0x80000u, 16u, 32u, 0x17D78400u},
};

#define PAL_TARGET_COUNT 3u

#endif /* PAL_SPEC_TARGETS_H */
