/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer from BEGIN to END: what may be written, where to, and whether it counts. */
#include "firmware/update.h"

#include <sodium/crypto_hash_sha256.h>
#include <string.h>

#include "firmware/board.h"
#include "models.h"
#include "sector.h"

#define HASH_PIECE 256u
#define KICK_BYTES 0x10000u

void update_init(struct update *update, const struct boot_config *boot, uint8_t running)
{
    memset(update, 0, sizeof *update);
    update->boot = boot;
    update->running = running;
}

static int hash(const struct flash_area *area, uint32_t size, uint8_t digest[32])
{
    uint8_t piece[HASH_PIECE];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (uint32_t at = 0; at < size; at += HASH_PIECE) {
        uint32_t count = size - at < HASH_PIECE ? size - at : HASH_PIECE;
        int err = flash_area_read(area, at, piece, count);
        if (err)
            return err;
        if (at % KICK_BYTES == 0)
            board_watchdog_kick();
        crypto_hash_sha256_update(&state, piece, count);
    }
    crypto_hash_sha256_final(&state, digest);
    return PAL_OK;
}

int update_holds(const struct flash_area *area, const struct pal_link_begin *begin)
{
    uint8_t digest[32];
    return begin->size <= area->size && !hash(area, begin->size, digest) &&
           !memcmp(digest, begin->digest, sizeof digest);
}

/* The slot that does not run; in recovery the one that would not boot. */
static uint8_t slot_to_write(const struct update *update, const struct boot_state *state)
{
    struct boot_image image;
    if (update->running < BOOT_SLOTS)
        return (uint8_t)(1u - update->running);
    if (state->active < BOOT_SLOTS)
        return (uint8_t)(1u - state->active);
    return boot_check(update->boot, 0, state->security_counter, &image) == PAL_OK ? 1 : 0;
}

static int begin_image(struct update *update)
{
    const struct pal_link_begin *begin = &update->begin;
    const struct boot_config *boot = update->boot;
    struct boot_state state;
    struct boot_image image;
    int err = boot_read(boot, &state);
    if (err)
        return err;
    if (begin->board_id != boot->board_id)
        return PAL_ERR_BOARD;
    if (begin->security_counter < state.security_counter)
        return PAL_ERR_DOWNGRADE;
    uint8_t slot = slot_to_write(update, &state), other = (uint8_t)(1u - slot);
    if (!begin->size || begin->size > boot->slot[slot].size)
        return PAL_ERR_FULL;
    update->target = boot->slot[slot];
    update->transfer.slot = slot;
    if (!boot_check(boot, other, 0, &image)) {
        update->source = boot->slot[other];
        update->source.size = image.size;
        update->transfer.already = update->running == other && state.slot[other] == PAL_SLOT_CONFIRMED &&
                                   begin->size == image.size && update_holds(&update->source, begin);
    }
    return PAL_OK;
}

int update_begin(struct update *update, const uint8_t *body, uint32_t size, uint8_t *out, uint32_t *out_size)
{
    *out_size = 0;
    update_abort(update);
    if (size != PAL_LINK_BEGIN_SIZE)
        return PAL_ERR_ARG;
    pal_link_begin_load(&update->begin, body);
    if (update->begin.kind > PAL_TRANSFER_MODEL)
        return PAL_ERR_ARG;
    if (update->begin.kind == PAL_TRANSFER_MODEL && !update->models)
        return PAL_ERR_COMMAND;
    int err = update->begin.kind == PAL_TRANSFER_IMAGE ? begin_image(update) : update->models->begin(update);
    if (err)
        return err;
    update->transfer.target_size = update->target.size / PAL_LINK_SECTOR * PAL_LINK_SECTOR;
    update->transfer.source_size = update->source.size;
    update->active = !update->transfer.already;
    pal_link_transfer_store(out, &update->transfer);
    *out_size = PAL_LINK_TRANSFER_SIZE;
    return PAL_OK;
}

static int block_digest(const struct flash_area *area, uint32_t offset, uint32_t size, uint8_t *out)
{
    uint64_t digest = 0;
    uint8_t piece[64];
    while (size) {
        uint32_t count = size < sizeof piece ? size : (uint32_t)sizeof piece;
        int err = flash_area_read(area, offset, piece, count);
        if (err)
            return err;
        for (uint32_t i = 0; i < count; i++)
            digest = (digest + piece[i] + 1) * PAL_LINK_DIGEST_FACTOR;
        offset += count;
        size -= count;
    }
    for (unsigned i = 0; i < PAL_LINK_DIGEST_BYTES; i++)
        out[i] = (uint8_t)(digest >> (56 - 8 * i));
    return PAL_OK;
}

int update_digests(struct update *update, const uint8_t *body, uint32_t size, uint8_t *out, uint32_t *out_size)
{
    struct pal_link_digests ask;
    *out_size = 0;
    if (!update->active)
        return PAL_ERR_STATE;
    if (size != PAL_LINK_DIGESTS_SIZE)
        return PAL_ERR_ARG;
    pal_link_digests_load(&ask, body);
    const struct flash_area *area = ask.area == PAL_AREA_TARGET ? &update->target : &update->source;
    uint32_t room = PAL_LINK_MESSAGE_MAX - PAL_LINK_MESSAGE_SIZE;
    if (ask.area > PAL_AREA_SOURCE || !ask.block || PAL_LINK_SECTOR % ask.block || ask.offset % ask.block ||
        ask.offset > area->size || ask.count > room / PAL_LINK_DIGEST_BYTES ||
        ask.count > (area->size - ask.offset + ask.block - 1) / ask.block)
        return PAL_ERR_ARG;
    for (uint32_t i = 0; i < ask.count; i++) {
        uint32_t offset = ask.offset + i * ask.block, left = area->size - offset;
        int err = block_digest(area, offset, left < ask.block ? left : ask.block, out + i * PAL_LINK_DIGEST_BYTES);
        if (err)
            return err;
    }
    *out_size = ask.count * PAL_LINK_DIGEST_BYTES;
    return PAL_OK;
}

int update_write(struct update *update, const uint8_t *body, uint32_t size)
{
    struct pal_link_write write;
    if (!update->active)
        return PAL_ERR_STATE;
    if (size < PAL_LINK_WRITE_SIZE)
        return PAL_ERR_ARG;
    pal_link_write_load(&write, body);
    if (write.offset % PAL_LINK_SECTOR || write.offset >= update->transfer.target_size)
        return PAL_ERR_ARG;
    int err = sector_decode(update->sector, &update->source, write.count, body + PAL_LINK_WRITE_SIZE,
                            size - PAL_LINK_WRITE_SIZE);
    if (!err && update->begin.kind == PAL_TRANSFER_IMAGE && !update->forgotten) {
        err = boot_forget(update->boot, update->transfer.slot);
        update->forgotten = !err;
    }
    return err ? err : sector_write(&update->target, write.offset, update->sector);
}

static int end_image(struct update *update)
{
    struct boot_state state;
    struct boot_image image;
    int err = boot_read(update->boot, &state);
    if (!err)
        err = boot_check(update->boot, update->transfer.slot, state.security_counter, &image);
    return err ? err : boot_request(update->boot, update->transfer.slot);
}

int update_end(struct update *update)
{
    if (!update->active)
        return PAL_ERR_STATE;
    uint8_t digest[32];
    int err = hash(&update->target, update->begin.size, digest);
    if (!err && memcmp(digest, update->begin.digest, sizeof digest))
        return PAL_ERR_DIGEST; /* the transfer stays open: sectors can be written again */
    if (!err)
        err = update->begin.kind == PAL_TRANSFER_IMAGE ? end_image(update) : update->models->end(update);
    update->active = 0;
    return err;
}

void update_abort(struct update *update)
{
    update->active = update->forgotten = 0;
    memset(&update->transfer, 0, sizeof update->transfer);
    update->target.size = update->source.size = 0;
}
