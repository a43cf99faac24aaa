/* SPDX-License-Identifier: Apache-2.0 */
/* Writing an image or a model over the link: the requests BEGIN, DIGESTS, WRITE, END, ABORT. The same in the
 * application and in recovery. Every sector is written on its own and may be written again, so a transfer goes
 * on where it was interrupted. */
#ifndef FIRMWARE_UPDATE_H
#define FIRMWARE_UPDATE_H

#include "firmware/boot.h"
#include "firmware/store.h"

struct update_models;

struct update {
    const struct boot_config *boot;
    const struct update_models *models; /* NULL in recovery: models are refused with PAL_ERR_COMMAND */
    struct store *store;
    uint8_t running;                 /* slot that runs, BOOT_NO_SLOT in recovery */
    int active;                      /* between BEGIN and END or ABORT */
    int forgotten;                   /* the journal no longer speaks of the slot that is written */
    struct pal_link_begin begin;
    struct pal_link_transfer transfer;
    struct flash_area target, source; /* source.size 0: none */
    uint8_t sector[PAL_LINK_SECTOR];
};

void update_init(struct update *update, const struct boot_config *boot, uint8_t running);

/* Take models too, from now on. */
void update_take_models(struct update *update, struct store *store);

/* The handlers: `body` is the request's, `out` has room for PAL_LINK_MESSAGE_MAX - PAL_LINK_MESSAGE_SIZE bytes and
 * `*out_size` is set. Total: any bytes are safe. They return the response's status. */
int update_begin(struct update *update, const uint8_t *body, uint32_t size, uint8_t *out, uint32_t *out_size);
int update_digests(struct update *update, const uint8_t *body, uint32_t size, uint8_t *out, uint32_t *out_size);
int update_write(struct update *update, const uint8_t *body, uint32_t size);
int update_end(struct update *update);
void update_abort(struct update *update);

#endif /* FIRMWARE_UPDATE_H */
