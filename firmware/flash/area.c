/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware/flash.h"

static int outside(const struct flash_area *area, uint32_t offset, uint32_t size)
{
    return offset > area->size || size > area->size - offset;
}

int flash_area_read(const struct flash_area *area, uint32_t offset, void *data, uint32_t size)
{
    if (outside(area, offset, size))
        return PAL_ERR_ARG;
    return area->flash->read(area->flash->ctx, area->offset + offset, data, size);
}

int flash_area_program(const struct flash_area *area, uint32_t offset, const void *data, uint32_t size)
{
    if (outside(area, offset, size) || (offset | size) % area->flash->granule != 0)
        return PAL_ERR_ARG;
    return area->flash->program(area->flash->ctx, area->offset + offset, data, size);
}

int flash_area_erase(const struct flash_area *area, uint32_t offset, uint32_t size)
{
    if (outside(area, offset, size) || offset % area->flash->sector_size != 0 || size % area->flash->sector_size != 0)
        return PAL_ERR_ARG;
    return area->flash->erase(area->flash->ctx, area->offset + offset, size);
}
