/* SPDX-License-Identifier: Apache-2.0 */
/* Flash memory as boot, store and update see it. */
#ifndef FIRMWARE_FLASH_H
#define FIRMWARE_FLASH_H

#include <stdint.h>

#include "pal/status.h"

/* A NOR flash: erased bytes read 0xFF; a granule is programmed at most once between two erases; after a power
 * cut during an operation the bytes it was to change read as anything. Functions get `ctx` and return 0 or
 * PAL_ERR_FLASH; offsets count from the start of the flash. The code above keeps within bounds. */
struct flash {
    void *ctx;
    uint32_t size;        /* bytes */
    uint32_t sector_size; /* bytes of an erase block; divides PAL_LINK_SECTOR */
    uint32_t granule;     /* bytes of the smallest program operation, 1 to 16, a power of two */
    int (*read)(void *ctx, uint32_t offset, void *data, uint32_t size);
    /* `offset` and `size` are multiples of the granule. */
    int (*program)(void *ctx, uint32_t offset, const void *data, uint32_t size);
    /* `offset` and `size` are multiples of the sector. */
    int (*erase)(void *ctx, uint32_t offset, uint32_t size);
    /* The flash as memory that the CPU may read, or NULL. */
    const uint8_t *window;
};

/* A part of a flash, whole sectors. */
struct flash_area {
    const struct flash *flash;
    uint32_t offset, size;
};

/* As above, with offsets from the start of the area; PAL_ERR_ARG outside of it. */
int flash_area_read(const struct flash_area *area, uint32_t offset, void *data, uint32_t size) PAL_MUST_CHECK;
int flash_area_program(const struct flash_area *area, uint32_t offset, const void *data, uint32_t size) PAL_MUST_CHECK;
int flash_area_erase(const struct flash_area *area, uint32_t offset, uint32_t size) PAL_MUST_CHECK;

#endif /* FIRMWARE_FLASH_H */
