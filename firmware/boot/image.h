/* SPDX-License-Identifier: Apache-2.0 */
/* Images in MCUboot's format, as `imgtool sign` makes them:
 *
 *   header, padded to its size | body | protected trailers | trailers
 *
 * A trailer area is a list of type, length, value. The digest and the signature are in the second one and cover all
 * that is before it. Private to the boot library. */
#ifndef BOOT_IMAGE_H
#define BOOT_IMAGE_H

#include "firmware/boot.h"

/* Where an image is read from. */
struct image_source {
    const struct flash_area *area; /* or NULL: */
    const uint8_t *data;           /* memory */
    uint32_t size;                 /* bytes there are */
};

/* What the unprotected trailers hold. */
struct image_seal {
    uint32_t covered; /* bytes under the digest, from the start of the image */
    uint32_t found;   /* bits of enum image_found */
    uint8_t digest[32], key_hash[32], signature[64];
};

enum image_found {
    IMAGE_DIGEST = 1,
    IMAGE_KEY_HASH = 2,
    IMAGE_SIGNATURE = 4,
    IMAGE_COUNTER = 8,
    IMAGE_BOARD = 16,
};

/* A slot as a source: memory if the flash is memory. */
struct image_source image_in_slot(const struct flash_area *slot);

/* Read the structure: PAL_ERR_IMAGE or _FLASH. `image` but its digest, `seal`. */
int image_parse(const struct image_source *source, struct boot_image *image, struct image_seal *seal) PAL_MUST_CHECK;

/* SHA-256 of the first `size` bytes. */
int image_hash(const struct image_source *source, uint32_t size, uint8_t digest[32]) PAL_MUST_CHECK;

#endif /* BOOT_IMAGE_H */
