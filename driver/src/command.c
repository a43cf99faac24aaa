/* SPDX-License-Identifier: Apache-2.0 */
/* Is a command well formed, and does it stay within its regions? */
#include "pal/model.h"
#include "pal/spec/registers.h"

struct extent {
    uint8_t region;
    uint32_t offset, row;
    uint16_t h, w, c, px;
};

static int inside(const struct extent *e, const uint32_t *size)
{
    uint64_t end = (uint64_t)e->offset + (uint64_t)(e->h - 1u) * e->row + (uint64_t)(e->w - 1u) * e->px + e->c;
    return end <= size[e->region];
}

static int block_inside(uint64_t offset, uint64_t bytes, uint32_t size)
{
    return offset + bytes <= size;
}

static unsigned check_window(const struct pal_command *c, const uint32_t *size)
{
    if (!c->kh || !c->kw || !c->stride_y || !c->stride_x || !c->dilation_y || !c->dilation_x)
        return PAL_ENGINE_FIELD;
    if (c->opcode != PAL_OP_CONV && c->ofm_c != c->ifm_c)
        return PAL_ENGINE_FIELD;
    uint64_t taps = (uint64_t)c->kh * c->kw, weights = 0, params = 0;
    if (c->opcode == PAL_OP_CONV || c->opcode == PAL_OP_DEPTHWISE) {
        weights = taps * c->ofm_c * (c->opcode == PAL_OP_CONV ? c->ifm_c : 1u);
        params = 6u * (uint64_t)c->ofm_c;
        if (c->params % 4 || c->offset)
            return PAL_ENGINE_FIELD;
    } else {
        weights = c->opcode == PAL_OP_POOL_AVG ? taps : 0;
        if (c->params || (!weights && (c->weights || c->ifm2_region)))
            return PAL_ENGINE_FIELD;
    }
    if (!block_inside(c->weights, weights, size[c->ifm2_region]) ||
        !block_inside(c->params, params, size[PAL_REGION_MODEL]))
        return PAL_ENGINE_ADDRESS;
    return PAL_ENGINE_NONE;
}

/* Fields of the pair body that the opcode leaves 0. */
static int unused_is_zero(const struct pal_command *c)
{
    int second = c->opcode == PAL_OP_ADD || c->opcode == PAL_OP_MUL, norm = c->opcode == PAL_OP_LAYER_NORM;
    if (!second && (c->ifm2_row || c->ifm2_px || (c->flags & PAL_CMD_FLAG_BROADCAST_C)))
        return 0;
    if (!second && !norm && (c->ifm2_offset || c->ifm2_region))
        return 0;
    if (c->opcode == PAL_OP_ARGMAX)
        return !c->offset && !c->flags && !c->scale2 && c->scale <= 1;
    if (c->opcode == PAL_OP_SOFTMAX)
        return !c->scale2;
    return c->opcode == PAL_OP_ADD || (!c->scale && !c->scale2);
}

static unsigned check_pair(const struct pal_command *c, const uint32_t *size)
{
    unsigned channels = c->opcode == PAL_OP_ARGMAX ? 4u : c->ifm_c;
    if (c->reserved1 || c->ofm_h != c->ifm_h || c->ofm_w != c->ifm_w || c->ofm_c != channels || !unused_is_zero(c))
        return PAL_ENGINE_FIELD;
    if (c->opcode == PAL_OP_LAYER_NORM)
        return block_inside(c->ifm2_offset, 8u + 8u * (uint64_t)c->ifm_c, size[c->ifm2_region]) ? PAL_ENGINE_NONE
                                                                                            : PAL_ENGINE_ADDRESS;
    if (c->opcode != PAL_OP_ADD && c->opcode != PAL_OP_MUL)
        return PAL_ENGINE_NONE;
    struct extent e = {c->ifm2_region, c->ifm2_offset, c->ifm2_row, c->ifm_h, c->ifm_w,
                       c->flags & PAL_CMD_FLAG_BROADCAST_C ? 1 : c->ifm_c, c->ifm2_px};
    return inside(&e, size) ? PAL_ENGINE_NONE : PAL_ENGINE_ADDRESS;
}

static int known(unsigned opcode)
{
    return pal_opcode_has_window(opcode) || opcode == PAL_OP_ADD || opcode == PAL_OP_MUL || opcode == PAL_OP_MAP ||
           opcode == PAL_OP_SOFTMAX || opcode == PAL_OP_LAYER_NORM || opcode == PAL_OP_ARGMAX;
}

unsigned pal_command_check(const struct pal_command *c, const uint32_t size[5])
{
    int window = pal_opcode_has_window(c->opcode);
    if (!known(c->opcode))
        return PAL_ENGINE_OPCODE;
    if (c->reserved0 || (c->flags & ~(PAL_CMD_FLAG_TABLE | PAL_CMD_FLAG_BROADCAST_C)) ||
        c->ifm_region >= PAL_REGION_COUNT || c->ifm2_region >= PAL_REGION_COUNT ||
        c->ofm_region >= PAL_REGION_COUNT || c->ofm_region == PAL_REGION_MODEL ||
        c->ofm_region == PAL_REGION_INPUT || !c->ifm_h || !c->ifm_w || !c->ifm_c || !c->ofm_h || !c->ofm_w ||
        !c->ofm_c || (window && (c->flags & PAL_CMD_FLAG_BROADCAST_C)) || c->act_min > c->act_max)
        return PAL_ENGINE_FIELD;
    if (!(c->flags & PAL_CMD_FLAG_TABLE) && c->table)
        return PAL_ENGINE_FIELD;
    struct extent ifm = {c->ifm_region, c->ifm_offset, c->ifm_row, c->ifm_h, c->ifm_w, c->ifm_c, c->ifm_px};
    struct extent ofm = {c->ofm_region, c->ofm_offset, c->ofm_row, c->ofm_h, c->ofm_w, c->ofm_c, c->ofm_px};
    if (!inside(&ifm, size) || !inside(&ofm, size))
        return PAL_ENGINE_ADDRESS;
    if ((c->flags & PAL_CMD_FLAG_TABLE) && !block_inside(c->table, 256, size[PAL_REGION_MODEL]))
        return PAL_ENGINE_ADDRESS;
    return window ? check_window(c, size) : check_pair(c, size);
}
