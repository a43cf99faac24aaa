/* Generated from driver/spec by `make generate`: commands. Do not edit. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAL_SPEC_COMMANDS_H
#define PAL_SPEC_COMMANDS_H

#include <stdint.h>
#include "pal/load.h"

#define PAL_CMD_CPU_FIRST 128u
#define PAL_CMD_FLAG_TABLE 1u
#define PAL_CMD_FLAG_BROADCAST_C 2u
#define PAL_CMD_OC_BLOCK 16u
#define PAL_COMMAND_SIZE 64u

enum pal_opcode {
    PAL_OP_CONV = 1, /* convolution; weights [OC block of 16][kh][kw][C][oc in block], the last block not padded; params: OC i32 biases, then OC i16 offsets */
    PAL_OP_DEPTHWISE = 2, /* depthwise convolution, ofm_c = ifm_c; weights [C block of 16][kh][kw][c in block]; params as CONV */
    PAL_OP_POOL_AVG = 3, /* depthwise convolution whose kh*kw tap codes are shared by all channels; `params` unused, 0 */
    PAL_OP_POOL_MAX = 4, /* largest code in signed order, padding ignored; a window wholly in padding gives zero; `weights` and `params` unused, 0 */
    PAL_OP_ADD = 5, /* acc = p(ifm, scale) + p(ifm2, scale2), two-term dot product */
    PAL_OP_MUL = 6, /* log magnitude ma + mb, sign xor, zero if either is zero */
    PAL_OP_MAP = 7, /* copy, recode or table: log magnitude m; the ifm2 fields are 0 */
    PAL_OP_SOFTMAX = 128, /* CPU: over the channels of every pixel; `offset` is the bias of the input codes; the bias of the result is output_bias of arithmetic.toml, less `scale` */
    PAL_OP_LAYER_NORM = 129, /* CPU: over the channels of every pixel, see arithmetic.toml; ifm2 holds u64 epsilon, then for every channel an i32 gain, then for every channel an i32 shift; `offset` is minus the output bias */
    PAL_OP_ARGMAX = 130, /* CPU: u32 index of the first largest code (of the last one, if `scale` is 1) over the channels of every pixel; ofm_c = 4; no offset, clamp or table */
};

/* One descriptor, decoded. Only the body that belongs to the opcode is set. */
struct pal_command {
    uint8_t opcode;
    uint8_t flags;
    uint16_t layer; /* index in the layer table */
    uint8_t ifm_region;
    uint8_t ifm2_region; /* of ifm2; of the weights where the command has a window */
    uint8_t ofm_region; /* not MODEL, not INPUT */
    uint8_t reserved0; /* 0 */
    uint32_t ifm_offset;
    uint32_t ifm_row; /* bytes from one row to the next */
    uint16_t ifm_h;
    uint16_t ifm_w;
    uint16_t ifm_c;
    uint16_t ifm_px; /* bytes from one pixel to the next */
    uint32_t ofm_offset;
    uint32_t ofm_row;
    uint16_t ofm_h;
    uint16_t ofm_w;
    uint16_t ofm_c;
    uint16_t ofm_px;
    uint32_t table; /* offset in MODEL */
    int8_t act_min;
    int8_t act_max;
    int16_t offset; /* added to the log magnitude; CONV and DEPTHWISE have one a channel instead, and 0 here */
    uint8_t kh;
    uint8_t kw;
    uint8_t stride_y;
    uint8_t stride_x;
    uint8_t dilation_y;
    uint8_t dilation_x;
    uint8_t pad_top; /* rows above; those below follow from ofm_h */
    uint8_t pad_left;
    uint32_t weights; /* offset in ifm2_region */
    uint32_t params; /* offset in MODEL, a multiple of 4 */
    uint32_t ifm2_offset;
    uint32_t ifm2_row; /* 0 repeats one row */
    uint16_t ifm2_px; /* 0 repeats one pixel */
    uint8_t scale; /* PAL8 code */
    uint8_t scale2; /* PAL8 code */
    uint32_t reserved1; /* 0 */
};

static inline int pal_opcode_has_window(unsigned opcode)
{
    return opcode == PAL_OP_CONV || opcode == PAL_OP_DEPTHWISE || opcode == PAL_OP_POOL_AVG || opcode == PAL_OP_POOL_MAX;
}

static inline void pal_command_load(struct pal_command *out, const uint8_t *p)
{
    *out = (struct pal_command){0};
    out->opcode = pal_load_u8(p + 0);
    out->flags = pal_load_u8(p + 1);
    out->layer = pal_load_u16(p + 2);
    out->ifm_region = pal_load_u8(p + 4);
    out->ifm2_region = pal_load_u8(p + 5);
    out->ofm_region = pal_load_u8(p + 6);
    out->reserved0 = pal_load_u8(p + 7);
    out->ifm_offset = pal_load_u32(p + 8);
    out->ifm_row = pal_load_u32(p + 12);
    out->ifm_h = pal_load_u16(p + 16);
    out->ifm_w = pal_load_u16(p + 18);
    out->ifm_c = pal_load_u16(p + 20);
    out->ifm_px = pal_load_u16(p + 22);
    out->ofm_offset = pal_load_u32(p + 24);
    out->ofm_row = pal_load_u32(p + 28);
    out->ofm_h = pal_load_u16(p + 32);
    out->ofm_w = pal_load_u16(p + 34);
    out->ofm_c = pal_load_u16(p + 36);
    out->ofm_px = pal_load_u16(p + 38);
    out->table = pal_load_u32(p + 40);
    out->act_min = (int8_t)pal_load_u8(p + 44);
    out->act_max = (int8_t)pal_load_u8(p + 45);
    out->offset = (int16_t)pal_load_u16(p + 46);
    if (pal_opcode_has_window(out->opcode)) {
        out->kh = pal_load_u8(p + 48);
        out->kw = pal_load_u8(p + 49);
        out->stride_y = pal_load_u8(p + 50);
        out->stride_x = pal_load_u8(p + 51);
        out->dilation_y = pal_load_u8(p + 52);
        out->dilation_x = pal_load_u8(p + 53);
        out->pad_top = pal_load_u8(p + 54);
        out->pad_left = pal_load_u8(p + 55);
        out->weights = pal_load_u32(p + 56);
        out->params = pal_load_u32(p + 60);
    } else {
        out->ifm2_offset = pal_load_u32(p + 48);
        out->ifm2_row = pal_load_u32(p + 52);
        out->ifm2_px = pal_load_u16(p + 56);
        out->scale = pal_load_u8(p + 58);
        out->scale2 = pal_load_u8(p + 59);
        out->reserved1 = pal_load_u32(p + 60);
    }
}

#endif /* PAL_SPEC_COMMANDS_H */
