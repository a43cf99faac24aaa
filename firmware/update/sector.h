/* SPDX-License-Identifier: Apache-2.0 */
/* One sector of a transfer. */
#ifndef UPDATE_SECTOR_H
#define UPDATE_SECTOR_H

#include "firmware/flash.h"
#include "pal/spec/link.h"

/* Put `count` segments together. PAL_ERR_ARG unless they are sound, fill the sector and use up the body. */
int sector_decode(uint8_t sector[PAL_LINK_SECTOR], const struct flash_area *source, uint32_t count, const uint8_t *body,
                  uint32_t size);

/* Make flash hold the sector; nothing is written where it does already. PAL_ERR_FLASH if it does not afterwards. */
int sector_write(const struct flash_area *area, uint32_t offset, const uint8_t sector[PAL_LINK_SECTOR]);

#endif /* UPDATE_SECTOR_H */
