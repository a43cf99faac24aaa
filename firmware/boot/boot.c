/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware/boot.h"

#include "journal.h"
#include "pal/load.h"

int boot_read(const struct boot_config *config, struct boot_state *state)
{
    journal_read(&config->journal, state);
    return PAL_OK;
}

static int is_newer(const struct boot_image *a, const struct boot_image *b)
{
    const uint8_t *x = a->version, *y = b->version;
    if (x[0] != y[0])
        return x[0] > y[0];
    if (x[1] != y[1])
        return x[1] > y[1];
    if (pal_load_u16(x + 2) != pal_load_u16(y + 2))
        return pal_load_u16(x + 2) > pal_load_u16(y + 2);
    return pal_load_u32(x + 4) > pal_load_u32(y + 4);
}

/* The slot that boots if nothing is on trial: the confirmed one; failing that one of which nothing is said, the
 * newer version first. */
static unsigned choose(const struct boot_config *config, const struct boot_state *state, struct boot_image *image)
{
    unsigned best = BOOT_NO_SLOT;
    if (state->active < BOOT_SLOTS && state->slot[state->active] == PAL_SLOT_CONFIRMED &&
        boot_check(config, state->active, state->security_counter, image) == PAL_OK)
        return state->active;
    for (unsigned slot = 0; slot < BOOT_SLOTS; slot++) {
        struct boot_image found;
        if (state->slot[slot] == PAL_SLOT_EMPTY &&
            boot_check(config, slot, state->security_counter, &found) == PAL_OK &&
            (best == BOOT_NO_SLOT || is_newer(&found, image))) {
            best = slot;
            *image = found;
        }
    }
    return best;
}

/* Turn what the last start left into what holds from now on; whether anything changed. `*trial` is the slot to be
 * tried, or BOOT_NO_SLOT. */
static int advance(const struct boot_config *config, struct boot_state *state, unsigned *trial,
                   struct boot_image *image)
{
    int changed = 0;
    *trial = BOOT_NO_SLOT;
    for (unsigned slot = 0; slot < BOOT_SLOTS; slot++) {
        if (state->slot[slot] == PAL_SLOT_TRIAL) { /* had its chance, was not confirmed */
            state->slot[slot] = PAL_SLOT_REJECTED;
            changed = 1;
        }
    }
    for (unsigned slot = 0; slot < BOOT_SLOTS && *trial == BOOT_NO_SLOT; slot++) {
        if (state->slot[slot] == PAL_SLOT_PENDING) {
            if (boot_check(config, slot, state->security_counter, image) == PAL_OK)
                *trial = slot;
            state->slot[slot] = *trial == slot ? PAL_SLOT_TRIAL : PAL_SLOT_REJECTED;
            changed = 1;
        }
    }
    return changed;
}

/* Nothing boots: what was rejected gets another chance at the next reset. Recovery runs until then. */
static int pardon(const struct boot_config *config, struct boot_state *state)
{
    int changed = 0;
    for (unsigned slot = 0; slot < BOOT_SLOTS; slot++) {
        if (state->slot[slot] == PAL_SLOT_REJECTED) {
            state->slot[slot] = slot == state->active ? PAL_SLOT_CONFIRMED : PAL_SLOT_EMPTY;
            changed = 1;
        }
    }
    return changed ? journal_append(&config->journal, state) : PAL_OK;
}

int boot_select(const struct boot_config *config, unsigned *slot, struct boot_image *image)
{
    struct boot_state state;
    int status = journal_settle(&config->journal);
    journal_read(&config->journal, &state);
    if (advance(config, &state, slot, image))
        status = journal_append(&config->journal, &state);
    /* A trial that is not on record might be repeated for ever. */
    if (*slot == BOOT_NO_SLOT || status != PAL_OK)
        *slot = choose(config, &state, image);
    /* A journal that cannot be written keeps no confirmed image from booting. */
    return *slot == BOOT_NO_SLOT ? pardon(config, &state) : PAL_OK;
}

int boot_reject(const struct boot_config *config, unsigned slot)
{
    struct boot_state state;
    if (slot >= BOOT_SLOTS)
        return PAL_ERR_ARG;
    journal_read(&config->journal, &state);
    state.slot[slot] = PAL_SLOT_REJECTED;
    return journal_append(&config->journal, &state);
}

int boot_request(const struct boot_config *config, unsigned slot)
{
    struct boot_state state;
    if (slot >= BOOT_SLOTS)
        return PAL_ERR_ARG;
    journal_read(&config->journal, &state);
    unsigned other = 1 - slot;
    uint8_t wanted = slot == state.active && state.slot[slot] == PAL_SLOT_CONFIRMED ? PAL_SLOT_CONFIRMED : PAL_SLOT_PENDING;
    if (state.slot[other] == PAL_SLOT_TRIAL)
        return PAL_ERR_STATE;
    if (state.slot[slot] == wanted && state.slot[other] != PAL_SLOT_PENDING)
        return PAL_OK;
    if (state.slot[other] == PAL_SLOT_PENDING)
        state.slot[other] = PAL_SLOT_EMPTY;
    state.slot[slot] = wanted;
    return journal_append(&config->journal, &state);
}

int boot_confirm(const struct boot_config *config, unsigned slot)
{
    struct boot_state state;
    struct boot_image image;
    if (slot >= BOOT_SLOTS)
        return PAL_ERR_ARG;
    journal_read(&config->journal, &state);
    if (state.slot[slot] == PAL_SLOT_PENDING || state.slot[slot] == PAL_SLOT_REJECTED)
        return PAL_ERR_STATE;
    /* Nothing is kept, and above all no counter raised, for an image that has changed since it booted. */
    int status = boot_check(config, slot, state.security_counter, &image);
    if (status != PAL_OK)
        return status;
    if (state.active == slot && state.slot[slot] == PAL_SLOT_CONFIRMED &&
        state.security_counter == image.security_counter)
        return PAL_OK;
    if (state.active < BOOT_SLOTS && state.slot[state.active] == PAL_SLOT_CONFIRMED)
        state.slot[state.active] = PAL_SLOT_EMPTY;
    state.slot[slot] = PAL_SLOT_CONFIRMED;
    state.active = (uint8_t)slot;
    state.security_counter = image.security_counter;
    return journal_append(&config->journal, &state);
}

int boot_forget(const struct boot_config *config, unsigned slot)
{
    struct boot_state state;
    struct boot_image image;
    if (slot >= BOOT_SLOTS)
        return PAL_ERR_ARG;
    journal_read(&config->journal, &state);
    if (choose(config, &state, &image) == slot)
        return PAL_ERR_STATE;
    if (state.slot[slot] == PAL_SLOT_EMPTY && state.active != slot)
        return PAL_OK;
    if (state.active == slot)
        state.active = BOOT_NO_SLOT;
    state.slot[slot] = PAL_SLOT_EMPTY;
    return journal_append(&config->journal, &state);
}
