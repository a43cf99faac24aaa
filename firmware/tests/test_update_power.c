/* SPDX-License-Identifier: Apache-2.0 */
/* The power fails at every flash operation of an update by requests, of firmware and of a model, from the reset
 * before it to the confirmation after it. After each cut a valid image boots, every other model is there, and the
 * update goes through when the host tries again. */
#include "update_rig.h"

#define RECORDS (DIRECTORY_PAGE_SIZE / 112u)
#define SECOND_CUTS 12u /* operations of the second attempt at which the power fails again, spread over all */

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
        if (answers[i].known && memcmp(answers[i].question, new.question, sizeof new.question) == 0)
            return answers[i].result;
    new.result = __real_crypto_eddsa_check_equation(signature, key, hash);
    answers[next++ % 16] = new;
    return new.result;
}

struct job {
    const struct file *file, *old; /* of a model: what is there before, NULL nothing */
    const char *model;             /* NULL: firmware */
    uint32_t counter;              /* of the image */
};

static struct file small, coded;
static unsigned long cuts, bricks, lost;

/* A board from the factory with models A and C, and the job's old one. */
static void make(struct rig *rig, const struct job *job, uint32_t records)
{
    unsigned slot;
    struct boot_image image;
    struct pal_link_begin a = begin_of(&small, "A", 0), c = begin_of(&coded, "C", 0);
    rig_init(rig, 1);
    CHECK_EQUAL(rig_start(rig, &slot, &image), PAL_OK);
    CHECK_EQUAL(boot_confirm(&rig->config, slot), PAL_OK);
    CHECK_EQUAL(transfer(rig, &small, &a), PAL_OK);
    do {
        c.label[0] ^= 'x'; /* another version each time */
        CHECK_EQUAL(transfer(rig, &coded, &c), PAL_OK);
    } while (rig->store.used < records);
    if (job->model && job->old) {
        struct pal_link_begin b = begin_of(job->old, job->model, 0);
        CHECK_EQUAL(transfer(rig, job->old, &b), PAL_OK);
    }
}

/* Whether the slot holds that image. */
static int holds(const struct rig *rig, unsigned slot, const uint8_t *bytes, uint32_t size)
{
    return slot < BOOT_SLOTS && !memcmp(rig->ram.bytes + slot * SLOT_SIZE, bytes, size);
}

/* A reset, the self-test, and the host's job, which may have been done already. */
static int attempt(struct rig *rig, const struct job *job)
{
    unsigned slot = BOOT_NO_SLOT;
    struct boot_image image;
    struct pal_link_begin ask = begin_of(job->file, job->model, job->counter);
    int err = rig_start(rig, &slot, &image);
    if (!err)
        err = boot_confirm(&rig->config, slot);
    if (!err)
        err = transfer(rig, job->file, &ask);
    if (err || job->model)
        return err;
    err = rig_start(rig, &slot, &image); /* on trial */
    return err ? err : boot_confirm(&rig->config, slot);
}

static void keep(unsigned long *count, int is_so)
{
    *count += !is_so;
    CHECK_EQUAL(*count, 0);
}

/* With the power back: what boots, and the models. */
static void check(struct rig *rig, const struct job *job)
{
    unsigned slot;
    struct boot_image image, copy;
    ram_flash_power_on(&rig->ram);
    struct boot_state before = read_state(&rig->config);
    CHECK_EQUAL(rig_start(rig, &slot, &image), PAL_OK);
    int is_old = holds(rig, slot, WHOLE(OLD)), is_new = !job->model && holds(rig, slot, job->file->bytes, job->file->size);
    keep(&bricks, is_old || is_new);
    CHECK(!boot_check_memory(&rig->config, rig->ram.bytes + slot * SLOT_SIZE, image.size, before.security_counter, &copy));
    keep(&lost, has_model(rig, "A", &small) && has_model(rig, "C", &coded));
    if (job->model) {
        int is_there = store_find(&rig->store, (char[PAL_LINK_NAME_BYTES]){job->model[0]}) != NULL;
        keep(&lost, has_model(rig, job->model, job->file) || (job->old ? has_model(rig, job->model, job->old) : !is_there));
    }
}

static void finish(struct rig *rig, const struct job *job)
{
    CHECK_EQUAL(attempt(rig, job), PAL_OK);
    if (job->model)
        keep(&lost, has_model(rig, job->model, job->file));
    else
        CHECK(holds(rig, read_state(&rig->config).active, job->file->bytes, job->file->size));
    check(rig, job);
}

static void again(struct rig *rig, const struct rig *from, uint32_t seed)
{
    ram_flash_copy(&rig->ram, &from->ram);
    ram_flash_power_on(&rig->ram);
    rig->ram.torn = (enum ram_flash_torn)(seed % TORN_KINDS);
    rig->ram.random = seed * 2654435761u + 1u;
    rig->ram.random += rig->ram.random == 0;
}

static void test_cuts(const struct job *job, uint32_t records)
{
    struct rig fresh, first, second;
    make(&fresh, job, records);
    rig_init(&first, 1);
    rig_init(&second, 1);
    again(&first, &fresh, 0);
    uint32_t before = first.ram.operations;
    finish(&first, job);
    uint32_t step = (first.ram.operations - before) / SECOND_CUTS + 1;
    for (uint32_t torn = 0; torn < TORN_KINDS; torn++)
        for (uint32_t cut = 0;; cut++) {
            again(&first, &fresh, torn + TORN_KINDS * cut);
            ram_flash_cut_after(&first.ram, cut);
            int err = attempt(&first, job);
            CHECK_EQUAL(err == PAL_OK, !first.ram.cut);
            if (!err)
                break;
            cuts++;
            check(&first, job);
            for (uint32_t next = (cut + torn) % step;; next += step) {
                again(&second, &first, torn + cut + next);
                ram_flash_cut_after(&second.ram, next);
                if (!attempt(&second, job))
                    break;
                cuts++;
                check(&second, job);
                finish(&second, job);
            }
            finish(&first, job);
        }
    ram_flash_free(&fresh.ram);
    ram_flash_free(&first.ram);
    ram_flash_free(&second.ram);
}

int main(void)
{
    small = model_file(MODELS "small.pal");
    coded = model_file(MODELS "coded.pal");
    const struct file new = image_file(WHOLE(NEW)), large = image_file(WHOLE(LARGE));
    const struct job firmware = {&new, NULL, NULL, 2}, long_firmware = {&large, NULL, NULL, 1},
                     replaced = {&coded, &small, "B", 0}, added = {&small, NULL, "B", 0};
    test_cuts(&firmware, 0);
    test_cuts(&long_firmware, 0);
    for (uint32_t records = RECORDS - 2; records <= RECORDS; records++) { /* the directory is compacted in between */
        test_cuts(&replaced, records);
        test_cuts(&added, records);
    }
    printf("power cuts: %lu cut points tried, %lu bricks, %lu models lost\n", cuts, bricks, lost);
    return passed("update power");
}
