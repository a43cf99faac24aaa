/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include <sodium/crypto_hash_sha256.h>
#include <string.h>

#include "pal/load.h"

#define MAGIC 0x96F3B83Du
#define HEADER_SIZE 32u
#define FLAG_RAM_LOAD 0x20u /* the only one known; encrypted, compressed and others are refused */

#define AREA_MAGIC 0x6907u
#define AREA_PROTECTED_MAGIC 0x6908u
#define TRAILER_HEADER 4u /* of an area: magic, size; of an entry: type, length */

#define TYPE_KEY_HASH 0x01u
#define TYPE_SHA256 0x10u
#define TYPE_ED25519 0x24u
#define TYPE_COUNTER 0x50u
#define TYPE_BOARD 0xA0u

#define CHUNK 256u

struct image_source image_in_slot(const struct flash_area *slot)
{
    const uint8_t *window = slot->flash->window;
    return (struct image_source){ slot, window == NULL ? NULL : window + slot->offset, slot->size };
}

static int fetch(const struct image_source *source, uint32_t offset, void *data, uint32_t size)
{
    if (offset > source->size || size > source->size - offset)
        return PAL_ERR_IMAGE;
    if (source->data == NULL)
        return flash_area_read(source->area, offset, data, size);
    memcpy(data, source->data + offset, size);
    return PAL_OK;
}

/* Where the value of a trailer goes; NULL for one that is not known. */
static void *place(uint32_t type, int is_protected, uint8_t word[4], struct image_seal *seal, uint32_t *size,
                   uint32_t *found)
{
    if (is_protected) {
        *size = 4;
        *found = type == TYPE_COUNTER ? IMAGE_COUNTER : IMAGE_BOARD;
        return type == TYPE_COUNTER || type == TYPE_BOARD ? word : NULL;
    }
    switch (type) {
    case TYPE_SHA256:
        *size = sizeof(seal->digest);
        *found = IMAGE_DIGEST;
        return seal->digest;
    case TYPE_KEY_HASH:
        *size = sizeof(seal->key_hash);
        *found = IMAGE_KEY_HASH;
        return seal->key_hash;
    case TYPE_ED25519:
        *size = sizeof(seal->signature);
        *found = IMAGE_SIGNATURE;
        return seal->signature;
    default:
        return NULL;
    }
}

/* Read the trailer area of `size` bytes at `offset`. Each known type is there once; protected ones that are not
 * known are signed, so they may say what they like; unprotected ones are not, so they must not be there. */
static int parse_area(const struct image_source *source, uint32_t offset, uint32_t size, int is_protected,
                      struct boot_image *image, struct image_seal *seal)
{
    uint32_t at = TRAILER_HEADER;
    while (at < size) {
        uint8_t header[TRAILER_HEADER], word[4];
        if (size - at < TRAILER_HEADER)
            return PAL_ERR_IMAGE;
        int status = fetch(source, offset + at, header, sizeof(header));
        if (status != PAL_OK)
            return status;
        uint32_t type = pal_load_u16(header), length = pal_load_u16(header + 2);
        at += TRAILER_HEADER;
        if (length > size - at)
            return PAL_ERR_IMAGE;
        uint32_t expected = 0, found = 0;
        void *value = place(type, is_protected, word, seal, &expected, &found);
        if (value == NULL && !is_protected)
            return PAL_ERR_IMAGE;
        if (value != NULL) {
            if (length != expected || (seal->found & found) != 0)
                return PAL_ERR_IMAGE;
            status = fetch(source, offset + at, value, length);
            if (status != PAL_OK)
                return status;
            seal->found |= found;
            if (found == IMAGE_COUNTER)
                image->security_counter = pal_load_u32(word);
            if (found == IMAGE_BOARD)
                image->board_id = pal_load_u32(word);
        }
        at += length;
    }
    return PAL_OK;
}

/* The area at `offset` begins with `magic`; its size. */
static int area_size(const struct image_source *source, uint32_t offset, uint32_t magic, uint32_t *size)
{
    uint8_t header[TRAILER_HEADER];
    int status = fetch(source, offset, header, sizeof(header));
    if (status != PAL_OK)
        return status;
    *size = pal_load_u16(header + 2);
    if (pal_load_u16(header) != magic || *size < TRAILER_HEADER || *size > source->size - offset)
        return PAL_ERR_IMAGE;
    return PAL_OK;
}

int image_parse(const struct image_source *source, struct boot_image *image, struct image_seal *seal)
{
    memset(image, 0, sizeof(*image));
    memset(seal, 0, sizeof(*seal));
    uint8_t header[HEADER_SIZE];
    int status = fetch(source, 0, header, sizeof(header));
    if (status != PAL_OK)
        return status;
    if (pal_load_u32(header) != MAGIC)
        return PAL_ERR_IMAGE;
    image->load_address = pal_load_u32(header + 4);
    image->header_size = pal_load_u16(header + 8);
    uint32_t protected_size = pal_load_u16(header + 10);
    image->body_size = pal_load_u32(header + 12);
    memcpy(image->version, header + 20, sizeof(image->version));
    uint32_t flags = pal_load_u32(header + 16);
    if ((flags & ~FLAG_RAM_LOAD) != 0 || image->header_size < HEADER_SIZE || image->header_size > source->size ||
        image->body_size == 0 || image->body_size > source->size - image->header_size)
        return PAL_ERR_IMAGE;
    if (flags == 0)
        image->load_address = 0;

    uint32_t offset = image->header_size + image->body_size, size;
    if (protected_size != 0) {
        status = area_size(source, offset, AREA_PROTECTED_MAGIC, &size);
        if (status != PAL_OK)
            return status;
        if (size != protected_size)
            return PAL_ERR_IMAGE;
        status = parse_area(source, offset, size, 1, image, seal);
        if (status != PAL_OK)
            return status;
        offset += size;
    }
    status = area_size(source, offset, AREA_MAGIC, &size);
    if (status != PAL_OK)
        return status;
    seal->covered = offset;
    image->size = offset + size;
    return parse_area(source, offset, size, 0, image, seal);
}

int image_hash(const struct image_source *source, uint32_t size, uint8_t digest[32])
{
    crypto_hash_sha256_state state;
    uint8_t chunk[CHUNK];
    crypto_hash_sha256_init(&state);
    for (uint32_t at = 0; at < size;) {
        uint32_t n = size - at < CHUNK ? size - at : CHUNK;
        int status = fetch(source, at, chunk, n);
        if (status != PAL_OK)
            return status;
        crypto_hash_sha256_update(&state, chunk, n);
        at += n;
    }
    crypto_hash_sha256_final(&state, digest);
    return PAL_OK;
}
