/* SPDX-License-Identifier: Apache-2.0 */
/* The model store: what it keeps, where it puts it, what it makes of garbage, and how it wears the flash. */
#include "store_rig.h"


#define SECTOR PAL_LINK_SECTOR

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

int main(void)
{
    test_add_replace_remove();
    test_refused_places();
    test_fragmentation();
    test_full_directory();
    return passed("store");
}
