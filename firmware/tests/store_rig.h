/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the model store share: an area in the middle of a flash, and models with a name of one letter
 * whose bytes follow from name and version. */
#ifndef TESTS_STORE_RIG_H
#define TESTS_STORE_RIG_H

#include <string.h>

#include "check.h"
#include "firmware/store.h"
#include "ram_flash.h"
#include "store/directory.h"

#define STORE_BEGIN (2u * PAL_LINK_SECTOR) /* other things lie before and after */
#define STORE_AFTER PAL_LINK_SECTOR
#define PROGRAM_BYTES 1024u

struct rig {
    struct ram_flash ram;
    struct flash_area area;
    struct store store;
};

static inline void rig_init(struct rig *rig, uint32_t data_sectors, uint32_t granule, uint32_t seed)
{
    uint32_t size = DIRECTORY_SIZE + data_sectors * PAL_LINK_SECTOR;
    ram_flash_init(&rig->ram, STORE_BEGIN + size + STORE_AFTER, PAL_LINK_SECTOR, granule, seed);
    rig->area = (struct flash_area){&rig->ram.flash, STORE_BEGIN, size};
    CHECK_EQUAL(store_open(&rig->store, &rig->area), PAL_OK);
}

/* The same content, wear and store, without an interruption to come. */
static inline void rig_copy(struct rig *to, const struct rig *from, uint32_t seed)
{
    ram_flash_copy(&to->ram, &from->ram);
    ram_flash_power_on(&to->ram);
    to->ram.torn = (enum ram_flash_torn)(seed % TORN_KINDS);
    to->ram.random = seed * 2654435761u + 1u;
    to->ram.random += to->ram.random == 0;
    to->store = from->store;
    to->store.area = to->area;
}

static inline uint8_t model_byte(char name, uint32_t version, uint32_t at)
{
    return (uint8_t)((uint32_t)name * 31u + version * 101u + at * 7u + (at >> 8) * 13u);
}

static inline struct store_entry model_entry(char name, uint32_t version, uint32_t offset, uint32_t size)
{
    struct store_entry entry = {.name = {name}, .label = "kws01", .offset = offset, .size = size};
    memset(entry.digest, (int)(version & 0xFF), sizeof entry.digest);
    return entry;
}

static inline const struct store_entry *model_find(const struct store *store, char name)
{
    const char whole[PAL_LINK_NAME_BYTES] = {name};
    return store_find(store, whole);
}

static inline int model_remove(struct store *store, char name)
{
    const char whole[PAL_LINK_NAME_BYTES] = {name};
    return store_remove(store, whole);
}

/* Write a model where there is room and commit it. */
static inline int model_put(struct rig *rig, char name, uint32_t version, uint32_t size)
{
    uint32_t offset;
    int err = store_place(&rig->store, size, &offset);
    for (uint32_t at = 0; !err && at < size; at += PROGRAM_BYTES) {
        uint8_t bytes[PROGRAM_BYTES];
        for (uint32_t i = 0; i < PROGRAM_BYTES; i++)
            bytes[i] = at + i < size ? model_byte(name, version, at + i) : 0xFF;
        if (at % PAL_LINK_SECTOR == 0)
            err = flash_area_erase(&rig->area, offset + at, PAL_LINK_SECTOR);
        if (!err)
            err = flash_area_program(&rig->area, offset + at, bytes, PROGRAM_BYTES);
    }
    if (err)
        return err;
    struct store_entry entry = model_entry(name, version, offset, size);
    return store_commit(&rig->store, &entry);
}

/* Whether the store has that version of a model, whole. */
static inline int model_is(const struct rig *rig, char name, uint32_t version, uint32_t size)
{
    const struct store_entry *found = model_find(&rig->store, name);
    if (!found)
        return 0;
    struct store_entry wanted = model_entry(name, version, found->offset, size);
    if (memcmp(found->name, wanted.name, sizeof wanted.name) || memcmp(found->label, wanted.label, sizeof wanted.label) ||
        memcmp(found->digest, wanted.digest, sizeof wanted.digest) || found->size != size)
        return 0;
    const uint8_t *bytes = rig->ram.bytes + rig->area.offset + found->offset;
    for (uint32_t i = 0; i < size; i++)
        if (bytes[i] != model_byte(name, version, i))
            return 0;
    return 1;
}

/* What always holds: models lie in the data area, in whole sectors, apart, with different names. */
static inline void check_sound(const struct store *store)
{
    CHECK(store->count <= STORE_MODELS);
    for (uint32_t i = 0; i < store->count; i++) {
        const struct store_entry *a = &store->entry[i];
        CHECK(a->name[0] && a->size && a->offset % PAL_LINK_SECTOR == 0 && a->offset >= DIRECTORY_SIZE);
        CHECK(a->offset <= store->area.size && a->size <= store->area.size - a->offset);
        for (uint32_t j = 0; j < i; j++) {
            const struct store_entry *b = &store->entry[j];
            CHECK(a->offset >= b->offset + b->size || b->offset >= a->offset + a->size);
            CHECK(memcmp(a->name, b->name, sizeof a->name) != 0);
        }
    }
}

#endif /* TESTS_STORE_RIG_H */
