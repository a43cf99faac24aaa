/* SPDX-License-Identifier: Apache-2.0 */
/* A NOR flash in memory that may lose its power at any operation. It ends the program if the code above breaks
 * the rules: a granule programmed twice, an access out of bounds or not aligned. */
#ifndef TESTS_RAM_FLASH_H
#define TESTS_RAM_FLASH_H

#include "firmware/flash.h"

/* What a cut operation leaves behind. */
enum ram_flash_torn {
    TORN_NOTHING_DONE, /* the power failed before it began */
    TORN_ALL_DONE,     /* it failed before the answer */
    TORN_PREFIX,       /* some first bytes done */
    TORN_BITS,         /* some of the bits done */
    TORN_ANYTHING,     /* random bytes */
    TORN_KINDS
};

struct ram_flash {
    struct flash flash;
    uint8_t *bytes;       /* flash.size */
    uint8_t *programmed;  /* by granule: 1 from its programming to the next erase */
    uint32_t *erases;     /* by sector */
    uint32_t operations;  /* programs and erases so far */
    uint32_t cut_at;      /* that one is torn, UINT32_MAX none */
    int cut;              /* the power is off: everything fails */
    enum ram_flash_torn torn;
    uint32_t random;
};

/* Erased; `seed` for what is random. The program ends when there is no memory. */
void ram_flash_init(struct ram_flash *ram, uint32_t size, uint32_t sector, uint32_t granule, uint32_t seed);
void ram_flash_free(struct ram_flash *ram);

/* Do so many more operations, then tear the next one; UINT32_MAX: never. */
void ram_flash_cut_after(struct ram_flash *ram, uint32_t operations);
void ram_flash_power_on(struct ram_flash *ram);

/* Content put there from outside, past the rules. */
void ram_flash_set(struct ram_flash *ram, uint32_t offset, const void *data, uint32_t size);
void ram_flash_blank(struct ram_flash *ram, uint32_t offset, uint32_t size);
void ram_flash_flip(struct ram_flash *ram, uint32_t offset, unsigned bit);

/* Copy content, wear and counters to a flash of the same shape. */
void ram_flash_copy(struct ram_flash *to, const struct ram_flash *from);

uint32_t ram_flash_random(struct ram_flash *ram);

#endif /* TESTS_RAM_FLASH_H */
