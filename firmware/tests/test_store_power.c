/* SPDX-License-Identifier: Apache-2.0 */
/* The power fails at every single flash operation of a change to the model store, and again at every one of the
 * attempt that follows. After each cut the other models are there whole, the one that changes is the old or the
 * new one, and the change then goes through. */
#include "store_rig.h"

#define SECTOR PAL_LINK_SECTOR
#define DATA_SECTORS 12u
#define RECORDS (DIRECTORY_PAGE_SIZE / 112u)
#define OTHERS 0x5A /* what lies before and after the store */
#define A_SIZE 5000u
#define C_SIZE SECTOR
#define OLD_SIZE (SECTOR + 1u)
#define NEW_SIZE (2u * SECTOR + 77u)

enum change { REPLACE, ADD, REMOVE, CHANGES };

static unsigned long cuts, lost;

/* A and C, and B unless it is to be added, in a directory page with so many records. */
static void make(struct rig *rig, enum change change, uint32_t granule, uint32_t records)
{
    rig_init(rig, DATA_SECTORS, granule, 1);
    memset(rig->ram.bytes, OTHERS, STORE_BEGIN);
    memset(rig->ram.bytes + rig->area.offset + rig->area.size, OTHERS, STORE_AFTER);
    CHECK_EQUAL(model_put(rig, 'A', 1, A_SIZE), PAL_OK);
    if (change != ADD)
        CHECK_EQUAL(model_put(rig, 'B', 1, OLD_SIZE), PAL_OK);
    CHECK_EQUAL(model_put(rig, 'C', 1, C_SIZE), PAL_OK);
    while (rig->store.used < records) {
        if (rig->store.used + 2 <= records) {
            CHECK_EQUAL(model_put(rig, 'x', 1, 1), PAL_OK);
            CHECK_EQUAL(model_remove(&rig->store, 'x'), PAL_OK);
        } else {
            CHECK_EQUAL(model_put(rig, 'C', 1, C_SIZE), PAL_OK);
        }
    }
    CHECK_EQUAL(rig->store.used, records);
}

/* The board starts and is asked for the change, as often as that is needed. */
static int attempt(struct rig *rig, enum change change)
{
    int err = store_open(&rig->store, &rig->area);
    if (err)
        return err;
    if (change == REMOVE)
        return model_find(&rig->store, 'B') ? model_remove(&rig->store, 'B') : PAL_OK;
    return model_is(rig, 'B', 2, NEW_SIZE) ? PAL_OK : model_put(rig, 'B', 2, NEW_SIZE);
}

static void keep(int holds)
{
    lost += !holds;
    CHECK_EQUAL(lost, 0);
}

/* With the power back. */
static void check(struct rig *rig, enum change change, uint32_t place)
{
    ram_flash_power_on(&rig->ram);
    CHECK_EQUAL(store_open(&rig->store, &rig->area), PAL_OK);
    check_sound(&rig->store);
    keep(model_is(rig, 'A', 1, A_SIZE) && model_is(rig, 'C', 1, C_SIZE));
    int is_new = change == REMOVE ? !model_find(&rig->store, 'B') : model_is(rig, 'B', 2, NEW_SIZE);
    int is_old = change == ADD ? !model_find(&rig->store, 'B') : model_is(rig, 'B', 1, OLD_SIZE);
    keep(is_new || is_old);
    CHECK_EQUAL(rig->store.count, 2 + (model_find(&rig->store, 'B') != NULL));
    uint32_t again;
    if (is_old) { /* the attempt that follows goes on where this one was */
        CHECK_EQUAL(store_place(&rig->store, NEW_SIZE, &again), PAL_OK);
        CHECK_EQUAL(again, place);
    }
    static uint8_t others[STORE_BEGIN];
    memset(others, OTHERS, sizeof others);
    CHECK(memcmp(rig->ram.bytes, others, STORE_BEGIN) == 0);
    CHECK(memcmp(rig->ram.bytes + rig->area.offset + rig->area.size, others, STORE_AFTER) == 0);
}

static void finish(struct rig *rig, enum change change)
{
    CHECK_EQUAL(attempt(rig, change), PAL_OK);
    CHECK_EQUAL(store_open(&rig->store, &rig->area), PAL_OK);
    keep(model_is(rig, 'A', 1, A_SIZE) && model_is(rig, 'C', 1, C_SIZE));
    CHECK(change == REMOVE ? !model_find(&rig->store, 'B') : model_is(rig, 'B', 2, NEW_SIZE));
}

static void test_cuts(enum change change, uint32_t granule, uint32_t records)
{
    struct rig fresh, first, second;
    uint32_t place;
    make(&fresh, change, granule, records);
    rig_init(&first, DATA_SECTORS, granule, 1);
    rig_init(&second, DATA_SECTORS, granule, 1);
    CHECK_EQUAL(store_place(&fresh.store, NEW_SIZE, &place), PAL_OK);
    for (uint32_t torn = 0; torn < TORN_KINDS; torn++)
        for (uint32_t cut = 0;; cut++) {
            rig_copy(&first, &fresh, torn + TORN_KINDS * cut);
            ram_flash_cut_after(&first.ram, cut);
            int err = attempt(&first, change);
            CHECK_EQUAL(err == PAL_OK, !first.ram.cut);
            if (!err)
                break;
            cuts++;
            check(&first, change, place);
            for (uint32_t next = 0;; next++) { /* torn in another way each time */
                rig_copy(&second, &first, torn + cut + next);
                ram_flash_cut_after(&second.ram, next);
                if (!attempt(&second, change))
                    break;
                cuts++;
                check(&second, change, place);
                finish(&second, change);
            }
            finish(&first, change);
        }
    ram_flash_free(&fresh.ram);
    ram_flash_free(&first.ram);
    ram_flash_free(&second.ram);
}

int main(void)
{
    for (enum change change = 0; change < CHANGES; change++)
        for (uint32_t granule = 1; granule <= 16; granule *= 16) {
            test_cuts(change, granule, 8);
            for (uint32_t records = RECORDS - 3; records <= RECORDS; records++) /* the page is full, or nearly */
                test_cuts(change, granule, records);
        }
    printf("power cuts: %lu cut points tried, %lu models lost\n", cuts, lost);
    return passed("store power");
}
