/* SPDX-License-Identifier: Apache-2.0 */
#include "ram_flash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void rule(int holds, const char *text)
{
    if (!holds) {
        fprintf(stderr, "flash: %s\n", text);
        abort();
    }
}

uint32_t ram_flash_random(struct ram_flash *ram)
{
    ram->random ^= ram->random << 13;
    ram->random ^= ram->random >> 17;
    ram->random ^= ram->random << 5;
    return ram->random;
}

static void mark(struct ram_flash *ram, uint32_t offset, uint32_t size)
{
    uint32_t granule = ram->flash.granule;
    for (uint32_t g = offset / granule; g * granule < offset + size; g++) {
        ram->programmed[g] = 0;
        for (uint32_t i = 0; i < granule; i++)
            ram->programmed[g] |= ram->bytes[g * granule + i] != 0xFF;
    }
}

/* The bytes were to become `goal`, or 0xFF if that is NULL. */
static void tear(struct ram_flash *ram, uint32_t offset, const uint8_t *goal, uint32_t size)
{
    uint32_t done = ram->torn == TORN_ALL_DONE ? size : ram->torn == TORN_PREFIX ? ram_flash_random(ram) % size : 0;
    for (uint32_t i = 0; i < size; i++) {
        uint8_t *byte = &ram->bytes[offset + i], wanted = goal == NULL ? 0xFF : goal[i];
        uint8_t mask = (uint8_t)(ram_flash_random(ram) >> 7);
        if (i < done)
            *byte = wanted;
        else if (ram->torn == TORN_BITS)
            *byte = (uint8_t)((*byte & mask) | (wanted & ~mask));
        else if (ram->torn == TORN_ANYTHING)
            *byte = mask;
    }
    mark(ram, offset, size);
}

/* Count an operation; 1 if it is the one that is cut. */
static int falls(struct ram_flash *ram)
{
    ram->cut = ram->operations == ram->cut_at;
    ram->operations++;
    return ram->cut;
}

static int flash_read(void *ctx, uint32_t offset, void *data, uint32_t size)
{
    struct ram_flash *ram = ctx;
    rule(offset <= ram->flash.size && size <= ram->flash.size - offset, "read out of bounds");
    if (ram->cut)
        return PAL_ERR_FLASH;
    memcpy(data, ram->bytes + offset, size);
    return PAL_OK;
}

static int flash_program(void *ctx, uint32_t offset, const void *data, uint32_t size)
{
    struct ram_flash *ram = ctx;
    uint32_t granule = ram->flash.granule;
    rule(offset <= ram->flash.size && size <= ram->flash.size - offset, "program out of bounds");
    rule(size != 0 && offset % granule == 0 && size % granule == 0, "program not aligned");
    if (ram->cut)
        return PAL_ERR_FLASH;
    for (uint32_t g = offset / granule; g < (offset + size) / granule; g++)
        rule(!ram->programmed[g], "a granule is programmed twice");
    if (falls(ram)) {
        tear(ram, offset, data, size);
        return PAL_ERR_FLASH;
    }
    memcpy(ram->bytes + offset, data, size);
    memset(ram->programmed + offset / granule, 1, size / granule);
    return PAL_OK;
}

static int flash_erase(void *ctx, uint32_t offset, uint32_t size)
{
    struct ram_flash *ram = ctx;
    uint32_t sector = ram->flash.sector_size;
    rule(offset <= ram->flash.size && size <= ram->flash.size - offset, "erase out of bounds");
    rule(size != 0 && offset % sector == 0 && size % sector == 0, "erase not aligned");
    if (ram->cut)
        return PAL_ERR_FLASH;
    for (uint32_t at = offset; at < offset + size; at += sector) {
        ram->erases[at / sector]++;
        if (falls(ram)) {
            tear(ram, at, NULL, sector);
            return PAL_ERR_FLASH;
        }
        memset(ram->bytes + at, 0xFF, sector);
        mark(ram, at, sector);
    }
    return PAL_OK;
}

static void *room(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    rule(memory != NULL, "no memory");
    return memory;
}

void ram_flash_init(struct ram_flash *ram, uint32_t size, uint32_t sector, uint32_t granule, uint32_t seed)
{
    *ram = (struct ram_flash){ .flash = { ram, size, sector, granule, flash_read, flash_program, flash_erase, NULL },
                               .bytes = room(size, 1),
                               .programmed = room(size / granule, 1),
                               .erases = room(size / sector, sizeof(uint32_t)),
                               .cut_at = UINT32_MAX,
                               .torn = (enum ram_flash_torn)(seed % TORN_KINDS),
                               .random = seed * 2654435761u + 1u };
    memset(ram->bytes, 0xFF, size);
    ram->random += ram->random == 0;
}

void ram_flash_free(struct ram_flash *ram)
{
    free(ram->bytes);
    free(ram->programmed);
    free(ram->erases);
}

void ram_flash_cut_after(struct ram_flash *ram, uint32_t operations)
{
    ram->cut_at = operations == UINT32_MAX ? UINT32_MAX : ram->operations + operations;
}

void ram_flash_power_on(struct ram_flash *ram)
{
    ram->cut = 0;
    ram->cut_at = UINT32_MAX;
}

void ram_flash_set(struct ram_flash *ram, uint32_t offset, const void *data, uint32_t size)
{
    memcpy(ram->bytes + offset, data, size);
    mark(ram, offset, size);
}

void ram_flash_blank(struct ram_flash *ram, uint32_t offset, uint32_t size)
{
    memset(ram->bytes + offset, 0xFF, size);
    mark(ram, offset, size);
}

void ram_flash_flip(struct ram_flash *ram, uint32_t offset, unsigned bit)
{
    ram->bytes[offset] = (uint8_t)(ram->bytes[offset] ^ (1u << bit));
    mark(ram, offset, 1);
}

void ram_flash_copy(struct ram_flash *to, const struct ram_flash *from)
{
    uint32_t size = from->flash.size;
    memcpy(to->bytes, from->bytes, size);
    memcpy(to->programmed, from->programmed, size / from->flash.granule);
    memcpy(to->erases, from->erases, size / from->flash.sector_size * sizeof(uint32_t));
    to->operations = from->operations;
}
