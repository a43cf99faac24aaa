/* SPDX-License-Identifier: Apache-2.0 */
#include "directory.h"

#include <string.h>

#include "pal/crc32.h"
#include "pal/load.h"

/* A record: kind, generation, name, label, digest, offset, size, count, and the CRC-32 of all that. */
#define RECORD_SIZE 112u /* a multiple of every granule */
#define RECORD_CRC (RECORD_SIZE - 4u)
#define RECORDS (DIRECTORY_PAGE_SIZE / RECORD_SIZE)
#define HEADER 0x44u /* the kind of a page's first record: `count` records of its list follow, cursor in `offset` */

struct record {
    uint32_t kind, generation, offset, size, count;
    struct store_entry entry;
};

static uint32_t place_of(uint32_t page, uint32_t index)
{
    return page * DIRECTORY_PAGE_SIZE + index * RECORD_SIZE;
}

static void encode(uint8_t bytes[RECORD_SIZE], const struct record *record)
{
    memset(bytes, 0, RECORD_SIZE);
    pal_store_u32(bytes, record->kind);
    pal_store_u32(bytes + 4, record->generation);
    memcpy(bytes + 8, record->entry.name, 32);
    memcpy(bytes + 40, record->entry.label, 16);
    memcpy(bytes + 56, record->entry.digest, 32);
    pal_store_u32(bytes + 88, record->offset);
    pal_store_u32(bytes + 92, record->size);
    pal_store_u32(bytes + 96, record->count);
    pal_store_u32(bytes + RECORD_CRC, pal_crc32(0, bytes, RECORD_CRC));
}

enum { SOUND, BLANK, TORN };

/* Read a record: 0 and what it is in `state`, or PAL_ERR_FLASH. */
static int read_record(const struct store *store, uint32_t page, uint32_t index, struct record *record, int *state)
{
    uint8_t bytes[RECORD_SIZE];
    int err = flash_area_read(&store->area, place_of(page, index), bytes, sizeof bytes);
    if (err)
        return err;
    *state = BLANK;
    for (uint32_t i = 0; i < sizeof bytes && *state == BLANK; i++)
        if (bytes[i] != 0xFF)
            *state = TORN;
    if (*state == BLANK || pal_load_u32(bytes + RECORD_CRC) != pal_crc32(0, bytes, RECORD_CRC))
        return PAL_OK;
    *state = SOUND;
    record->kind = pal_load_u32(bytes);
    record->generation = pal_load_u32(bytes + 4);
    memcpy(record->entry.name, bytes + 8, 32);
    memcpy(record->entry.label, bytes + 40, 16);
    memcpy(record->entry.digest, bytes + 56, 32);
    record->offset = record->entry.offset = pal_load_u32(bytes + 88);
    record->size = record->entry.size = pal_load_u32(bytes + 92);
    record->count = pal_load_u32(bytes + 96);
    return PAL_OK;
}

static int write_record(const struct store *store, uint32_t page, uint32_t index, const struct record *record)
{
    uint8_t bytes[RECORD_SIZE], found[RECORD_SIZE];
    encode(bytes, record);
    int err = flash_area_program(&store->area, place_of(page, index), bytes, sizeof bytes);
    if (!err)
        err = flash_area_read(&store->area, place_of(page, index), found, sizeof found);
    return err ? err : memcmp(bytes, found, sizeof bytes) ? PAL_ERR_FLASH : PAL_OK;
}

static int is_header(const struct record *record, int state)
{
    return state == SOUND && record->kind == HEADER && record->count < RECORDS;
}

int directory_read(struct store *store, void (*apply)(void *, enum directory_kind, const struct store_entry *), void *ctx)
{
    struct record record, header = {0};
    int state, found = 0;
    store->directory = DIRECTORY_PAGES - 1; /* without a page: the next one to write is the first, and now */
    store->used = RECORDS;
    store->generation = 0;
    if (store->area.size < DIRECTORY_SIZE)
        return PAL_ERR_ARG;
    for (uint32_t page = 0; page < DIRECTORY_PAGES; page++) {
        int err = read_record(store, page, 0, &record, &state);
        if (err)
            return err;
        if (is_header(&record, state) && (!found || (int32_t)(record.generation - header.generation) > 0)) {
            found = 1;
            header = record;
            store->directory = page;
        }
    }
    if (!found)
        return PAL_OK;
    store->generation = header.generation;
    uint32_t index = 1;
    for (; index < RECORDS; index++) {
        int err = read_record(store, store->directory, index, &record, &state);
        if (err)
            return err;
        if (index == header.count + 1 && header.offset)
            store->cursor = header.offset;
        if (state == BLANK && index > header.count)
            break;
        if (state == SOUND && record.generation == header.generation &&
            (record.kind == DIRECTORY_ADD || record.kind == DIRECTORY_REMOVE))
            apply(ctx, (enum directory_kind)record.kind, &record.entry);
    }
    store->used = index;
    return PAL_OK;
}

int directory_append(struct store *store, enum directory_kind kind, const struct store_entry *entry)
{
    struct record record = {(uint32_t)kind, store->generation, entry->offset, entry->size, 0, *entry};
    if (store->used >= RECORDS)
        return PAL_ERR_FULL;
    return write_record(store, store->directory, store->used++, &record);
}

static int write_page(const struct store *store, uint32_t page)
{
    uint32_t generation = store->generation + 1;
    int err = flash_area_erase(&store->area, place_of(page, 0), DIRECTORY_PAGE_SIZE);
    for (uint32_t i = 0; !err && i < store->count; i++) {
        const struct store_entry *entry = &store->entry[i];
        struct record record = {DIRECTORY_ADD, generation, entry->offset, entry->size, 0, *entry};
        err = write_record(store, page, i + 1, &record);
    }
    struct record header = {HEADER, generation, store->cursor, 0, store->count, {{0}, {0}, {0}, 0, 0}};
    return err ? err : write_record(store, page, 0, &header);
}

int directory_rewrite(struct store *store)
{
    int err = PAL_ERR_FLASH;
    for (uint32_t i = 1; err && i < DIRECTORY_PAGES; i++) /* past a page with bad cells */
        err = write_page(store, (store->directory + i) % DIRECTORY_PAGES);
    return err;
}
