/* SPDX-License-Identifier: Apache-2.0 */
/* Transfers into the model store; apart, so that a bootloader without a store has none of it. */
#include "models.h"

#include <string.h>

#include "pal/model.h"

/* Text up to the first zero, zeros from there on. */
static int is_text(const uint8_t *bytes, uint32_t size)
{
    uint32_t i = 0;
    while (i < size && bytes[i] >= 32 && bytes[i] != 127)
        i++;
    while (i < size && !bytes[i])
        i++;
    return i == size;
}

static int begin_model(struct update *update)
{
    const struct pal_link_begin *begin = &update->begin;
    struct store *store = update->store;
    uint32_t offset, size = (begin->size + PAL_LINK_SECTOR - 1) / PAL_LINK_SECTOR * PAL_LINK_SECTOR;
    if (!begin->name[0] || !is_text(begin->name, sizeof begin->name) || !is_text(begin->label, sizeof begin->label))
        return PAL_ERR_ARG;
    update->transfer.slot = BOOT_NO_SLOT;
    const struct store_entry *known = store_find(store, (const char *)begin->name);
    if (known) {
        update->source = store->area;
        update->source.offset += known->offset;
        update->source.size = known->size;
        update->transfer.already = known->size == begin->size &&
                                   !memcmp(known->label, begin->label, sizeof known->label) &&
                                   !memcmp(known->digest, begin->digest, sizeof known->digest) &&
                                   update_holds(&update->source, begin);
        if (update->transfer.already)
            return PAL_OK;
    } else if (store->count == STORE_MODELS) {
        return PAL_ERR_FULL;
    }
    int err = store_place(store, begin->size, &offset);
    if (err)
        return err;
    update->target = store->area;
    update->target.offset += offset;
    update->target.size = size;
    return PAL_OK;
}

static int end_model(struct update *update)
{
    struct pal_model model;
    struct store_entry entry = {.offset = update->target.offset - update->store->area.offset,
                                .size = update->begin.size};
    const uint8_t *window = update->target.flash->window;
    if (!window)
        return PAL_ERR_LIMIT; /* models are used in place */
    int err = pal_model_open(&model, window + update->target.offset, update->begin.size);
    if (err)
        return err;
    memcpy(entry.name, update->begin.name, sizeof entry.name);
    memcpy(entry.label, update->begin.label, sizeof entry.label);
    memcpy(entry.digest, update->begin.digest, sizeof entry.digest);
    return store_commit(update->store, &entry);
}

void update_take_models(struct update *update, struct store *store)
{
    static const struct update_models models = {begin_model, end_model};
    update->models = &models;
    update->store = store;
}
