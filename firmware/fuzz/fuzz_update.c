/* SPDX-License-Identifier: Apache-2.0 */
/* Any bodies of BEGIN, DIGESTS, WRITE, END in any order, below the link: the image that runs and the model that is
 * not replaced stay as they are, and the flash is used by its rules.
 *
 * The input is a list of steps: kind, a byte unused, u16 size, and so many bytes. */
#include <sodium/crypto_hash_sha256.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/board.h"
#include "firmware/update.h"
#include "pal/load.h"
#include "store/directory.h"
#include "tests/ram_flash.h"

enum step { STEP_BEGIN, STEP_DIGESTS, STEP_WRITE, STEP_END, STEP_END_RIGHT, STEP_ABORT, STEP_RESET, STEPS };
#define STEP_HEADER 4u
#define SLOT_SIZE (3u * PAL_LINK_SECTOR)
#define JOURNAL_SIZE (2u * PAL_LINK_SECTOR)
#define STORE_SIZE (DIRECTORY_SIZE + 4u * PAL_LINK_SECTOR)
#define RUNNING 0xA5 /* every byte of slot 0 */
#define MODEL_BYTE(I) ((uint8_t)((I) * 7u))
#define MODEL_SIZE 5000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ram_flash ram;
static struct boot_config config;
static struct flash_area area;
static struct store store;
static struct update update;
static int replaced;

void board_watchdog_kick(void)
{
}

static void must(int holds)
{
    if (!holds)
        abort();
}

static void reset(void)
{
    must(store_open(&store, &area) == PAL_OK);
    update_init(&update, &config, 0);
    update_take_models(&update, &store);
}

static void make(void)
{
    struct store_entry entry = {.name = "A", .size = MODEL_SIZE};
    uint8_t model[MODEL_SIZE];
    config = (struct boot_config){.slot = {{&ram.flash, 0, SLOT_SIZE}, {&ram.flash, SLOT_SIZE, SLOT_SIZE}},
                                  .journal = {&ram.flash, 2 * SLOT_SIZE, JOURNAL_SIZE},
                                  .key = {1, 2, 3},
                                  .load_size = SLOT_SIZE};
    area = (struct flash_area){&ram.flash, 2 * SLOT_SIZE + JOURNAL_SIZE, STORE_SIZE};
    ram_flash_init(&ram, area.offset + STORE_SIZE, PAL_LINK_SECTOR, 16, 1);
    ram.flash.window = ram.bytes;
    memset(ram.bytes, RUNNING, SLOT_SIZE);
    reset();
    must(store_place(&store, MODEL_SIZE, &entry.offset) == PAL_OK);
    for (uint32_t i = 0; i < MODEL_SIZE; i++)
        model[i] = MODEL_BYTE(i);
    ram_flash_set(&ram, area.offset + entry.offset, model, MODEL_SIZE);
    crypto_hash_sha256(entry.digest, model, MODEL_SIZE);
    must(store_commit(&store, &entry) == PAL_OK);
    replaced = 0;
}

/* The digest in BEGIN becomes that of what was written: what is behind it is asked, too. */
static int end_right(void)
{
    if (update.active)
        crypto_hash_sha256(update.begin.digest, ram.bytes + update.target.offset, update.begin.size);
    int is_a = update.begin.kind == PAL_TRANSFER_MODEL && !memcmp(update.begin.name, "A", 2);
    int err = update_end(&update);
    replaced |= !err && is_a;
    return err;
}

/* BEGIN of a model, changed by the bytes of the step. */
static int begin(const uint8_t *data, uint32_t size, uint8_t *out, uint32_t *out_size)
{
    static const struct pal_link_begin model = {.kind = PAL_TRANSFER_MODEL, .size = 5000, .name = "A"};
    uint8_t body[PAL_LINK_BEGIN_SIZE];
    pal_link_begin_store(body, &model);
    for (uint32_t i = 0; i < size && i < sizeof body; i++)
        body[i] ^= data[i];
    return update_begin(&update, body, sizeof body, out, out_size);
}

static void step(unsigned kind, const uint8_t *data, uint32_t size)
{
    uint8_t *body = malloc(size ? size : 1), *out = malloc(PAL_LINK_MESSAGE_MAX - PAL_LINK_MESSAGE_SIZE);
    uint32_t out_size = 0;
    must(body != NULL && out != NULL);
    if (size)
        memcpy(body, data, size);
    int err = 0;
    switch (kind % STEPS) {
    case STEP_BEGIN:
        err = begin(body, size, out, &out_size);
        break;
    case STEP_DIGESTS:
        err = update_digests(&update, body, size, out, &out_size);
        break;
    case STEP_WRITE:
        err = update_write(&update, body, size);
        break;
    case STEP_END:
        err = update_end(&update);
        must(err != PAL_OK); /* nobody finds a digest */
        break;
    case STEP_END_RIGHT:
        err = end_right();
        break;
    case STEP_ABORT:
        update_abort(&update);
        break;
    default:
        reset();
        break;
    }
    must(err <= 0 && out_size <= PAL_LINK_MESSAGE_MAX - PAL_LINK_MESSAGE_SIZE);
    free(body);
    free(out);
}

static void check(void)
{
    static const char name[PAL_LINK_NAME_BYTES] = "A";
    reset();
    const struct store_entry *entry = store_find(&store, name);
    must(entry != NULL);
    for (uint32_t i = 0; i < SLOT_SIZE; i++)
        must(ram.bytes[i] == RUNNING);
    for (uint32_t i = 0; !replaced && i < MODEL_SIZE; i++)
        must(ram.bytes[area.offset + entry->offset + i] == MODEL_BYTE(i));
    must(boot_check(&config, 1, 0, &(struct boot_image){0}) != PAL_OK); /* nobody signs an image */
    struct boot_state state;
    must(boot_read(&config, &state) == PAL_OK && state.slot[1] == PAL_SLOT_EMPTY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make();
    while (size >= STEP_HEADER) {
        uint32_t part = pal_load_u16(data + 2);
        part = part < size - STEP_HEADER ? part : (uint32_t)(size - STEP_HEADER);
        part = part < PAL_LINK_MESSAGE_MAX ? part : PAL_LINK_MESSAGE_MAX;
        step(data[0], data + STEP_HEADER, part);
        data += STEP_HEADER + part;
        size -= STEP_HEADER + part;
    }
    check();
    ram_flash_free(&ram);
    return 0;
}
