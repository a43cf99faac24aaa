/* SPDX-License-Identifier: Apache-2.0 */
/* The model store: named models in flash, each contiguous so that it is used in place. A power cut at any
 * moment leaves either the old or the new version of a model, and every other one. */
#ifndef FIRMWARE_STORE_H
#define FIRMWARE_STORE_H

#include "firmware/flash.h"
#include "pal/spec/link.h"

#define STORE_MODELS 32u /* at most */

struct store_entry {
    char name[PAL_LINK_NAME_BYTES]; /* zero-padded; a full one has no zero */
    char label[16];
    uint8_t digest[32];             /* SHA-256 of the file */
    uint32_t offset, size;          /* in the area, bytes; offset is a multiple of PAL_LINK_SECTOR */
};

/* Filled by store_open and kept up to date by the functions below; read only. */
struct store {
    struct flash_area area; /* whole */
    uint32_t count;
    struct store_entry entry[STORE_MODELS];
    /* Of the directory, private to store.c: */
    uint32_t directory;     /* sector in use */
    uint32_t used;          /* bytes of it */
    uint32_t generation;
    uint32_t cursor;        /* where the next search for room begins: wear is spread */
};

/* Read the directory; an area without one becomes an empty store. Whatever the flash holds is safe. */
int store_open(struct store *store, const struct flash_area *area) PAL_MUST_CHECK;

/* The entry of that name, or NULL. */
const struct store_entry *store_find(const struct store *store, const char name[PAL_LINK_NAME_BYTES]);

/* Room for `size` bytes: where a model may be written. The same call after a reset finds the same place, so
 * that an interrupted transfer goes on. Nothing is written. PAL_ERR_FULL, PAL_ERR_ARG for size 0. */
int store_place(const struct store *store, uint32_t size, uint32_t *offset) PAL_MUST_CHECK;

/* The model of `entry` was written and verified: add it, in place of one of the same name. */
int store_commit(struct store *store, const struct store_entry *entry) PAL_MUST_CHECK;

/* PAL_ERR_NOT_FOUND. */
int store_remove(struct store *store, const char name[PAL_LINK_NAME_BYTES]) PAL_MUST_CHECK;

/* Free bytes, and the largest model that fits. */
void store_room(const struct store *store, uint32_t *free, uint32_t *largest);

#endif /* FIRMWARE_STORE_H */
