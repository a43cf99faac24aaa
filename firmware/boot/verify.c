/* SPDX-License-Identifier: Apache-2.0 */
#include <monocypher.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_hash_sha512.h>
#include <sodium/crypto_verify_32.h>
#include <string.h>

#include "firmware/boot.h"
#include "harden.h"
#include "image.h"
#include "journal.h"

/* 1 if the image's trailer names another key than ours: SHA-256 of the key in DER. */
static int other_key(const uint8_t key[BOOT_KEY_SIZE], const struct image_seal *seal)
{
    static const uint8_t prefix[12] = { 0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00 };
    uint8_t der[sizeof(prefix) + BOOT_KEY_SIZE], hash[32];
    memcpy(der, prefix, sizeof(prefix));
    memcpy(der + sizeof(prefix), key, BOOT_KEY_SIZE);
    crypto_hash_sha256(hash, der, sizeof(der));
    return crypto_verify_32(hash, seal->key_hash) != 0;
}

/* 0 if the signature over the digest is our key's: Ed25519, RFC 8032, section 5.1.7. */
static int forged(const uint8_t key[BOOT_KEY_SIZE], const uint8_t signature[64], const uint8_t digest[32])
{
    uint8_t message[32 + BOOT_KEY_SIZE + 32], hash[64], h[32];
    memcpy(message, signature, 32);
    memcpy(message + 32, key, BOOT_KEY_SIZE);
    memcpy(message + 32 + BOOT_KEY_SIZE, digest, 32);
    crypto_hash_sha512(hash, message, sizeof(message));
    crypto_eddsa_reduce(h, hash);
    return crypto_eddsa_check_equation(signature, key, h);
}

static uint32_t differ(const uint32_t *a, const uint32_t *b)
{
    return hard_load(a) ^ hard_load(b);
}

/* Nonzero if the image is linked for another address. */
static uint32_t misplaced(const struct boot_config *config, const struct boot_image *image)
{
    uint32_t address = hard_load(&config->load_address);
    return hard_any(address) * (address ^ hard_load(&image->load_address));
}

static uint32_t below(const uint32_t *value, const uint32_t *minimum)
{
    return hard_load(value) < hard_load(minimum);
}

/* `floor` is the least counter once more, from where `minimum` does not come from if that can be. */
static int verify(const struct boot_config *config, const struct image_source *source, uint32_t minimum,
                  uint32_t floor, struct boot_image *image, uint32_t place)
{
    struct boot_image twin;
    struct image_seal seal, twin_seal;
    struct hard hard;
    hard_begin(&hard);

    /* What is read from the image is read twice, and each of the two evaluations has its own. */
    int status = image_parse(source, image, &seal);
    if (status == PAL_OK)
        status = image_parse(source, &twin, &twin_seal);
    if (status != PAL_OK)
        return status;
    int first = memcmp(image, &twin, sizeof(twin)) | memcmp(&seal, &twin_seal, sizeof(seal));
    if (image->size > config->load_size || (seal.found & IMAGE_DIGEST) == 0 || first != 0)
        return PAL_ERR_IMAGE;
    hard_step(&hard, HARD_STRUCTURE, (uint32_t)first, hard_load(&twin.size) > hard_load(&config->load_size));

    if ((seal.found & IMAGE_BOARD) == 0 || differ(&image->board_id, &config->board_id) != 0)
        return PAL_ERR_BOARD;
    hard_step(&hard, HARD_BOARD, ~seal.found & IMAGE_BOARD, differ(&twin.board_id, &config->board_id));
    if (misplaced(config, image) != 0)
        return PAL_ERR_BOARD;
    hard_step(&hard, HARD_ADDRESS, misplaced(config, image), misplaced(config, &twin));

    if (below(&image->security_counter, &minimum) || below(&image->security_counter, &floor))
        return PAL_ERR_DOWNGRADE;
    hard_step(&hard, HARD_COUNTER, below(&image->security_counter, &minimum), below(&twin.security_counter, &floor));

    status = image_hash(source, seal.covered, image->digest);
    if (status != PAL_OK)
        return status;
    first = crypto_verify_32(image->digest, seal.digest);
    if (first != 0)
        return PAL_ERR_DIGEST;
    hard_step(&hard, HARD_DIGEST, (uint32_t)first, (uint32_t)crypto_verify_32(image->digest, seal.digest));

    /* An image that is not signed has no key either. */
    first = other_key(config->key, &seal);
    if ((~seal.found & (IMAGE_KEY_HASH | IMAGE_SIGNATURE)) != 0 || first != 0)
        return PAL_ERR_SIGNATURE;
    hard_step(&hard, HARD_KEY, (uint32_t)first, ~seal.found & (IMAGE_KEY_HASH | IMAGE_SIGNATURE));
    first = forged(config->key, seal.signature, image->digest);
    if (first != 0)
        return PAL_ERR_SIGNATURE;
    hard_step(&hard, HARD_SIGNATURE, (uint32_t)first, (uint32_t)forged(config->key, seal.signature, image->digest));

    image->proof[0] = hard.sum + place;
    image->proof[1] = hard.complement - place;
    return hard_differs(image->proof, HARD_CHECKED + place) == 0 ? PAL_OK : PAL_ERR_SIGNATURE;
}

int boot_check(const struct boot_config *config, unsigned slot, uint32_t minimum, struct boot_image *image)
{
    if (slot >= BOOT_SLOTS)
        return PAL_ERR_ARG;
    struct image_source source = image_in_slot(&config->slot[slot]);
    return verify(config, &source, minimum, minimum, image, HARD_IN_FLASH);
}

int boot_check_memory(const struct boot_config *config, const uint8_t *data, uint32_t size, uint32_t minimum,
                      struct boot_image *image)
{
    struct image_source source = { NULL, data, size };
    struct boot_state state;
    journal_read(&config->journal, &state);
    return verify(config, &source, minimum, state.security_counter, image, HARD_IN_MEMORY);
}

void boot_insist(const struct boot_image *image)
{
    while (hard_differs(image->proof, HARD_CHECKED + HARD_IN_MEMORY) != 0)
        ;
    while (hard_differs(image->proof, HARD_CHECKED + HARD_IN_MEMORY) != 0)
        ;
}
