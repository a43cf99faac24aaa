/* SPDX-License-Identifier: Apache-2.0 */
/* Which images are accepted. */
#include "boot/harden.h"
#include "boot_rig.h"

#define SECTOR 4096u
#define SLOT (16u * SECTOR)
#define MEMORY_PROOF (HARD_CHECKED + HARD_IN_MEMORY)

/* The libraries' answers, of which one may be replaced by "equal": a fault at that moment. */
int __real_crypto_verify_32(const unsigned char *x, const unsigned char *y);
int __wrap_crypto_verify_32(const unsigned char *x, const unsigned char *y);
int __real_crypto_eddsa_check_equation(const uint8_t signature[64], const uint8_t key[32], const uint8_t hash[32]);
int __wrap_crypto_eddsa_check_equation(const uint8_t signature[64], const uint8_t key[32], const uint8_t hash[32]);
static unsigned answers, lie_at;

static int answer(int truth)
{
    return ++answers == lie_at ? 0 : truth;
}

int __wrap_crypto_verify_32(const unsigned char *x, const unsigned char *y)
{
    return answer(__real_crypto_verify_32(x, y));
}

int __wrap_crypto_eddsa_check_equation(const uint8_t signature[64], const uint8_t key[32], const uint8_t hash[32])
{
    return answer(__real_crypto_eddsa_check_equation(signature, key, hash));
}

/* In memory of exactly its size, so that a read past the end is found. */
static int check_memory(const struct boot_config *config, const uint8_t *data, uint32_t size, uint32_t minimum)
{
    struct boot_image image;
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    CHECK(copy != NULL);
    memcpy(copy, data, size);
    int status = boot_check_memory(config, copy, size, minimum, &image);
    free(copy);
    CHECK_EQUAL(hard_differs(image.proof, MEMORY_PROOF) == 0, status == PAL_OK);
    if (status == PAL_OK)
        boot_insist(&image);
    return status;
}

static void test_kinds(struct ram_flash *ram, const struct boot_config *config)
{
    static const struct {
        const uint8_t *data;
        uint32_t size, minimum;
        int status;
    } cases[] = {
        { WHOLE(OLD), 0, PAL_OK },
        { WHOLE(OLD), 1, PAL_OK },
        { WHOLE(OLD), 2, PAL_ERR_DOWNGRADE },
        { WHOLE(NEWER), 3, PAL_OK },
        { WHOLE(LARGE), 0, PAL_OK },
        { WHOLE(NO_COUNTER), 0, PAL_OK },
        { WHOLE(NO_COUNTER), 1, PAL_ERR_DOWNGRADE },
        { WHOLE(BOOT_RECORD), 1, PAL_OK },
        { WHOLE(OTHER_KEY), 0, PAL_ERR_SIGNATURE },
        { WHOLE(UNSIGNED), 0, PAL_ERR_SIGNATURE },
        { WHOLE(PURE), 0, PAL_ERR_IMAGE },
        { WHOLE(SHA512), 0, PAL_ERR_IMAGE },
        { WHOLE(FULL_KEY), 0, PAL_ERR_IMAGE },
        { WHOLE(OTHER_BOARD), 0, PAL_ERR_BOARD },
        { WHOLE(NO_BOARD), 0, PAL_ERR_BOARD },
        { WHOLE(LONG_BOARD), 0, PAL_ERR_IMAGE },
        { WHOLE(OTHER_ADDRESS), 0, PAL_ERR_BOARD },
        { WHOLE(NO_ADDRESS), 0, PAL_ERR_BOARD },
        { WHOLE(ROM_FIXED), 0, PAL_ERR_IMAGE },
        { WHOLE(ENCRYPTED), 0, PAL_ERR_IMAGE },
        { WHOLE(NON_BOOTABLE), 0, PAL_ERR_IMAGE },
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct boot_image image;
        install(ram, config, 1, cases[i].data, cases[i].size);
        CHECK_EQUAL(boot_check(config, 1, cases[i].minimum, &image), cases[i].status);
        CHECK_EQUAL(check_memory(config, cases[i].data, cases[i].size, cases[i].minimum), cases[i].status);
        CHECK(hard_differs(image.proof, MEMORY_PROOF) != 0); /* a slot's proof starts nothing */
    }
    struct boot_config any = *config;
    any.load_address = 0;
    CHECK_EQUAL(check_memory(&any, WHOLE(OTHER_ADDRESS), 0), PAL_OK);
    CHECK_EQUAL(check_memory(&any, WHOLE(NO_ADDRESS), 0), PAL_OK);
}

/* What a caller learns of an image; the same from flash that is memory, and from flash that is not. */
static void test_facts(struct ram_flash *ram, const struct boot_config *config)
{
    static const uint8_t version[8] = { 1, 1, 0, 0, 7, 0, 0, 0 };
    for (int window = 0; window < 2; window++) {
        struct boot_image image;
        ram->flash.window = window ? ram->bytes : NULL;
        install(ram, config, 1, WHOLE(NEW));
        CHECK_EQUAL(boot_check(config, 1, 0, &image), PAL_OK);
        CHECK(memcmp(image.version, version, sizeof(version)) == 0);
        CHECK_EQUAL(image.header_size, 32);
        CHECK_EQUAL(image.body_size, 700);
        CHECK_EQUAL(image.size, sizeof(NEW));
        CHECK_EQUAL(image.security_counter, 2);
        CHECK_EQUAL(image.board_id, BOARD_ID);
        CHECK_EQUAL(image.load_address, LOAD_ADDRESS);
        CHECK(memcmp(image.digest, NEW + sizeof(NEW) - 4 - 64 - 4 - 32 - 32, 32) == 0); /* as imgtool has it */
        install(ram, config, 1, WHOLE(NEWER));
        CHECK_EQUAL(boot_check(config, 1, 0, &image), PAL_OK);
        CHECK_EQUAL(image.header_size, 512);
        CHECK_EQUAL(boot_check(config, BOOT_SLOTS, 0, &image), PAL_ERR_ARG);
    }
    ram->flash.window = NULL;
}

static void test_sizes(struct ram_flash *ram, const struct boot_config *config)
{
    struct boot_image image;
    for (uint32_t size = 0; size < sizeof(OLD); size++) {
        CHECK_EQUAL(check_memory(config, OLD, size, 0), PAL_ERR_IMAGE);
        install(ram, config, 0, OLD, size); /* erased from there on */
        CHECK(boot_check(config, 0, 0, &image) != PAL_OK || memcmp(ram->bytes, OLD, sizeof(OLD)) == 0);
    }
    struct boot_config small = *config;
    small.load_size = sizeof(OLD) - 1;
    CHECK_EQUAL(check_memory(&small, WHOLE(OLD), 0), PAL_ERR_IMAGE);
    install(ram, config, 0, WHOLE(LARGE));
    small = *config;
    small.slot[0].size = 9 * SECTOR;
    CHECK_EQUAL(boot_check(&small, 0, 0, &image), PAL_ERR_IMAGE);
    small.slot[0].size = 10 * SECTOR;
    CHECK_EQUAL(boot_check(&small, 0, 0, &image), PAL_OK);
}

/* Each bit of an image, the unprotected trailers included. */
static void test_bits(struct ram_flash *ram, const struct boot_config *config)
{
    uint8_t data[sizeof(BOOT_RECORD)];
    memcpy(data, BOOT_RECORD, sizeof(data));
    install(ram, config, 0, data, sizeof(data));
    for (uint32_t bit = 0; bit < 8 * sizeof(data); bit++) {
        struct boot_image image;
        data[bit / 8] = (uint8_t)(data[bit / 8] ^ (1u << bit % 8));
        CHECK(check_memory(config, data, sizeof(data), 0) != PAL_OK);
        data[bit / 8] = BOOT_RECORD[bit / 8];
        ram_flash_flip(ram, bit / 8, bit % 8);
        CHECK(boot_check(config, 0, 0, &image) != PAL_OK);
        ram_flash_flip(ram, bit / 8, bit % 8);
    }
}

/* Headers and trailers of random words: any bytes are safe to read. */
static void test_garbage(struct ram_flash *ram, const struct boot_config *config)
{
    uint8_t data[sizeof(OLD)];
    for (unsigned i = 0; i < 100000; i++) {
        memcpy(data, OLD, sizeof(data));
        uint32_t trailers = 32 + 700, at = i % 2 ? ram_flash_random(ram) % 32 : trailers + ram_flash_random(ram) % 60;
        for (unsigned n = 1 + i % 3; n != 0; n--)
            data[at + n] = (uint8_t)(i % 5 ? ram_flash_random(ram) >> 8 : 0xFFu);
        CHECK(check_memory(config, data, sizeof(data), 0) != PAL_OK || memcmp(data, OLD, sizeof(data)) == 0);
    }
}

/* One fault at any answer of the libraries accepts nothing. */
static void test_one_lie(const struct boot_config *config)
{
    uint8_t body[sizeof(OLD)], signature[sizeof(OLD)];
    memcpy(body, OLD, sizeof(body));
    memcpy(signature, OLD, sizeof(signature));
    body[100] ^= 1;
    signature[sizeof(signature) - 1] ^= 1;
    const struct {
        const uint8_t *data;
        uint32_t size;
    } bad[] = { { WHOLE(body) }, { WHOLE(signature) }, { WHOLE(OTHER_KEY) }, { WHOLE(UNSIGNED) } };
    unsigned lies = 0;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (lie_at = 1;; lie_at++) {
            answers = 0;
            CHECK(check_memory(config, bad[i].data, bad[i].size, 0) != PAL_OK);
            if (answers < lie_at)
                break;
            lies++;
        }
    }
    CHECK(lies >= 11);
    lie_at = 0;
}

int main(void)
{
    struct ram_flash ram;
    ram_flash_init(&ram, 2 * SLOT + 2 * SECTOR, SECTOR, 4, 1);
    struct boot_config config = boot_rig(&ram, SLOT, 2 * SECTOR);
    test_kinds(&ram, &config);
    test_facts(&ram, &config);
    test_sizes(&ram, &config);
    test_bits(&ram, &config);
    test_garbage(&ram, &config);
    test_one_lie(&config);
    ram_flash_free(&ram);
    return passed("image");
}
