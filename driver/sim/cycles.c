/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cycle model. Its assumptions, to be calibrated by the gates:
 *
 * - `macs` products a cycle: `pixels` output pixels by 16 output channels. A convolution takes, for each
 *   block of 16 channels and each tile of `pixels` pixels (the map flattened), one cycle for every tap and
 *   input channel, padding included. Requantising 16 channels takes one cycle a pixel and hides behind the
 *   next tile, so a tile takes at least `pixels` cycles.
 * - Depthwise convolution and average pooling: one input pixel of 16 channels a cycle is broadcast to the
 *   kernel columns that use it, 3 of them at 128 MACs (in proportion elsewhere, at least 1). An output row
 *   is walked by input columns, so that no input pixel of a kernel row is read twice.
 * - Max pooling walks its window likewise. Elementwise commands take one cycle for 16 channels of a pixel,
 *   two where they have a second operand.
 * - SRAM is read and written beside the array at no cost: it feeds `pixels` activations a cycle whatever
 *   their alignment. Other regions go through the bus: `bus_bytes` a cycle. Weights and parameters are read
 *   once, for the buffers hold two blocks of 16 channels, however deep; the input once too, but by a
 *   convolution once for each block of its output channels. Array and bus work side by side: a command takes the longer of the two.
 * - Not hidden: COMMAND_CYCLES to check and drain; the descriptor, and with `bus_latency` the first block's
 *   weights and the table.
 */
#include "engine.h"
#include "pal/model.h"

#define COMMAND_CYCLES 16u
#define LANES PAL_CMD_OC_BLOCK
#define REFERENCE_MACS 128u
#define REFERENCE_COLUMNS 3u

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

static uint64_t map_bytes(uint16_t h, uint16_t w, uint16_t c)
{
    return (uint64_t)h * w * c;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Input pixels that one output row of a window command reads in one kernel row. */
static uint64_t row_reads(const struct pal_command *c)
{
    uint64_t span = (uint64_t)(c->ofm_w - 1u) * c->stride_x + (uint64_t)(c->kw - 1u) * c->dilation_x + 1;
    uint64_t taps = (uint64_t)c->ofm_w * c->kw;
    return span < taps ? span : taps;
}

struct array_time {
    uint64_t accumulating, total;
};

static struct array_time array_time(const struct pal_target *t, const struct pal_command *c)
{
    uint64_t blocks = ceil_div(c->ofm_c, LANES);
    if (c->opcode == PAL_OP_CONV) {
        uint64_t depth = (uint64_t)c->kh * c->kw * c->ifm_c;
        uint64_t tiles = blocks * ceil_div((uint64_t)c->ofm_h * c->ofm_w, t->pixels);
        return (struct array_time){tiles * depth, tiles * larger(depth, t->pixels)};
    }
    if (pal_opcode_has_window(c->opcode)) {
        uint64_t columns = larger(1, (uint64_t)t->macs * REFERENCE_COLUMNS / REFERENCE_MACS);
        uint64_t reads = blocks * c->ofm_h * c->kh * row_reads(c) * ceil_div(c->kw, columns);
        return (struct array_time){c->opcode == PAL_OP_POOL_MAX ? 0 : reads, reads};
    }
    return (struct array_time){0, blocks * c->ofm_h * c->ofm_w * (c->opcode == PAL_OP_MAP ? 1u : 2u)};
}

void pal_sim_cost(const struct pal_target *t, const struct pal_command *c, struct pal_counters *counters)
{
    uint64_t blocks = ceil_div(c->ofm_c, LANES), read = 0, first = 0, written = 0;
    int window = pal_opcode_has_window(c->opcode);
    if (c->opcode == PAL_OP_CONV || c->opcode == PAL_OP_DEPTHWISE) {
        uint64_t depth = (uint64_t)c->kh * c->kw * (c->opcode == PAL_OP_CONV ? c->ifm_c : 1u);
        uint64_t lanes = c->ofm_c < LANES ? c->ofm_c : LANES;
        uint64_t stored = c->ifm2_region == PAL_REGION_SRAM ? 0 : 1;
        read += (depth * stored + 6) * c->ofm_c;
        first += (depth * stored + 6) * lanes;
    } else if (c->opcode == PAL_OP_POOL_AVG) {
        first = read = c->ifm2_region == PAL_REGION_SRAM ? 0 : (uint64_t)c->kh * c->kw;
    }
    uint64_t weights = read, table = c->flags & PAL_CMD_FLAG_TABLE ? 256 : 0;
    if (c->ifm_region != PAL_REGION_SRAM)
        read += map_bytes(c->ifm_h, c->ifm_w, c->ifm_c) * (c->opcode == PAL_OP_CONV ? blocks : 1);
    if (!window && c->opcode != PAL_OP_MAP && c->ifm2_region != PAL_REGION_SRAM)
        read += map_bytes(c->ifm2_row ? c->ifm_h : 1, c->ifm2_px ? c->ifm_w : 1,
                          c->flags & PAL_CMD_FLAG_BROADCAST_C ? 1 : c->ifm_c);
    if (c->ofm_region != PAL_REGION_SRAM)
        written = map_bytes(c->ofm_h, c->ofm_w, c->ofm_c);
    struct array_time array = array_time(t, c);
    uint64_t bus = ceil_div(read - first + written, t->bus_bytes);
    uint64_t exposed = COMMAND_CYCLES + ceil_div(PAL_COMMAND_SIZE, t->bus_bytes) + ceil_div(first + table, t->bus_bytes) +
                       (read || table ? t->bus_latency : 0);
    uint64_t stalled = bus > array.total ? bus - array.total : 0;
    uint64_t stalled_write = read > weights || !written ? 0 : stalled;
    counters->cycles += exposed + larger(array.total, bus);
    counters->mac_cycles += array.accumulating;
    counters->stall_read += exposed - COMMAND_CYCLES + stalled - stalled_write;
    counters->stall_write += stalled_write;
    counters->bytes_read += read + table + PAL_COMMAND_SIZE;
    counters->bytes_written += written;
}
