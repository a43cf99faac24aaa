/* SPDX-License-Identifier: Apache-2.0 */
/* The model store: what it keeps, where it puts it, what it makes of garbage, and how it wears the flash. */
#include "store_rig.h"

#include "pal/crc32.h"
#include "pal/load.h"


#define SECTOR PAL_LINK_SECTOR
#define RECORD 112u /* bytes of a record of the directory, the last four its CRC-32 */

static void reopen(struct rig *rig)
{
    struct store before = rig->store;
    CHECK_EQUAL(store_open(&rig->store, &rig->area), PAL_OK);
    check_sound(&rig->store);
    CHECK_EQUAL(rig->store.count, before.count);
    CHECK_EQUAL(rig->store.cursor, before.cursor);
    for (uint32_t i = 0; i < before.count; i++) /* the order may change when the directory is compacted, not here */
        CHECK(memcmp(&rig->store.entry[i], &before.entry[i], sizeof before.entry[i]) == 0);
}

static void check_room(const struct rig *rig, uint32_t free_sectors, uint32_t largest_sectors)
{
    uint32_t free, largest, offset;
    store_room(&rig->store, &free, &largest);
    CHECK_EQUAL(free, free_sectors * SECTOR);
    CHECK_EQUAL(largest, largest_sectors * SECTOR);
    if (largest)
        CHECK_EQUAL(store_place(&rig->store, largest, &offset), PAL_OK);
    CHECK_EQUAL(store_place(&rig->store, largest + 1, &offset), PAL_ERR_FULL);
    CHECK_EQUAL(store_place(&rig->store, UINT32_MAX, &offset), PAL_ERR_FULL);
    CHECK_EQUAL(store_place(&rig->store, 0, &offset), PAL_ERR_ARG);
}

static void test_add_replace_remove(void)
{
    struct rig rig;
    rig_init(&rig, 12, 16, 1);
    CHECK_EQUAL(rig.store.count, 0);
    check_room(&rig, 12, 12);
    CHECK_EQUAL(model_remove(&rig.store, 'A'), PAL_ERR_NOT_FOUND);
    CHECK_EQUAL(model_put(&rig, 'A', 1, 5000), PAL_OK);
    CHECK_EQUAL(model_put(&rig, 'B', 1, 1), PAL_OK);
    CHECK_EQUAL(model_put(&rig, 'C', 1, SECTOR), PAL_OK);
    reopen(&rig);
    check_room(&rig, 8, 8);
    CHECK_EQUAL(model_put(&rig, 'B', 2, 3 * SECTOR), PAL_OK);
    reopen(&rig);
    CHECK_EQUAL(rig.store.count, 3);
    CHECK(model_is(&rig, 'A', 1, 5000) && model_is(&rig, 'B', 2, 3 * SECTOR) && model_is(&rig, 'C', 1, SECTOR));
    CHECK(!model_is(&rig, 'B', 1, 1));
    CHECK_EQUAL(model_remove(&rig.store, 'A'), PAL_OK);
    CHECK_EQUAL(model_remove(&rig.store, 'A'), PAL_ERR_NOT_FOUND);
    reopen(&rig);
    CHECK(model_find(&rig.store, 'A') == NULL && model_is(&rig, 'B', 2, 3 * SECTOR) && model_is(&rig, 'C', 1, SECTOR));
    ram_flash_free(&rig.ram);
}

/* Where a model must not be put. */
static void test_refused_places(void)
{
    struct rig rig;
    rig_init(&rig, 8, 16, 1);
    CHECK_EQUAL(model_put(&rig, 'A', 1, 2 * SECTOR), PAL_OK);
    const uint32_t taken = model_find(&rig.store, 'A')->offset, end = rig.area.size;
    const struct { uint32_t offset, size; } wrong[] = {
        {taken, 1}, {taken + SECTOR, SECTOR}, {0, SECTOR}, {DIRECTORY_SIZE - SECTOR, SECTOR},
        {end - SECTOR, SECTOR + 1}, {end, 1}, {end - SECTOR + 16, 16}, {end - SECTOR, 0},
        {end - SECTOR, UINT32_MAX}, {UINT32_MAX - SECTOR + 1, SECTOR}, {end - 2 * SECTOR, UINT32_MAX - SECTOR},
    };
    uint32_t operations = rig.ram.operations;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        for (char name = 'A'; name <= 'B'; name++) { /* also in place of itself: the old one lives until the record */
            struct store_entry entry = model_entry(name, 2, wrong[i].offset, wrong[i].size);
            CHECK_EQUAL(store_commit(&rig.store, &entry), PAL_ERR_ARG);
            CHECK(model_is(&rig, 'A', 1, 2 * SECTOR));
        }
    struct store_entry nameless = model_entry(0, 2, end - SECTOR, SECTOR);
    CHECK_EQUAL(store_commit(&rig.store, &nameless), PAL_ERR_ARG);
    CHECK_EQUAL(rig.ram.operations, operations);
    ram_flash_free(&rig.ram);

    struct store small;
    struct flash_area too_small = rig.area;
    too_small.size = DIRECTORY_SIZE - SECTOR;
    CHECK_EQUAL(store_open(&small, &too_small), PAL_ERR_ARG);
    CHECK_EQUAL(small.count, 0);
}

static void test_fragmentation(void)
{
    struct rig rig;
    rig_init(&rig, 9, 16, 1);
    for (char name = 'A'; name < 'J'; name++)
        CHECK_EQUAL(model_put(&rig, name, 1, 4000), PAL_OK);
    check_room(&rig, 0, 0);
    CHECK_EQUAL(model_put(&rig, 'A', 2, 1), PAL_ERR_FULL); /* the old version stays until the new one is there */
    CHECK(model_is(&rig, 'A', 1, 4000));
    for (char name = 'B'; name < 'J'; name = (char)(name + 2))
        CHECK_EQUAL(model_remove(&rig.store, name), PAL_OK);
    reopen(&rig);
    check_room(&rig, 4, 1);
    CHECK_EQUAL(model_remove(&rig.store, 'C'), PAL_OK);
    check_room(&rig, 5, 3);
    CHECK_EQUAL(model_put(&rig, 'B', 3, 3 * SECTOR), PAL_OK);
    check_room(&rig, 2, 1);
    CHECK(model_is(&rig, 'B', 3, 3 * SECTOR));
    for (char name = 'A'; name < 'J'; name = (char)(name + 2))
        CHECK_EQUAL(model_is(&rig, name, 1, 4000), name != 'C');
    reopen(&rig);
    ram_flash_free(&rig.ram);
}

static void test_full_directory(void)
{
    struct rig rig;
    rig_init(&rig, STORE_MODELS + 2, 16, 1);
    for (uint32_t i = 0; i < STORE_MODELS; i++)
        CHECK_EQUAL(model_put(&rig, (char)('!' + i), 1, 100 + i), PAL_OK);
    CHECK_EQUAL(model_put(&rig, 'z', 1, 100), PAL_ERR_FULL);
    for (uint32_t round = 2; round < 12; round++) /* replaced still; the directory is compacted again and again */
        for (uint32_t i = 0; i < STORE_MODELS; i++)
            CHECK_EQUAL(model_put(&rig, (char)('!' + i), round, 100 + i), PAL_OK);
    CHECK(rig.store.generation > 4);
    CHECK_EQUAL(store_open(&rig.store, &rig.area), PAL_OK);
    CHECK_EQUAL(rig.store.count, STORE_MODELS);
    for (uint32_t i = 0; i < STORE_MODELS; i++)
        CHECK(model_is(&rig, (char)('!' + i), 11, 100 + i));
    CHECK_EQUAL(model_remove(&rig.store, '!'), PAL_OK);
    CHECK_EQUAL(model_put(&rig, 'z', 1, 100), PAL_OK);
    ram_flash_free(&rig.ram);
}

/* Models come and go: the search for room begins behind the last one written, also after a compaction without it. */
static void test_next_fit(void)
{
    struct rig rig;
    uint32_t offset;
    rig_init(&rig, 8, 16, 1);
    CHECK_EQUAL(model_put(&rig, 'A', 1, SECTOR), PAL_OK);
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t before = rig.store.cursor;
        CHECK_EQUAL(store_place(&rig.store, SECTOR, &offset), PAL_OK);
        CHECK(offset == before || before == rig.area.size || before == model_find(&rig.store, 'A')->offset);
        CHECK_EQUAL(model_put(&rig, 'B', i, SECTOR), PAL_OK);
        CHECK_EQUAL(rig.store.cursor, offset + SECTOR);
        CHECK_EQUAL(model_remove(&rig.store, 'B'), PAL_OK);
        reopen(&rig);
        CHECK_EQUAL(rig.store.cursor, offset + SECTOR);
    }
    CHECK(rig.store.generation > 4);
    ram_flash_free(&rig.ram);
}

/* Erases of the sectors from `from` up to `to`, counted from the start of the area: least and most. */
static void erases(const struct rig *rig, uint32_t from, uint32_t to, uint32_t *least, uint32_t *most)
{
    *least = UINT32_MAX;
    *most = 0;
    for (uint32_t at = rig->area.offset + from; at < rig->area.offset + to; at += SECTOR) {
        uint32_t count = rig->ram.erases[at / SECTOR];
        *least = count < *least ? count : *least;
        *most = count > *most ? count : *most;
    }
}

/* Thousands of updates of models of different sizes, with some removals. */
static void test_wear(void)
{
    const uint32_t data_sectors = 48, updates = 6000;
    struct rig rig;
    uint32_t version[5] = {0}, size[5] = {0}, least, most;
    rig_init(&rig, data_sectors, 16, 7);
    for (uint32_t i = 0; i < updates; i++) {
        uint32_t which = ram_flash_random(&rig.ram) % 5;
        char name = (char)('A' + which);
        if (size[which] && ram_flash_random(&rig.ram) % 8 == 0) {
            CHECK_EQUAL(model_remove(&rig.store, name), PAL_OK);
            size[which] = 0;
            continue;
        }
        size[which] = 1 + ram_flash_random(&rig.ram) % ((which + 1) * SECTOR);
        CHECK_EQUAL(model_put(&rig, name, ++version[which], size[which]), PAL_OK);
    }
    CHECK_EQUAL(store_open(&rig.store, &rig.area), PAL_OK);
    for (uint32_t which = 0; which < 5; which++)
        CHECK_EQUAL(model_is(&rig, (char)('A' + which), version[which], size[which]), size[which] != 0);
    erases(&rig, DIRECTORY_SIZE, rig.area.size, &least, &most);
    printf("wear: %u updates, %u to %u erases of a sector of models", updates, least, most);
    CHECK(2 * most <= 5 * least);
    erases(&rig, 0, DIRECTORY_SIZE, &least, &most);
    printf(", %u to %u of the directory\n", least, most);
    CHECK(most <= least + 1); /* it is a ring */
    CHECK(most <= updates / 200);
    ram_flash_free(&rig.ram);
}

/* One of several models is updated again and again, the others stay: what is free is worn alike. */
static void test_wear_beside_others(void)
{
    const uint32_t updates = 3000;
    struct rig rig;
    uint32_t least, most;
    rig_init(&rig, 24, 16, 7);
    CHECK_EQUAL(model_put(&rig, 'A', 1, 7 * SECTOR), PAL_OK);
    uint32_t from = rig.store.cursor;
    for (uint32_t i = 0; i < updates; i++)
        CHECK_EQUAL(model_put(&rig, 'B', i, 2 * SECTOR + i % SECTOR), PAL_OK);
    CHECK(model_is(&rig, 'A', 1, 7 * SECTOR));
    erases(&rig, DIRECTORY_SIZE, from, &least, &most);
    CHECK_EQUAL(most, 1);
    erases(&rig, from, rig.area.size - 2 * SECTOR, &least, &most); /* the last two are too few for a third */
    CHECK(most <= least + 1);
    ram_flash_free(&rig.ram);
}

/* Whatever the flash holds, the store opens and takes models. */
static void check_usable(struct rig *rig)
{
    uint32_t free, largest;
    CHECK_EQUAL(store_open(&rig->store, &rig->area), PAL_OK);
    check_sound(&rig->store);
    store_room(&rig->store, &free, &largest);
    CHECK(largest <= free && free <= rig->area.size - DIRECTORY_SIZE && free % SECTOR == 0);
    if (!largest || (rig->store.count == STORE_MODELS && !model_find(&rig->store, 'q')))
        return;
    struct store before = rig->store;
    CHECK_EQUAL(model_put(rig, 'q', 3, largest), PAL_OK);
    check_sound(&rig->store);
    CHECK(model_is(rig, 'q', 3, largest));
    for (uint32_t i = 0; i < before.count; i++) {
        const struct store_entry *now = store_find(&rig->store, before.entry[i].name);
        CHECK(now != NULL && (now->name[0] == 'q' || now->offset == before.entry[i].offset));
    }
}

static void test_noise(void)
{
    struct rig rig;
    rig_init(&rig, 6, 16, 3);
    for (uint32_t round = 0; round < 100; round++) {
        for (uint32_t at = 0; at < rig.area.size; at++) {
            uint8_t byte = (uint8_t)(ram_flash_random(&rig.ram) >> 9);
            ram_flash_set(&rig.ram, rig.area.offset + at, &byte, 1);
        }
        check_usable(&rig);
        CHECK_EQUAL(rig.store.count, 1);
    }
    ram_flash_free(&rig.ram);
}

/* Three models in a directory that was compacted, then one was replaced and one removed. */
static void fill(struct rig *rig)
{
    rig_init(rig, 10, 16, 3);
    for (uint32_t i = 0; i < DIRECTORY_PAGE_SIZE / RECORD; i++)
        CHECK_EQUAL(model_put(rig, (char)('A' + i % 3), i, 1 + SECTOR * (i % 2)), PAL_OK);
    CHECK_EQUAL(model_put(rig, 'D', 1, 10), PAL_OK);
    CHECK_EQUAL(model_remove(&rig->store, 'A'), PAL_OK);
    CHECK_EQUAL(rig->store.generation, 2);
}

/* Each bit of the directory in use flips. No more than the record that it is in is lost. */
static void test_bit_flips(void)
{
    struct rig fresh, rig;
    fill(&fresh);
    rig_init(&rig, 10, 16, 3);
    uint32_t from = fresh.area.offset + fresh.store.directory * DIRECTORY_PAGE_SIZE, size = (fresh.store.used + 1) * RECORD;
    for (uint32_t bit = 0; bit < 8 * size; bit++) {
        rig_copy(&rig, &fresh, bit);
        ram_flash_flip(&rig.ram, from + bit / 8, bit % 8);
        CHECK_EQUAL(store_open(&rig.store, &rig.area), PAL_OK);
        CHECK(bit < 8 * RECORD || rig.store.count + 1 >= fresh.store.count);
        check_usable(&rig);
    }
    ram_flash_free(&fresh.ram);
    ram_flash_free(&rig.ram);
}

/* Records with a right CRC that say anything. */
static void test_forged_records(void)
{
    static const uint32_t interesting[] = {0, 1, 2, SECTOR, SECTOR - 1, DIRECTORY_SIZE, DIRECTORY_SIZE + SECTOR,
                                           DIRECTORY_SIZE + 10 * SECTOR, 0x44, 72, 73, 0x7FFFFFFF, 0x80000000, UINT32_MAX};
    static const uint32_t fields[] = {0, 4, 8, 40, 88, 92, 96};
    struct rig fresh, rig;
    fill(&fresh);
    rig_init(&rig, 10, 16, 3);
    for (uint32_t round = 0; round < 4000; round++) {
        uint8_t record[RECORD];
        rig_copy(&rig, &fresh, round);
        for (uint32_t n = 0; n < 3; n++) {
            uint32_t at = rig.area.offset + ram_flash_random(&rig.ram) % DIRECTORY_PAGES * DIRECTORY_PAGE_SIZE +
                          ram_flash_random(&rig.ram) % (rig.store.used + 2) * RECORD;
            uint32_t field = fields[ram_flash_random(&rig.ram) % 7], what = ram_flash_random(&rig.ram);
            memcpy(record, rig.ram.bytes + at, RECORD);
            pal_store_u32(record + field, what % 2 ? interesting[what / 2 % 14] : pal_load_u32(record + field) + what % 9 - 4);
            pal_store_u32(record + RECORD - 4, pal_crc32(0, record, RECORD - 4));
            ram_flash_set(&rig.ram, at, record, RECORD);
        }
        check_usable(&rig);
    }
    ram_flash_free(&fresh.ram);
    ram_flash_free(&rig.ram);
}

int main(void)
{
    test_add_replace_remove();
    test_refused_places();
    test_fragmentation();
    test_full_directory();
    test_next_fit();
    test_wear();
    test_wear_beside_others();
    test_noise();
    test_bit_flips();
    test_forged_records();
    return passed("store");
}
