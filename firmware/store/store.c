/* SPDX-License-Identifier: Apache-2.0 */
/* The models that the directory lists, and the room between them. */
#include "firmware/store.h"

#include <string.h>

#include "directory.h"

static uint32_t round_up(uint32_t size)
{
    return (size + PAL_LINK_SECTOR - 1) / PAL_LINK_SECTOR * PAL_LINK_SECTOR;
}

static uint32_t data_begin(const struct store *store)
{
    uint32_t size = DIRECTORY_SIZE;
    return size < store->area.size ? size : store->area.size;
}

static uint32_t data_end(const struct store *store)
{
    return store->area.size / PAL_LINK_SECTOR * PAL_LINK_SECTOR;
}

/* The entry that is in the way of a piece, or NULL. */
static const struct store_entry *obstacle(const struct store *store, uint32_t offset, uint32_t size)
{
    for (uint32_t i = 0; i < store->count; i++) {
        const struct store_entry *entry = &store->entry[i];
        if (entry->offset < offset + size && offset < entry->offset + round_up(entry->size))
            return entry;
    }
    return NULL;
}

static int is_sound(const struct store *store, const struct store_entry *entry)
{
    uint32_t begin = data_begin(store), end = data_end(store);
    return entry->name[0] && entry->size && entry->size <= end - begin && entry->offset % PAL_LINK_SECTOR == 0 &&
           entry->offset >= begin && entry->offset <= end && round_up(entry->size) <= end - entry->offset &&
           !obstacle(store, entry->offset, round_up(entry->size));
}

static struct store_entry *find(struct store *store, const char name[PAL_LINK_NAME_BYTES])
{
    for (uint32_t i = 0; i < store->count; i++)
        if (!memcmp(store->entry[i].name, name, PAL_LINK_NAME_BYTES))
            return &store->entry[i];
    return NULL;
}

static void forget(struct store *store, struct store_entry *entry)
{
    uint32_t index = (uint32_t)(entry - store->entry);
    memmove(entry, entry + 1, (store->count - index - 1) * sizeof *entry);
    store->count--;
}

/* Follow one record of the directory; what cannot be is passed over. */
static void apply(void *ctx, enum directory_kind kind, const struct store_entry *entry)
{
    struct store *store = ctx;
    struct store_entry *known = find(store, entry->name);
    if (known)
        forget(store, known);
    if (kind == DIRECTORY_ADD && store->count < STORE_MODELS && is_sound(store, entry)) {
        store->entry[store->count++] = *entry;
        store->cursor = entry->offset + round_up(entry->size);
    }
}

int store_open(struct store *store, const struct flash_area *area)
{
    memset(store, 0, sizeof *store);
    store->area = *area;
    store->cursor = data_begin(store);
    int err = directory_read(store, apply, store);
    if (store->cursor % PAL_LINK_SECTOR || store->cursor < data_begin(store) || store->cursor > data_end(store))
        store->cursor = data_begin(store); /* no model may be written over the directory, whatever it says */
    return err;
}

const struct store_entry *store_find(const struct store *store, const char name[PAL_LINK_NAME_BYTES])
{
    for (uint32_t i = 0; i < store->count; i++)
        if (!memcmp(store->entry[i].name, name, PAL_LINK_NAME_BYTES))
            return &store->entry[i];
    return NULL;
}

/* The first piece of `size` free bytes in [from, to); `to` if there is none. */
static uint32_t first_fit(const struct store *store, uint32_t from, uint32_t to, uint32_t size)
{
    while (from < to && size <= to - from) {
        const struct store_entry *entry = obstacle(store, from, size);
        if (!entry)
            return from;
        from = entry->offset + round_up(entry->size);
    }
    return to;
}

int store_place(const struct store *store, uint32_t size, uint32_t *offset)
{
    uint32_t begin = data_begin(store), end = data_end(store);
    if (!size)
        return PAL_ERR_ARG;
    if (size > end - begin)
        return PAL_ERR_FULL;
    *offset = first_fit(store, store->cursor, end, round_up(size));
    if (*offset == end)
        *offset = first_fit(store, begin, end, round_up(size));
    return *offset == end ? PAL_ERR_FULL : PAL_OK;
}

/* What is in memory follows the flash, whatever happened to it. */
static int reread(struct store *store, int err)
{
    struct flash_area area = store->area;
    int again = store_open(store, &area);
    return err ? err : again;
}

int store_commit(struct store *store, const struct store_entry *entry)
{
    struct store_entry old, *known = find(store, entry->name);
    if (!known && store->count == STORE_MODELS)
        return PAL_ERR_FULL;
    int replaced = known != NULL;
    if (replaced) {
        old = *known;
        forget(store, known);
    }
    int sound = is_sound(store, entry) &&
                (!replaced || old.offset >= entry->offset + round_up(entry->size) ||
                 entry->offset >= old.offset + round_up(old.size)); /* until the record is written the old one lives */
    if (!sound)
        return reread(store, PAL_ERR_ARG);
    int err = directory_append(store, DIRECTORY_ADD, entry);
    if (err == PAL_ERR_FULL) {
        store->entry[store->count++] = *entry;
        store->cursor = entry->offset + round_up(entry->size);
        err = directory_rewrite(store);
    }
    return reread(store, err);
}

int store_remove(struct store *store, const char name[PAL_LINK_NAME_BYTES])
{
    struct store_entry *known = find(store, name);
    if (!known)
        return PAL_ERR_NOT_FOUND;
    struct store_entry gone = *known;
    int err = directory_append(store, DIRECTORY_REMOVE, &gone);
    if (err == PAL_ERR_FULL) {
        forget(store, known);
        err = directory_rewrite(store);
    }
    return reread(store, err);
}

void store_room(const struct store *store, uint32_t *free, uint32_t *largest)
{
    uint32_t begin = data_begin(store), end = data_end(store), from = begin;
    *free = *largest = 0;
    while (from < end) {
        uint32_t gap = end - from, next = end; /* up to the next model */
        for (uint32_t i = 0; i < store->count; i++) {
            const struct store_entry *entry = &store->entry[i];
            if (entry->offset >= from && entry->offset - from < gap) {
                gap = entry->offset - from;
                next = entry->offset + round_up(entry->size);
            }
        }
        *free += gap;
        if (gap > *largest)
            *largest = gap;
        from = next;
    }
}
