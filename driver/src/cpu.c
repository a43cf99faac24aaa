/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include "pal/arithmetic.h"

#define ROW_MAX 1024u /* bytes of stack, for a bus that gives no pointers */

static int fetch_table(const struct pal_bus *bus, const struct pal_place *model, const struct pal_command *c,
                       uint8_t table[256])
{
    return c->flags & PAL_CMD_FLAG_TABLE ? bus->read(bus->ctx, model->address + c->table, table, 256) : 0;
}

static int softmax_row(const struct pal_bus *bus, uint32_t from, uint32_t to, const struct pal_command *c,
                       const struct pal_finish *finish)
{
    uint8_t row[ROW_MAX];
    const uint8_t *in = bus->map ? bus->map(bus->ctx, from, c->ifm_c) : NULL;
    uint8_t *out = bus->map ? bus->map(bus->ctx, to, c->ofm_c) : NULL;
    if (in && out) {
        pal_softmax(in, c->ifm_c, c->offset, finish, out);
        return PAL_OK;
    }
    if (c->ifm_c > ROW_MAX)
        return PAL_ERR_LIMIT;
    if (bus->read(bus->ctx, from, row, c->ifm_c))
        return PAL_ERR_BUS;
    pal_softmax(row, c->ifm_c, c->offset, finish, row);
    return bus->write(bus->ctx, to, row, c->ofm_c) ? PAL_ERR_BUS : PAL_OK;
}

int pal_cpu_run(const struct pal_bus *bus, const struct pal_place regions[PAL_REGION_COUNT],
                const struct pal_command *c)
{
    uint8_t table[256];
    if (fetch_table(bus, &regions[PAL_REGION_MODEL], c, table))
        return PAL_ERR_BUS;
    const struct pal_finish finish = {c->act_min, c->act_max, c->flags & PAL_CMD_FLAG_TABLE ? table : NULL};
    if (bus->barrier)
        bus->barrier(bus->ctx);
    int err = PAL_OK;
    for (uint32_t y = 0; !err && y < c->ifm_h; y++)
        for (uint32_t x = 0; !err && x < c->ifm_w; x++)
            err = softmax_row(bus, regions[c->ifm_region].address + c->ifm_offset + y * c->ifm_row + x * c->ifm_px,
                              regions[c->ofm_region].address + c->ofm_offset + y * c->ofm_row + x * c->ofm_px, c,
                              &finish);
    if (bus->barrier)
        bus->barrier(bus->ctx);
    return err;
}
