/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of WRITE and DIGESTS, byte by byte: what they may say, what they may not, and what comes of any bytes. */
#include "update_rig.h"

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

/* A copy with nothing behind it, to be freed. */
static uint8_t *exactly(const uint8_t *bytes, uint32_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    CHECK(copy != NULL);
    if (size)
        memcpy(copy, bytes, size);
    return copy;
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
    static const uint32_t offsets[] = {1, FLASH_SECTOR, 4095, 4097, SLOT_SIZE, SLOT_SIZE + PAL_LINK_SECTOR, 0xFFFFF000, UINT32_MAX};
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
    for (uint32_t n = 0; n < message.size; n++) { /* cut short, and nothing read after the end */
        uint8_t *exact = exactly(message.body, n);
        CHECK_EQUAL(update_write(&rig.update, exact, n), PAL_ERR_ARG);
        free(exact);
    }
    message.size++; /* or followed by something */
    CHECK_EQUAL(send(&rig, &message), PAL_ERR_ARG);
    message.size--;
    for (uint32_t count = 0; count < 4; count++) {
        pal_store_u32(message.body + 4, count == 1 ? UINT32_MAX : count);
        CHECK_EQUAL(send(&rig, &message), PAL_ERR_ARG);
    }
    message = message_at(0);
    segment(&message, PAL_SEGMENT_KIND_FILL, 3000, NULL, 0, 0);
    segment(&message, PAL_SEGMENT_KIND_FILL, sector, NULL, 0, 0); /* the two are longer than a sector */
    CHECK_EQUAL(send(&rig, &message), PAL_ERR_ARG);
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

/* Requests with a few bytes changed, in any order. What they leave: a board that starts, the models that were there,
 * nothing written outside of the slot or the free room, and an update that goes through. */
static void test_hostile_requests(void)
{
    struct rig rig;
    struct file small = model_file(MODELS "small.pal"), coded = model_file(MODELS "coded.pal"),
                new = image_file(WHOLE(NEW));
    struct pal_link_begin first = begin_of(&small, "A", 0), second = begin_of(&coded, "B", 0),
                          image = begin_of(&new, NULL, 2);
    struct message message = message_at(0);
    uint8_t begins[3][PAL_LINK_BEGIN_SIZE], ask[PAL_LINK_DIGESTS_SIZE], block[64], out[BODY_ROOM];
    unsigned long accepted = 0;
    start(&rig);
    CHECK_EQUAL(transfer(&rig, &small, &first), PAL_OK);
    segment(&message, PAL_SEGMENT_KIND_COPY, 500, NULL, 0, 40);
    segment(&message, PAL_SEGMENT_KIND_LZ4, 40, block, lz4(block, NEW, 40), 0);
    segment(&message, PAL_SEGMENT_KIND_RAW, 356, NEW, 356, 0);
    segment(&message, PAL_SEGMENT_KIND_FILL, PAL_LINK_SECTOR - 896, NULL, 0, 0);
    pal_link_begin_store(begins[0], &image);
    second.label[0] = 'x';
    pal_link_begin_store(begins[1], &second);
    memcpy(second.name, "A", 2); /* its source: the model that must stay, as nothing that is sent is a model */
    pal_link_begin_store(begins[2], &second);
    pal_link_digests_store(ask, &(struct pal_link_digests){PAL_AREA_SOURCE, 0, 64, 64, 20});
    for (uint32_t round = 0; round < 100000; round++) {
        uint32_t dice = ram_flash_random(&rig.ram), kind = dice % 16, size, out_size = 0;
        const uint8_t *base = kind == 0 ? begins[dice / 16 % 3] : kind < 4 ? ask : message.body;
        size = kind == 0 ? PAL_LINK_BEGIN_SIZE : kind < 4 ? PAL_LINK_DIGESTS_SIZE : message.size;
        if (ram_flash_random(&rig.ram) % 16 == 0)
            size = ram_flash_random(&rig.ram) % (size + 1);
        uint8_t *body = exactly(base, size);
        for (uint32_t n = ram_flash_random(&rig.ram) % 4; n && size; n--) {
            uint32_t where = ram_flash_random(&rig.ram);
            uint32_t at = (where & 1 ? where >> 8 : (where >> 8) % 24) % size; /* rather in the fields */
            body[at] = (uint8_t)(where & 2 ? where >> 2 : body[at] ^ (1u << (where >> 2 & 7)));
        }
        int err = kind == 0   ? update_begin(&rig.update, body, size, out, &out_size)
                  : kind < 4  ? update_digests(&rig.update, body, size, out, &out_size)
                  : kind < 15 ? update_write(&rig.update, body, size)
                              : update_end(&rig.update);
        CHECK(err <= 0 && out_size <= sizeof out);
        CHECK(kind < 15 || err);
        accepted += !err;
        free(body);
        if (round % 1000 == 0) {
            CHECK_EQUAL(restart(&rig), 0);
            CHECK(has_model(&rig, "A", &small) && rig.store.count == 1);
            CHECK(memcmp(rig.ram.bytes, OLD, sizeof OLD) == 0);
        }
    }
    CHECK(accepted > 10000);
    CHECK_EQUAL(transfer(&rig, &new, &image), PAL_OK);
    CHECK_EQUAL(restart(&rig), 1);
    ram_flash_free(&rig.ram);
}

int main(void)
{
    test_segments();
    test_bounds();
    test_hostile_requests();
    return passed("update bytes");
}
