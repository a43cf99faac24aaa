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

/* An LZ4 block of literals alone. */
static uint32_t lz4(uint8_t *out, const uint8_t *bytes, uint32_t size)
{
    uint32_t at = 1, left = size;
    out[0] = size < 15 ? (uint8_t)(size << 4) : 0xF0;
    if (size >= 15) {
        for (left -= 15; left >= 255; left -= 255)
            out[at++] = 255;
        out[at++] = (uint8_t)left;
    }
    memcpy(out + at, bytes, size);
    return at + size;
}

/* A board in a transfer to slot 1, with LARGE in slot 0 to copy from. */
static void open_transfer(struct rig *rig, const struct file *file)
{
    struct pal_link_transfer answer;
    struct pal_link_begin ask = begin_of(file, NULL, 1);
    start(rig);
    install(&rig->ram, &rig->config, 0, WHOLE(LARGE));
    CHECK_EQUAL(begin(rig, &ask, &answer), PAL_OK);
    CHECK_EQUAL(answer.source_size, sizeof LARGE);
}

static void test_segments(void)
{
    struct rig rig;
    struct file file = image_file(WHOLE(NEW));
    uint8_t block[PAL_LINK_SECTOR + 32], wanted[PAL_LINK_SECTOR], out[BODY_ROOM];
    const uint8_t *target;
    uint32_t size;
    open_transfer(&rig, &file);
    target = rig.ram.bytes + SLOT_SIZE;
    struct message message = message_at(PAL_LINK_SECTOR); /* all kinds in one sector */
    segment(&message, PAL_SEGMENT_KIND_COPY, 1000, NULL, 0, 12345);
    segment(&message, PAL_SEGMENT_KIND_LZ4, 700, block, lz4(block, NEW, 700), 0);
    segment(&message, PAL_SEGMENT_KIND_FILL, 96, NULL, 0, 77);
    segment(&message, PAL_SEGMENT_KIND_RAW, 300, NEWER, 300, 0);
    segment(&message, PAL_SEGMENT_KIND_LZ4, 3, block, lz4(block, NEWER + 300, 3), 0);
    segment(&message, PAL_SEGMENT_KIND_FILL, PAL_LINK_SECTOR - 2099, NULL, 0, 0);
    memset(wanted, 0xFF, sizeof wanted);
    memcpy(wanted, LARGE + 12345, 1000);
    memcpy(wanted + 1000, NEW, 700);
    memcpy(wanted + 1796, NEWER, 303);
    memset(rig.ram.bytes + SLOT_SIZE, 0x77, 3 * PAL_LINK_SECTOR);
    CHECK_EQUAL(send(&rig, &message), PAL_OK);
    CHECK(memcmp(target + PAL_LINK_SECTOR, wanted, sizeof wanted) == 0);
    for (uint32_t i = 0; i < PAL_LINK_SECTOR; i++) /* its neighbours are as they were */
        CHECK(target[i] == 0x77 && target[2 * PAL_LINK_SECTOR + i] == 0x77);

    static const uint16_t blocks[] = {1, 64, 512, 2048, 4096};
    for (unsigned b = 0; b < 5; b++)
        for (unsigned area = PAL_AREA_TARGET; area <= PAL_AREA_SOURCE; area++) {
            const uint8_t *bytes = rig.ram.bytes + (area == PAL_AREA_TARGET ? SLOT_SIZE : 0);
            uint32_t whole = area == PAL_AREA_TARGET ? SLOT_SIZE : (uint32_t)sizeof LARGE, step = blocks[b];
            for (uint32_t at = 0; at < whole; at += step * 5) {
                uint8_t digest[PAL_LINK_DIGEST_BYTES];
                CHECK_EQUAL(digests(&rig, area, step, at, 1, out, &size), PAL_OK);
                digest_of(bytes + at, whole - at < step ? whole - at : step, digest);
                CHECK(size == sizeof digest && memcmp(out, digest, size) == 0);
            }
        }
    CHECK_EQUAL(digests(&rig, PAL_AREA_SOURCE, 64, 64, 600, out, &size), PAL_OK);
    CHECK_EQUAL(size, 600 * PAL_LINK_DIGEST_BYTES);
    for (uint32_t i = 0; i < 600; i++) {
        uint8_t digest[PAL_LINK_DIGEST_BYTES];
        digest_of(LARGE + 64 + i * 64, 64, digest);
        CHECK(memcmp(out + i * sizeof digest, digest, sizeof digest) == 0);
    }
    ram_flash_free(&rig.ram);
}

/* Each field of WRITE and DIGESTS past its bounds; nothing is written. */
static void test_bounds(void)
{
    struct rig rig;
    struct file file = image_file(WHOLE(NEW));
    const uint32_t sector = PAL_LINK_SECTOR, source = sizeof LARGE, most = BODY_ROOM / PAL_LINK_DIGEST_BYTES;
    uint8_t bytes[PAL_LINK_SECTOR] = {0}, out[BODY_ROOM];
    uint32_t size;
    open_transfer(&rig, &file);
    uint32_t operations = rig.ram.operations;
    static const uint32_t offsets[] = {1, 4095, 4097, SLOT_SIZE, SLOT_SIZE + PAL_LINK_SECTOR, 0xFFFFF000, UINT32_MAX};
    for (unsigned i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        CHECK_EQUAL(write_raw(&rig, offsets[i], bytes), PAL_ERR_ARG);
    const struct { uint32_t kind, length, stored, source; } wrong[] = {
        {PAL_SEGMENT_KIND_RAW, sector, sector - 1, 0},      {PAL_SEGMENT_KIND_RAW, sector - 1, sector - 1, 0},
        {PAL_SEGMENT_KIND_RAW, sector + 1, sector, 0},      {PAL_SEGMENT_KIND_RAW, 0, 0, 0},
        {PAL_SEGMENT_KIND_FILL, sector, 1, 0},              {PAL_SEGMENT_KIND_FILL, sector - 1, 0, 0},
        {PAL_SEGMENT_KIND_FILL, 65535, 0, 0},               {PAL_SEGMENT_KIND_COPY, sector, 1, 0},
        {PAL_SEGMENT_KIND_COPY, sector, 0, source - sector + 1}, {PAL_SEGMENT_KIND_COPY, sector, 0, UINT32_MAX},
        {PAL_SEGMENT_KIND_COPY, sector, 0, source},         {PAL_SEGMENT_KIND_LZ4, sector, 0, 0},
        {PAL_SEGMENT_KIND_LZ4, sector, 100, 0},             {PAL_SEGMENT_KIND_COPY + 1, sector, 0, 0},
        {255, sector, sector, 0},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct message message = message_at(0);
        segment(&message, wrong[i].kind, wrong[i].length, bytes, wrong[i].stored, wrong[i].source);
        CHECK_EQUAL(send(&rig, &message), PAL_ERR_ARG);
    }
    struct message message = message_at(0);
    segment(&message, PAL_SEGMENT_KIND_RAW, sector, bytes, sector, 0);
    for (uint32_t n = 0; n < message.size; n++) /* cut short */
        CHECK_EQUAL(update_write(&rig.update, message.body, n), PAL_ERR_ARG);
    message.size++; /* or followed by something */
    CHECK_EQUAL(send(&rig, &message), PAL_ERR_ARG);
    message.size--;
    for (uint32_t count = 0; count < 4; count++) {
        pal_store_u32(message.body + 4, count == 1 ? UINT32_MAX : count);
        CHECK_EQUAL(send(&rig, &message), PAL_ERR_ARG);
    }
    CHECK_EQUAL(rig.ram.operations, operations);
    message = message_at(0);
    segment(&message, PAL_SEGMENT_KIND_COPY, sector, NULL, 0, source - sector);
    CHECK_EQUAL(send(&rig, &message), PAL_OK);

    const struct { uint32_t area, block, offset, count; } asks[] = {
        {PAL_AREA_SOURCE + 1, 512, 0, 1},                {PAL_AREA_TARGET, 0, 0, 1},
        {PAL_AREA_TARGET, 3, 0, 1},                      {PAL_AREA_TARGET, 8192, 0, 1},
        {PAL_AREA_TARGET, 512, 1, 1},                    {PAL_AREA_TARGET, 512, SLOT_SIZE, 1},
        {PAL_AREA_TARGET, 512, SLOT_SIZE + 512, 0},      {PAL_AREA_TARGET, 4096, 0, SLOT_SIZE / 4096 + 1},
        {PAL_AREA_TARGET, 512, 0, UINT32_MAX},           {PAL_AREA_TARGET, 512, 0xFFFFFE00, 1},
        {PAL_AREA_TARGET, 1, 0, most + 1},               {PAL_AREA_SOURCE, 4096, 0, (source + 4095) / 4096 + 1},
    };
    for (unsigned i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        CHECK_EQUAL(digests(&rig, asks[i].area, asks[i].block, asks[i].offset, asks[i].count, out, &size), PAL_ERR_ARG);
        CHECK_EQUAL(size, 0);
    }
    CHECK_EQUAL(digests(&rig, PAL_AREA_TARGET, 1, 0, most, out, &size), PAL_OK);
    CHECK_EQUAL(digests(&rig, PAL_AREA_SOURCE, 4096, 0, (source + 4095) / 4096, out, &size), PAL_OK);
    CHECK_EQUAL(digests(&rig, PAL_AREA_TARGET, 512, SLOT_SIZE, 0, out, &size), PAL_OK);
    for (uint32_t n = 0; n < 2 * PAL_LINK_DIGESTS_SIZE; n++)
        if (n != PAL_LINK_DIGESTS_SIZE)
            CHECK_EQUAL(update_digests(&rig.update, bytes, n, out, &size), PAL_ERR_ARG);
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
    test_segments();
    test_bounds();
    return passed("update");
}
