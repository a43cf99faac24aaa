/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <string.h>

#include "pal/load.h"
#include "pal/model.h" /* pal_crc32 */

#define RECORD 16u /* sequence u32, magic, slots, active, counter u32, CRC u32 */
#define MAGIC 0xB7u
#define NOWHERE UINT32_MAX

struct newest {
    struct boot_state state;
    uint32_t sequence; /* 0: there is no record */
    uint32_t offset;   /* of it, in the area */
    int settled;       /* the one before it says the same */
};

static void encode(const struct boot_state *state, uint32_t sequence, uint8_t record[RECORD])
{
    pal_store_u32(record, sequence);
    record[4] = MAGIC;
    record[5] = state->slot[0];
    record[6] = state->slot[1];
    record[7] = state->active;
    pal_store_u32(record + 8, state->security_counter);
    pal_store_u32(record + 12, pal_crc32(0, record, 12));
}

static int decode(const uint8_t record[RECORD], struct boot_state *state, uint32_t *sequence)
{
    if (record[4] != MAGIC || pal_load_u32(record + 12) != pal_crc32(0, record, 12))
        return 0;
    *sequence = pal_load_u32(record);
    *state = (struct boot_state){ { record[5], record[6] }, record[7], pal_load_u32(record + 8) };
    return *sequence != 0 && (state->active < BOOT_SLOTS || state->active == BOOT_NO_SLOT);
}

static int same(const struct boot_state *a, const struct boot_state *b)
{
    return a->slot[0] == b->slot[0] && a->slot[1] == b->slot[1] && a->active == b->active &&
           a->security_counter == b->security_counter;
}

static void find(const struct flash_area *area, struct newest *newest)
{
    struct newest before = { 0 };
    *newest = (struct newest){ .state = { { PAL_SLOT_EMPTY, PAL_SLOT_EMPTY }, BOOT_NO_SLOT, 0 }, .offset = NOWHERE };
    for (uint32_t offset = 0; offset + RECORD <= area->size; offset += RECORD) {
        uint8_t record[RECORD];
        struct newest found = { .offset = offset };
        if (flash_area_read(area, offset, record, RECORD) != PAL_OK || !decode(record, &found.state, &found.sequence))
            continue;
        if (found.sequence > newest->sequence) {
            before = *newest;
            *newest = found;
        } else if (found.sequence > before.sequence) {
            before = found;
        }
    }
    newest->settled = before.sequence != 0 && same(&before.state, &newest->state);
}

static int is_blank(const struct flash_area *area, uint32_t offset)
{
    uint8_t record[RECORD];
    if (flash_area_read(area, offset, record, RECORD) != PAL_OK)
        return 0;
    for (unsigned i = 0; i < RECORD; i++)
        if (record[i] != 0xFF)
            return 0;
    return 1;
}

static int program(const struct flash_area *area, uint32_t offset, const uint8_t record[RECORD])
{
    uint8_t found[RECORD];
    return flash_area_program(area, offset, record, RECORD) == PAL_OK &&
           flash_area_read(area, offset, found, RECORD) == PAL_OK && memcmp(found, record, RECORD) == 0;
}

/* Add one record after the newest one, past whatever does not take it. */
static int add(const struct flash_area *area, struct newest *newest)
{
    uint32_t sector = area->flash->sector_size, offset = newest->offset;
    uint8_t record[RECORD];
    if (newest->sequence == UINT32_MAX)
        return PAL_ERR_FLASH; /* more than any flash endures */
    encode(&newest->state, newest->sequence + 1, record);
    for (uint32_t tries = area->size / RECORD; tries != 0; tries--) {
        offset = offset == NOWHERE || offset + RECORD >= area->size ? 0 : offset + RECORD;
        if (offset % sector == 0) {
            if (newest->offset != NOWHERE && newest->offset / sector == offset / sector)
                return PAL_ERR_FLASH; /* came round: the other sectors are worn out */
            if (flash_area_erase(area, offset, sector) != PAL_OK) {
                offset += sector - RECORD;
                continue;
            }
        }
        if (is_blank(area, offset) && program(area, offset, record)) {
            newest->offset = offset;
            newest->sequence++;
            return PAL_OK;
        }
    }
    return PAL_ERR_FLASH;
}

void journal_read(const struct flash_area *area, struct boot_state *state)
{
    struct newest newest;
    find(area, &newest);
    *state = newest.state;
}

int journal_append(const struct flash_area *area, const struct boot_state *state)
{
    struct newest newest;
    find(area, &newest);
    newest.state = *state;
    int status = add(area, &newest);
    return status == PAL_OK ? add(area, &newest) : status;
}

int journal_settle(const struct flash_area *area)
{
    struct newest newest;
    find(area, &newest);
    return newest.sequence == 0 || newest.settled ? PAL_OK : add(area, &newest);
}
