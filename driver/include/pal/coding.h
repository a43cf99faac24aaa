/* SPDX-License-Identifier: Apache-2.0 */
/* Coded constants of a model.pal (section encoding 2), decoded a piece at a time; see docs/weight-coding.md. */
#ifndef PAL_CODING_H
#define PAL_CODING_H

#include <stddef.h>
#include <stdint.h>

#include "pal/spec/container.h"
#include "pal/status.h"

#define PAL_CODING_LITERALS 255u /* symbols of weights that are a nonzero byte, at most */
#define PAL_CODING_SYMBOLS (PAL_FILE_CODING_RUNS + PAL_CODING_LITERALS + 2u * PAL_FILE_CODING_CLASSES)

/* One canonical Huffman code. A word of MAX_LENGTH bits below limit[n] begins with a code of at most n bits;
 * symbols of n bits start at first[n] of the context's table. */
struct pal_code {
    uint16_t limit[PAL_FILE_CODING_MAX_LENGTH + 1u];
    uint16_t first[PAL_FILE_CODING_MAX_LENGTH + 1u];
    uint8_t shortest; /* bits */
};

/* The bits of one segment: `bits` holds `count` of them on top, of which the last `padding` are behind its end. */
struct pal_bits {
    const uint8_t *next, *stop;
    uint32_t bits, count, padding;
};

/* All state: under 1 KiB, and no pointer into itself. Private. */
struct pal_coding {
    struct pal_bits in;
    const uint8_t *end;            /* of all bytes stored */
    uint32_t kind, size, position; /* of this segment, in bytes decoded */
    uint32_t value;
    uint16_t runs[PAL_FILE_CODING_LANES]; /* zeros still to come in each lane */
    uint16_t signs;                       /* of the last nonzero byte in each lane */
    uint8_t has_table[PAL_SEGMENT_PARAMS + 1];
    uint8_t mode;
    struct pal_code weights, biases, offsets;
    uint16_t symbols[PAL_CODING_SYMBOLS];
};

/* Start at the beginning of `size` stored bytes, which must outlive the decoding. */
void pal_coding_init(struct pal_coding *coding, const void *data, size_t size);

/* Decode the next `size` bytes. PAL_ERR_FORMAT if the stored bytes are damaged or too few: then `out` is
 * unspecified, and every later call fails too. Total: any stored bytes are safe. Needs about 350 bytes of stack. */
int pal_coding_read(struct pal_coding *coding, void *out, size_t size) PAL_MUST_CHECK;

/* PAL_OK if all stored bytes were used and all that they decode to was read, else PAL_ERR_FORMAT. */
int pal_coding_end(const struct pal_coding *coding) PAL_MUST_CHECK;

#endif /* PAL_CODING_H */
