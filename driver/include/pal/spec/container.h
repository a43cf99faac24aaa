/* Generated from driver/spec by `make generate`: container. Do not edit. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAL_SPEC_CONTAINER_H
#define PAL_SPEC_CONTAINER_H

#include <stdint.h>
#include "pal/load.h"

#define PAL_FILE_MAGIC {0x89, 0x50, 0x41, 0x4C, 0x0D, 0x0A, 0x1A, 0x0A}
#define PAL_FILE_VERSION_MAJOR 1u
#define PAL_FILE_VERSION_MINOR 0u
#define PAL_FILE_ALIGN 16u
#define PAL_FILE_MAX_SECTIONS 16u
#define PAL_FILE_MAX_RANK 8u
#define PAL_FILE_MAX_COMMANDS 65535u
#define PAL_FILE_MAX_LAYERS 65535u
#define PAL_FILE_MAX_TENSORS 64u
#define PAL_FILE_CODING_RUNS 16u
#define PAL_FILE_CODING_LANES 16u
#define PAL_FILE_CODING_CLASSES 32u
#define PAL_FILE_CODING_SEGMENT 0x40000u
#define PAL_FILE_CODING_MAX_LENGTH 15u
#define PAL_FILE_CODING_SIZE_BITS 28u
#define PAL_FILE_CODING_TABLE 0x80000000u

enum pal_section_type {
    PAL_SECTION_TENSORS = 1, /* array of tensor records: inputs and outputs */
    PAL_SECTION_COMMANDS = 2, /* array of descriptors, see commands.toml */
    PAL_SECTION_CONSTANTS = 3, /* the MODEL region: weights, params, tables */
    PAL_SECTION_STRINGS = 4, /* NUL-terminated UTF-8; offset 0 is the empty string */
    PAL_SECTION_LAYERS = 5, /* array of layer records */
    PAL_SECTION_KAT = 6, /* known-answer test: a kat record, then output_size bytes of expected OUTPUT region */
    PAL_SECTION_TRACE = 7, /* host only: per layer ONNX value name, shape, layout, bias, report figures */
    PAL_SECTION_PROVENANCE = 8, /* host only: source hash, compiler version, options */
};

enum pal_encoding {
    PAL_ENCODING_PLAIN = 0, /* as it is */
    PAL_ENCODING_ZLIB = 1, /* host-only sections */
    PAL_ENCODING_SEGMENTS = 2, /* CONSTANTS: a row of segments without gaps; docs/weight-coding.md describes them */
};

enum pal_segment_kind {
    PAL_SEGMENT_RAW = 0, /* the bytes themselves */
    PAL_SEGMENT_WEIGHTS = 1, /* weight codes; none is 0x80 */
    PAL_SEGMENT_PARAMS = 2, /* i32 n times, then i16 n times */
};

enum pal_sign_mode {
    PAL_SIGN_APART = 0, /* one bit after the symbol of the magnitude */
    PAL_SIGN_JOINED = 1, /* symbols are magnitudes with signs */
    PAL_SIGN_BEFORE = 2, /* joined; a sign is 1 if it differs from that of the nonzero byte before */
    PAL_SIGN_LANE = 3, /* joined; a sign is 1 if it differs from that of the nonzero byte before in the same lane */
};

#define PAL_FILE_HEADER_SIZE 48u

/* One header record of model.pal. */
struct pal_file_header {
    uint8_t magic[8];
    uint16_t version_major;
    uint16_t version_minor;
    uint32_t file_size;
    uint32_t section_count;
    uint32_t target; /* target id */
    uint32_t arena_size; /* bytes of each region that a session provides */
    uint32_t sram_size;
    uint32_t input_size;
    uint32_t output_size;
    uint32_t reserved; /* 0 */
    uint32_t crc; /* CRC of the header with this field 0, then the section table */
};

static inline void pal_file_header_load(struct pal_file_header *out, const uint8_t *p)
{
    for (unsigned i = 0; i < 8u; i++) {
        out->magic[i] = pal_load_u8(p + 0u + 1u * i);
    }
    out->version_major = pal_load_u16(p + 8);
    out->version_minor = pal_load_u16(p + 10);
    out->file_size = pal_load_u32(p + 12);
    out->section_count = pal_load_u32(p + 16);
    out->target = pal_load_u32(p + 20);
    out->arena_size = pal_load_u32(p + 24);
    out->sram_size = pal_load_u32(p + 28);
    out->input_size = pal_load_u32(p + 32);
    out->output_size = pal_load_u32(p + 36);
    out->reserved = pal_load_u32(p + 40);
    out->crc = pal_load_u32(p + 44);
}

#define PAL_FILE_SECTION_SIZE 24u

/* One section record of model.pal. */
struct pal_file_section {
    uint32_t type;
    uint32_t encoding;
    uint32_t offset;
    uint32_t size; /* bytes stored */
    uint32_t decoded_size;
    uint32_t crc; /* of the bytes stored */
};

static inline void pal_file_section_load(struct pal_file_section *out, const uint8_t *p)
{
    out->type = pal_load_u32(p + 0);
    out->encoding = pal_load_u32(p + 4);
    out->offset = pal_load_u32(p + 8);
    out->size = pal_load_u32(p + 12);
    out->decoded_size = pal_load_u32(p + 16);
    out->crc = pal_load_u32(p + 20);
}

#define PAL_FILE_SEGMENT_SIZE 8u

/* One segment record of model.pal. */
struct pal_file_segment {
    uint32_t decoded_size;
    uint32_t stored; /* bytes stored; kind; whether it has its own table or that of the segment of this kind before */
};

static inline void pal_file_segment_load(struct pal_file_segment *out, const uint8_t *p)
{
    out->decoded_size = pal_load_u32(p + 0);
    out->stored = pal_load_u32(p + 4);
}

#define PAL_FILE_TENSOR_SIZE 60u

/* One tensor record of model.pal. */
struct pal_file_tensor {
    uint32_t name; /* offset in STRINGS */
    uint8_t region; /* INPUT or OUTPUT */
    uint8_t rank;
    int16_t bias;
    uint32_t offset; /* in its region */
    uint32_t size; /* bytes of one sample */
    uint32_t flags; /* bit 0: axis 0 is a dynamic batch, of which this file computes one sample; bit 1: elements are u32 indices, not codes */
    uint32_t shape[8]; /* as in ONNX; a dynamic batch is 1 */
    uint8_t order[8]; /* axis stored at each physical position, outermost first */
};

static inline void pal_file_tensor_load(struct pal_file_tensor *out, const uint8_t *p)
{
    out->name = pal_load_u32(p + 0);
    out->region = pal_load_u8(p + 4);
    out->rank = pal_load_u8(p + 5);
    out->bias = (int16_t)pal_load_u16(p + 6);
    out->offset = pal_load_u32(p + 8);
    out->size = pal_load_u32(p + 12);
    out->flags = pal_load_u32(p + 16);
    for (unsigned i = 0; i < 8u; i++) {
        out->shape[i] = pal_load_u32(p + 20u + 4u * i);
    }
    for (unsigned i = 0; i < 8u; i++) {
        out->order[i] = pal_load_u8(p + 52u + 1u * i);
    }
}

#define PAL_FILE_LAYER_SIZE 20u

/* One layer record of model.pal. */
struct pal_file_layer {
    uint32_t name; /* offset in STRINGS */
    uint32_t op; /* offset in STRINGS */
    uint16_t first_command;
    uint16_t command_count;
    uint32_t macs_low;
    uint32_t macs_high;
};

static inline void pal_file_layer_load(struct pal_file_layer *out, const uint8_t *p)
{
    out->name = pal_load_u32(p + 0);
    out->op = pal_load_u32(p + 4);
    out->first_command = pal_load_u16(p + 8);
    out->command_count = pal_load_u16(p + 10);
    out->macs_low = pal_load_u32(p + 12);
    out->macs_high = pal_load_u32(p + 16);
}

#define PAL_FILE_KAT_SIZE 8u

/* One kat record of model.pal. */
struct pal_file_kat {
    uint32_t seed; /* not 0 */
    uint32_t output_size;
};

static inline void pal_file_kat_load(struct pal_file_kat *out, const uint8_t *p)
{
    out->seed = pal_load_u32(p + 0);
    out->output_size = pal_load_u32(p + 4);
}


#endif /* PAL_SPEC_CONTAINER_H */
