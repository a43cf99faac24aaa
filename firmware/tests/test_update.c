/* SPDX-License-Identifier: Apache-2.0 */
/* BEGIN, DIGESTS, WRITE, END and ABORT: what they write, what they refuse, and that any bytes are safe. */
#include "update_rig.h"

static void start(struct rig *rig)
{
    unsigned slot;
    struct boot_image image;
    rig_init(rig, 1);
    CHECK_EQUAL(rig_start(rig, &slot, &image), PAL_OK);
    CHECK_EQUAL(slot, 0);
    CHECK_EQUAL(boot_confirm(&rig->config, slot), PAL_OK);
}

static unsigned restart(struct rig *rig)
{
    unsigned slot;
    struct boot_image image;
    CHECK_EQUAL(rig_start(rig, &slot, &image), PAL_OK);
    return slot;
}

static void test_image(void)
{
    struct rig rig;
    struct pal_link_transfer answer;
    struct file file = image_file(WHOLE(NEW));
    struct pal_link_begin ask = begin_of(&file, NULL, 2);
    uint32_t written;
    start(&rig);
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(answer.already, 0);
    CHECK_EQUAL(answer.slot, 1);
    CHECK_EQUAL(answer.target_size, SLOT_SIZE);
    CHECK_EQUAL(answer.source_size, sizeof OLD);
    CHECK_EQUAL(fill_target(&rig, &file, UINT32_MAX, &written), PAL_OK);
    CHECK_EQUAL(written, 1);
    CHECK_EQUAL(read_state(&rig.config).slot[1], PAL_SLOT_EMPTY);
    CHECK_EQUAL(update_end(&rig.update), PAL_OK);
    CHECK_EQUAL(read_state(&rig.config).slot[1], PAL_SLOT_PENDING);
    CHECK_EQUAL(update_end(&rig.update), PAL_ERR_STATE);

    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK); /* written, but it does not run yet */
    CHECK_EQUAL(answer.already, 0);
    CHECK_EQUAL(fill_target(&rig, &file, UINT32_MAX, &written), PAL_OK);
    CHECK_EQUAL(written, 0);
    CHECK_EQUAL(update_end(&rig.update), PAL_OK);

    CHECK_EQUAL(restart(&rig), 1);
    CHECK_EQUAL(boot_confirm(&rig.config, 1), PAL_OK);
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(answer.already, 1);
    CHECK_EQUAL(update_end(&rig.update), PAL_ERR_STATE);
    ram_flash_free(&rig.ram);
}

static void test_model(void)
{
    struct rig rig;
    struct pal_link_transfer answer;
    struct file small = model_file(MODELS "small.pal"), coded = model_file(MODELS "coded.pal");
    struct pal_link_begin ask = begin_of(&small, "keywords", 0), other = begin_of(&coded, "keywords", 0);
    uint32_t written;
    start(&rig);
    memcpy(ask.label, "kws01", 5);
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(answer.already, 0);
    CHECK_EQUAL(answer.slot, BOOT_NO_SLOT);
    CHECK_EQUAL(answer.target_size, PAL_LINK_SECTOR);
    CHECK_EQUAL(answer.source_size, 0);
    CHECK_EQUAL(fill_target(&rig, &small, UINT32_MAX, &written), PAL_OK);
    CHECK_EQUAL(rig.store.count, 0);
    CHECK_EQUAL(update_end(&rig.update), PAL_OK);
    CHECK(has_model(&rig, "keywords", &small));
    CHECK(memcmp(rig.store.entry[0].label, ask.label, sizeof ask.label) == 0);
    CHECK(memcmp(rig.store.entry[0].digest, ask.digest, sizeof ask.digest) == 0);

    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(answer.already, 1);
    memset(ask.label, 0, sizeof ask.label); /* the same bytes with another label are another version */
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(answer.already, 0);
    CHECK_EQUAL(begin(&rig, &other, &answer), PAL_OK);
    CHECK_EQUAL(answer.source_size, small.size);
    CHECK_EQUAL(transfer(&rig, &coded, &other), PAL_OK);
    CHECK(has_model(&rig, "keywords", &coded));
    CHECK_EQUAL(restart(&rig), 0);
    CHECK(has_model(&rig, "keywords", &coded));
    CHECK_EQUAL(rig.store.count, 1);
    ram_flash_free(&rig.ram);
}

/* A second BEGIN, after a reset, finds what was written. */
static void test_resume(void)
{
    struct rig rig;
    struct pal_link_transfer answer;
    struct file file = image_file(WHOLE(LARGE));
    struct pal_link_begin ask = begin_of(&file, NULL, 1);
    uint32_t written, sectors = (file.size + PAL_LINK_SECTOR - 1) / PAL_LINK_SECTOR, operations;
    start(&rig);
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(fill_target(&rig, &file, 4, &written), PAL_OK);
    CHECK_EQUAL(restart(&rig), 0);
    CHECK_EQUAL(fill_target(&rig, &file, 4, &written), PAL_ERR_STATE);
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(fill_target(&rig, &file, 3, &written), PAL_OK);
    CHECK_EQUAL(written, 3);
    update_abort(&rig.update);
    CHECK_EQUAL(update_end(&rig.update), PAL_ERR_STATE);
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(update_end(&rig.update), PAL_ERR_DIGEST);
    CHECK_EQUAL(fill_target(&rig, &file, UINT32_MAX, &written), PAL_OK); /* it stays open */
    CHECK_EQUAL(written, sectors - 7);
    operations = rig.ram.operations;
    CHECK_EQUAL(write_raw(&rig, 0, file.bytes), PAL_OK); /* what is right is not written again */
    CHECK_EQUAL(rig.ram.operations, operations);
    CHECK_EQUAL(update_end(&rig.update), PAL_OK);
    CHECK_EQUAL(restart(&rig), 1);
    ram_flash_free(&rig.ram);
}

int main(void)
{
    test_image();
    test_model();
    test_resume();
    return passed("update");
}
