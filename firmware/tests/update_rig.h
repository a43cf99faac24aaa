/* SPDX-License-Identifier: Apache-2.0 */
/* A whole board as the requests of an update find it, and the host's side of a transfer: what the target already
 * has is not sent again. */
#ifndef TESTS_UPDATE_RIG_H
#define TESTS_UPDATE_RIG_H

#include <sodium/crypto_hash_sha256.h>

#include "boot_rig.h"
#include "firmware/board.h"
#include "firmware/update.h"
#include "store/directory.h"

#define SLOT_SIZE (12u * PAL_LINK_SECTOR)
#define FLASH_SECTOR 1024u
#define DATA_SECTORS 6u
#define STORE_SIZE (DIRECTORY_SIZE + DATA_SECTORS * PAL_LINK_SECTOR)
#define JOURNAL_SIZE (2u * FLASH_SECTOR)
#define BODY_ROOM (PAL_LINK_MESSAGE_MAX - PAL_LINK_MESSAGE_SIZE)

struct file {
    uint8_t bytes[SLOT_SIZE];
    uint32_t size;
};

struct rig {
    struct ram_flash ram;
    struct boot_config config;
    struct flash_area area;
    struct store store;
    struct update update;
};

void board_watchdog_kick(void)
{
}

/* A model of the driver's tests. */
static inline struct file model_file(const char *path)
{
    struct file file;
    FILE *stream = fopen(path, "rb");
    CHECK(stream != NULL);
    file.size = (uint32_t)fread(file.bytes, 1, sizeof file.bytes, stream);
    CHECK(file.size != 0 && fclose(stream) == 0);
    return file;
}
#define MODELS "../../driver/tests/data/"

static inline struct file image_file(const uint8_t *bytes, uint32_t size)
{
    struct file file = {.size = size};
    CHECK(size <= sizeof file.bytes);
    memcpy(file.bytes, bytes, size);
    return file;
}

/* A board from the factory: OLD in slot 0, nothing else. */
static inline void rig_init(struct rig *rig, uint32_t seed)
{
    ram_flash_init(&rig->ram, 2 * SLOT_SIZE + JOURNAL_SIZE + STORE_SIZE, FLASH_SECTOR, 16, seed);
    rig->ram.flash.window = rig->ram.bytes;
    rig->config = boot_rig(&rig->ram, SLOT_SIZE, JOURNAL_SIZE);
    rig->area = (struct flash_area){&rig->ram.flash, 2 * SLOT_SIZE + JOURNAL_SIZE, STORE_SIZE};
    install(&rig->ram, &rig->config, 0, WHOLE(OLD));
}

/* A reset with a working application. The power may fail in it. */
static inline int rig_start(struct rig *rig, unsigned *slot, struct boot_image *image)
{
    int err = boot_select(&rig->config, slot, image);
    if (!err)
        err = store_open(&rig->store, &rig->area);
    update_init(&rig->update, &rig->config, (uint8_t)*slot);
    update_take_models(&rig->update, &rig->store);
    return err;
}

/* A new board whose firmware is confirmed. */
static inline void start(struct rig *rig)
{
    unsigned slot;
    struct boot_image image;
    rig_init(rig, 1);
    CHECK_EQUAL(rig_start(rig, &slot, &image), PAL_OK);
    CHECK_EQUAL(slot, 0);
    CHECK_EQUAL(boot_confirm(&rig->config, slot), PAL_OK);
}

/* A reset; the slot that runs. */
static inline unsigned restart(struct rig *rig)
{
    unsigned slot;
    struct boot_image image;
    CHECK_EQUAL(rig_start(rig, &slot, &image), PAL_OK);
    return slot;
}

static inline struct pal_link_begin begin_of(const struct file *file, const char *model, uint32_t counter)
{
    struct pal_link_begin begin = {.kind = model ? PAL_TRANSFER_MODEL : PAL_TRANSFER_IMAGE,
                                   .size = file->size,
                                   .board_id = model ? 0 : BOARD_ID,
                                   .security_counter = counter};
    if (model)
        memcpy(begin.name, model, strlen(model));
    crypto_hash_sha256(begin.digest, file->bytes, file->size);
    return begin;
}

static inline int begin(struct rig *rig, const struct pal_link_begin *ask, struct pal_link_transfer *answer)
{
    uint8_t body[PAL_LINK_BEGIN_SIZE], out[BODY_ROOM];
    uint32_t size = 1;
    pal_link_begin_store(body, ask);
    int err = update_begin(&rig->update, body, sizeof body, out, &size);
    CHECK_EQUAL(size, err ? 0 : PAL_LINK_TRANSFER_SIZE);
    if (!err)
        pal_link_transfer_load(answer, out);
    return err;
}

/* A body of WRITE that grows by segments. */
struct message {
    uint8_t body[PAL_LINK_MESSAGE_MAX];
    uint32_t size, count;
};

static inline struct message message_at(uint32_t offset)
{
    struct message message = {.size = PAL_LINK_WRITE_SIZE};
    pal_store_u32(message.body, offset);
    return message;
}

static inline void segment(struct message *message, unsigned kind, uint32_t length, const void *data, uint32_t stored,
                           uint32_t source)
{
    const struct pal_link_segment segment = {(uint8_t)kind, 0, (uint16_t)length, stored, source};
    CHECK(message->size + PAL_LINK_SEGMENT_SIZE + stored <= sizeof message->body);
    pal_link_segment_store(message->body + message->size, &segment);
    if (stored)
        memcpy(message->body + message->size + PAL_LINK_SEGMENT_SIZE, data, stored);
    message->size += PAL_LINK_SEGMENT_SIZE + stored;
    pal_store_u32(message->body + 4, ++message->count);
}

static inline int send(struct rig *rig, const struct message *message)
{
    return update_write(&rig->update, message->body, message->size);
}

static inline int write_raw(struct rig *rig, uint32_t offset, const uint8_t bytes[PAL_LINK_SECTOR])
{
    struct message message = message_at(offset);
    segment(&message, PAL_SEGMENT_KIND_RAW, PAL_LINK_SECTOR, bytes, PAL_LINK_SECTOR, 0);
    return send(rig, &message);
}

/* The digest of a block as link.toml defines it. */
static inline void digest_of(const uint8_t *bytes, uint32_t size, uint8_t digest[PAL_LINK_DIGEST_BYTES])
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < size; i++)
        h = (h + bytes[i] + 1u) * PAL_LINK_DIGEST_FACTOR;
    for (unsigned i = 0; i < PAL_LINK_DIGEST_BYTES; i++)
        digest[i] = (uint8_t)(h >> (56 - 8 * i));
}

static inline int digests(struct rig *rig, unsigned area, uint32_t block, uint32_t offset, uint32_t count, uint8_t *out,
                          uint32_t *out_size)
{
    const struct pal_link_digests ask = {(uint8_t)area, 0, (uint16_t)block, offset, count};
    uint8_t body[PAL_LINK_DIGESTS_SIZE];
    pal_link_digests_store(body, &ask);
    return update_digests(&rig->update, body, sizeof body, out, out_size);
}

/* Write the first `limit` sectors that the target lacks; how many those were is in `written`. */
static inline int fill_target(struct rig *rig, const struct file *file, uint32_t limit, uint32_t *written)
{
    *written = 0;
    for (uint32_t at = 0; at < file->size && *written < limit; at += PAL_LINK_SECTOR) {
        uint8_t sector[PAL_LINK_SECTOR], wanted[PAL_LINK_DIGEST_BYTES], out[BODY_ROOM];
        uint32_t here = file->size - at < PAL_LINK_SECTOR ? file->size - at : PAL_LINK_SECTOR, size;
        memset(sector, 0xFF, sizeof sector);
        memcpy(sector, file->bytes + at, here);
        digest_of(sector, sizeof sector, wanted);
        int err = digests(rig, PAL_AREA_TARGET, PAL_LINK_SECTOR, at, 1, out, &size);
        if (!err && memcmp(out, wanted, sizeof wanted)) {
            err = write_raw(rig, at, sector);
            ++*written;
        }
        if (err)
            return err;
    }
    return PAL_OK;
}

/* A transfer from BEGIN to END. */
static inline int transfer(struct rig *rig, const struct file *file, const struct pal_link_begin *ask)
{
    struct pal_link_transfer answer;
    uint32_t written;
    int err = begin(rig, ask, &answer);
    if (err || answer.already)
        return err;
    err = fill_target(rig, file, UINT32_MAX, &written);
    return err ? err : update_end(&rig->update);
}

/* Whether the store has exactly this model. */
static inline int has_model(const struct rig *rig, const char *name, const struct file *file)
{
    char whole[PAL_LINK_NAME_BYTES] = {0};
    memcpy(whole, name, strlen(name));
    const struct store_entry *entry = store_find(&rig->store, whole);
    return entry && entry->size == file->size &&
           !memcmp(rig->ram.bytes + rig->area.offset + entry->offset, file->bytes, file->size);
}

#endif /* TESTS_UPDATE_RIG_H */
