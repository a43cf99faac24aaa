/* SPDX-License-Identifier: Apache-2.0 */
/* The power fails at every single flash operation of a board's life. After each cut a valid image must boot, the
 * security counter must not have gone down, and the update must go through when it is tried again. */
#include "boot_rig.h"

#define SECTOR 1024u
#define SLOT (4u * SECTOR)
#define JOURNAL_SECTOR_RECORDS (SECTOR / 16u)
#define CHUNK 512u

/* Signatures are most of the time, and the same few again and again: the answers are remembered. */
int __real_crypto_eddsa_check_equation(const uint8_t signature[64], const uint8_t key[32], const uint8_t hash[32]);
int __wrap_crypto_eddsa_check_equation(const uint8_t signature[64], const uint8_t key[32], const uint8_t hash[32]);

int __wrap_crypto_eddsa_check_equation(const uint8_t signature[64], const uint8_t key[32], const uint8_t hash[32])
{
    static struct answer {
        unsigned char question[64 + 32 + 32];
        int known, result;
    } answers[16];
    static unsigned next;
    struct answer new = { .known = 1 };
    memcpy(new.question, signature, 64);
    memcpy(new.question + 64, hash, 32);
    memcpy(new.question + 96, key, 32);
    for (unsigned i = 0; i < 16; i++)
        if (answers[i].known && memcmp(answers[i].question, new.question, sizeof(new.question)) == 0)
            return answers[i].result;
    new.result = __real_crypto_eddsa_check_equation(signature, key, hash);
    answers[next++ % 16] = new;
    return new.result;
}

struct life {
    struct ram_flash ram;
    struct boot_config config;
    uint32_t counter;   /* the highest seen */
    unsigned confirmed; /* stage that was reached for good, 0 to STAGES */
};

/* The images that the board gets one after the other; the first is there from the factory. */
static const struct {
    const uint8_t *data;
    uint32_t size;
} stages[] = { { WHOLE(OLD) }, { WHOLE(NEW) }, { WHOLE(NEWER) } };
#define STAGES 3u

static unsigned long cuts, bricks;

static unsigned stage_of(const struct boot_image *image)
{
    unsigned stage = 0;
    while (image->security_counter != stage + 1)
        stage++;
    return stage;
}

/* A reset with the power on: which stage runs. The power may fail in it: STAGES. */
static unsigned start(struct life *life, unsigned *slot)
{
    struct boot_image image;
    int status = boot_select(&life->config, slot, &image);
    if (life->ram.cut)
        return STAGES;
    if (status != PAL_OK || *slot == BOOT_NO_SLOT) {
        bricks++;
        CHECK_EQUAL(bricks, 0);
    }
    struct boot_image copy;
    struct boot_state state = read_state(&life->config);
    CHECK_EQUAL(boot_check_memory(&life->config, life->ram.bytes + life->config.slot[*slot].offset, image.size,
                                  state.security_counter, &copy), PAL_OK);
    CHECK(state.security_counter >= life->counter);
    life->counter = state.security_counter;
    unsigned stage = stage_of(&image);
    CHECK(stage + 1 >= life->confirmed); /* what was confirmed is not lost */
    return stage;
}

/* Write an image into a slot as an update does; 0 when the power failed. */
static int write_image(struct life *life, unsigned slot, unsigned stage)
{
    const struct flash_area *area = &life->config.slot[slot];
    struct boot_image image;
    int status = boot_forget(&life->config, slot);
    for (uint32_t at = 0; status == PAL_OK && at < SLOT; at += SECTOR)
        status = flash_area_erase(area, at, SECTOR);
    for (uint32_t at = 0; status == PAL_OK && at < stages[stage].size; at += CHUNK) {
        uint8_t chunk[CHUNK];
        uint32_t n = stages[stage].size - at < CHUNK ? stages[stage].size - at : CHUNK;
        memset(chunk, 0xFF, sizeof(chunk));
        memcpy(chunk, stages[stage].data + at, n);
        status = flash_area_program(area, at, chunk, CHUNK);
    }
    if (status == PAL_OK)
        status = boot_check(&life->config, slot, life->counter, &image);
    if (status == PAL_OK)
        status = boot_request(&life->config, slot);
    CHECK_EQUAL(status == PAL_OK, !life->ram.cut);
    return status == PAL_OK;
}

/* Go on from a reset until the last stage is confirmed; 0 when the power failed. `fails`: each new image fails its
 * first self-test, so that it is reverted. */
static int live(struct life *life, unsigned fails)
{
    unsigned slot;
    for (;;) {
        unsigned stage = start(life, &slot);
        if (stage == STAGES)
            return 0;
        if (stage + 1 > life->confirmed && fails & 1u << stage) {
            fails &= ~(1u << stage);
            continue;
        }
        int status = boot_confirm(&life->config, slot);
        CHECK_EQUAL(status == PAL_OK, !life->ram.cut);
        if (status != PAL_OK)
            return 0;
        life->confirmed = stage + 1;
        if (life->confirmed == STAGES)
            return 1;
        if (!write_image(life, 1 - slot, stage + 1))
            return 0;
    }
}

/* A board from the factory that has written its journal up to some record; the last one may ask for an empty slot. */
static void make(struct life *life, uint32_t records)
{
    ram_flash_init(&life->ram, 2 * SLOT + 2 * SECTOR, SECTOR, 16, 0);
    life->config = boot_rig(&life->ram, SLOT, 2 * SECTOR);
    install(&life->ram, &life->config, 0, stages[0].data, stages[0].size);
    for (uint32_t i = 0; i < records / 2; i++) {
        int status = i % 2 ? boot_forget(&life->config, 1) : boot_request(&life->config, 1);
        CHECK_EQUAL(status, PAL_OK);
    }
}

static void again(struct life *life, const struct life *from, uint32_t seed)
{
    ram_flash_copy(&life->ram, &from->ram);
    ram_flash_power_on(&life->ram);
    life->ram.torn = (enum ram_flash_torn)(seed % TORN_KINDS);
    life->ram.random = seed * 2654435761u + 1u;
    life->counter = from->counter;
    life->confirmed = from->confirmed;
}

static void finish(struct life *life)
{
    ram_flash_power_on(&life->ram);
    CHECK_EQUAL(live(life, 0), 1);
    CHECK_EQUAL(life->confirmed, STAGES);
    unsigned slot;
    CHECK_EQUAL(start(life, &slot), STAGES - 1);
    CHECK_EQUAL(life->counter, STAGES);
}

/* Every operation of a life, torn in several ways; with `twice` also every operation of the life after that. */
static void test_cuts(uint32_t records, unsigned fails, uint32_t seeds, int twice)
{
    struct life fresh = { 0 }, life, second;
    make(&fresh, records);
    make(&life, 0);
    make(&second, 0);
    for (uint32_t seed = 0; seed < seeds; seed++) {
        for (uint32_t cut = 0;; cut++) {
            again(&life, &fresh, seed + cut * seeds);
            ram_flash_cut_after(&life.ram, cut);
            if (live(&life, fails))
                break;
            cuts++;
            struct life off = life;
            for (uint32_t next = 0; twice; next++) {
                again(&second, &off, seed + next);
                ram_flash_cut_after(&second.ram, next);
                if (live(&second, 0))
                    break;
                cuts++;
                finish(&second);
            }
            if (!twice)
                finish(&life);
        }
    }
    ram_flash_free(&fresh.ram);
    ram_flash_free(&life.ram);
    ram_flash_free(&second.ram);
}

int main(void)
{
    /* From every record of a sector of the journal on, so that the ring comes round at every step. */
    for (uint32_t records = JOURNAL_SECTOR_RECORDS; records < 2 * JOURNAL_SECTOR_RECORDS; records += 2) {
        test_cuts(records, 0, TORN_KINDS, 0);
        test_cuts(records, 6, TORN_KINDS, 0);
    }
    test_cuts(0, 0, TORN_KINDS, 1);
    test_cuts(2 * JOURNAL_SECTOR_RECORDS - 6, 6, TORN_KINDS, 1);
    printf("power cuts: %lu cut points tried, %lu bricks\n", cuts, bricks);
    return passed("power");
}
