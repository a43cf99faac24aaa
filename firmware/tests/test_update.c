/* SPDX-License-Identifier: Apache-2.0 */
/* BEGIN, WRITE, END and ABORT: what they write, and what they refuse. */
#include "update_rig.h"

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

    struct file large = image_file(WHOLE(LARGE)); /* no half image is ever tried */
    struct pal_link_begin more = begin_of(&large, NULL, 1);
    CHECK_EQUAL(begin(&rig, &more, &answer), PAL_OK);
    CHECK_EQUAL(read_state(&rig.config).slot[1], PAL_SLOT_PENDING);
    CHECK_EQUAL(fill_target(&rig, &large, 1, &written), PAL_OK);
    CHECK_EQUAL(read_state(&rig.config).slot[1], PAL_SLOT_EMPTY);

    CHECK_EQUAL(transfer(&rig, &file, &ask), PAL_OK);
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

/* What END says to an image; the slot is not requested then, and the board starts what it had. */
static void refuse_image(const uint8_t *bytes, uint32_t size, int wanted)
{
    struct rig rig;
    struct file file = image_file(bytes, size);
    struct pal_link_begin ask = begin_of(&file, NULL, 1);
    start(&rig);
    CHECK_EQUAL(transfer(&rig, &file, &ask), wanted);
    CHECK_EQUAL(rig.update.active, 0);
    CHECK_EQUAL(read_state(&rig.config).slot[1], PAL_SLOT_EMPTY);
    CHECK_EQUAL(restart(&rig), 0);
    ram_flash_free(&rig.ram);
}

static void test_refused_images(void)
{
    uint8_t damaged[sizeof NEW];
    memcpy(damaged, NEW, sizeof NEW);
    damaged[sizeof NEW / 2] ^= 4;
    refuse_image(WHOLE(OTHER_BOARD), PAL_ERR_BOARD);
    refuse_image(WHOLE(OTHER_KEY), PAL_ERR_SIGNATURE);
    refuse_image(WHOLE(UNSIGNED), PAL_ERR_SIGNATURE);
    refuse_image(WHOLE(OTHER_ADDRESS), PAL_ERR_BOARD);
    refuse_image(NEW, sizeof NEW - 100, PAL_ERR_IMAGE); /* its last trailers are missing */
    refuse_image(NEW, 100, PAL_ERR_IMAGE);
    refuse_image(OLD, sizeof OLD - 100, PAL_ERR_IMAGE); /* the beginning of what runs is not what runs */
    refuse_image(WHOLE(damaged), PAL_ERR_DIGEST);
}

static void test_refused_begins(void)
{
    struct rig rig;
    struct pal_link_transfer answer;
    struct file old = image_file(WHOLE(OLD)), new = image_file(WHOLE(NEW)), newer = image_file(WHOLE(NEWER));
    struct pal_link_begin ask = begin_of(&new, NULL, 2);
    uint8_t out[BODY_ROOM], body[PAL_LINK_BEGIN_SIZE + 1] = {0};
    uint32_t size;
    start(&rig);
    for (uint32_t n = 0; n <= sizeof body; n++)
        if (n != PAL_LINK_BEGIN_SIZE)
            CHECK_EQUAL(update_begin(&rig.update, body, n, out, &size), PAL_ERR_ARG);
    ask.kind = PAL_TRANSFER_MODEL + 1;
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_ARG);
    ask = begin_of(&new, NULL, 2);
    ask.board_id++;
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_BOARD);
    ask = begin_of(&new, NULL, 2);
    ask.size = 0;
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_FULL);
    ask.size = SLOT_SIZE + 1;
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_FULL);
    ask.size = SLOT_SIZE;
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    ask.size++; /* a refused BEGIN ends what was there before, too */
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_FULL);
    CHECK_EQUAL(write_raw(&rig, 0, new.bytes), PAL_ERR_STATE);
    CHECK_EQUAL(digests(&rig, PAL_AREA_TARGET, 512, 0, 1, out, &size), PAL_ERR_STATE);

    ask = begin_of(&new, NULL, 2); /* the counter goes up to 2 */
    CHECK_EQUAL(transfer(&rig, &new, &ask), PAL_OK);
    CHECK_EQUAL(restart(&rig), 1);
    CHECK_EQUAL(boot_confirm(&rig.config, 1), PAL_OK);
    ask = begin_of(&old, NULL, 1);
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_DOWNGRADE);
    ask = begin_of(&old, NULL, 2); /* a lie */
    CHECK_EQUAL(transfer(&rig, &old, &ask), PAL_ERR_DOWNGRADE);
    CHECK_EQUAL(read_state(&rig.config).slot[0], PAL_SLOT_EMPTY);
    CHECK_EQUAL(restart(&rig), 1);
    ask = begin_of(&newer, NULL, 3);
    CHECK_EQUAL(transfer(&rig, &newer, &ask), PAL_OK);
    CHECK_EQUAL(restart(&rig), 0);
    ram_flash_free(&rig.ram);
}

/* Recovery runs from neither slot, and takes no models. */
static void test_recovery(void)
{
    struct rig rig;
    unsigned slot;
    struct boot_image image;
    struct pal_link_transfer answer;
    struct file new = image_file(WHOLE(NEW)), small = model_file(MODELS "small.pal");
    struct pal_link_begin ask = begin_of(&new, NULL, 2), model = begin_of(&small, "a", 0);
    rig_init(&rig, 1);
    ram_flash_blank(&rig.ram, 0, SLOT_SIZE);
    CHECK_EQUAL(boot_select(&rig.config, &slot, &image), PAL_OK);
    CHECK_EQUAL(slot, BOOT_NO_SLOT);
    update_init(&rig.update, &rig.config, BOOT_NO_SLOT);
    CHECK_EQUAL(begin(&rig, &model, &answer), PAL_ERR_COMMAND);
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(answer.source_size, 0);
    CHECK_EQUAL(transfer(&rig, &new, &ask), PAL_OK);
    CHECK_EQUAL(restart(&rig), 0);
    CHECK_EQUAL(boot_confirm(&rig.config, 0), PAL_OK);
    update_init(&rig.update, &rig.config, BOOT_NO_SLOT); /* recovery on request: the confirmed image is not touched */
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(answer.slot, 1);
    ram_flash_free(&rig.ram);
}

static void test_refused_models(void)
{
    struct rig rig;
    struct pal_link_transfer answer;
    struct file small = model_file(MODELS "small.pal"), coded = model_file(MODELS "coded.pal"), other = small;
    struct pal_link_begin good = begin_of(&small, "a", 0), ask;
    start(&rig);
    CHECK_EQUAL(transfer(&rig, &small, &good), PAL_OK);
    other.bytes[200] ^= 1; /* no model: the CRC is wrong */
    ask = begin_of(&other, "a", 0);
    CHECK_EQUAL(transfer(&rig, &other, &ask), PAL_ERR_CRC);
    CHECK(has_model(&rig, "a", &small));
    other = small;
    other.size -= 4;
    ask = begin_of(&other, "b", 0);
    CHECK(transfer(&rig, &other, &ask) < 0);
    CHECK_EQUAL(rig.store.count, 1);

    static const char *const names[] = {"", "a\nb", "\x7F", "\x1F"};
    for (unsigned i = 0; i < 4; i++) {
        ask = begin_of(&small, names[i], 0);
        CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_ARG);
    }
    ask = begin_of(&small, "a", 0);
    ask.name[3] = 'x'; /* after the end */
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_ARG);
    ask = begin_of(&small, "a", 0);
    ask.label[15] = 'x';
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_ARG);
    ask = begin_of(&small, "a name of 32 bytes, to the limit", 0);
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    ask.size = 0;
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_ARG);
    ask.size = (DATA_SECTORS - 1) * PAL_LINK_SECTOR;
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_OK);
    ask.size++;
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_FULL);
    ask.size = UINT32_MAX;
    CHECK_EQUAL(begin(&rig, &ask, &answer), PAL_ERR_FULL);

    rig.ram.flash.window = NULL; /* models are used in place, which this flash is not for */
    ask = begin_of(&coded, "b", 0);
    CHECK_EQUAL(transfer(&rig, &coded, &ask), PAL_ERR_LIMIT);
    CHECK_EQUAL(rig.store.count, 1);
    ram_flash_free(&rig.ram);
}

int main(void)
{
    test_image();
    test_model();
    test_resume();
    test_refused_images();
    test_refused_begins();
    test_recovery();
    test_refused_models();
    return passed("update");
}
