/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include "pal/arithmetic.h"
#include "pal/load.h"
#include "pal/model.h"
#include "pal/spec/arithmetic.h"

#define ROW_MAX 1024u /* bytes of stack for each operand, where a bus gives no pointers */

/* The operands of one pixel: pointers into bus memory, or copies on the stack. */
struct row {
    const uint8_t *in, *parameters;
    uint8_t *out;
};

static uint32_t signed_order(uint8_t code)
{
    unsigned m = code & 0x7Fu;
    return code & 0x80u ? 128u - m : 128u + m;
}

static void argmax(const struct pal_command *c, const struct row *row)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < c->ifm_c; k++) {
        uint32_t value = signed_order(row->in[k]), largest = signed_order(row->in[best]);
        if (value > largest || (c->scale && value == largest))
            best = k;
    }
    pal_store_u32(row->out, best);
}

static void compute(const struct pal_command *c, const struct pal_finish *finish, const struct row *row)
{
    switch (c->opcode) {
    case PAL_OP_SOFTMAX:
        pal_softmax(row->in, c->ifm_c, c->offset, PAL_SOFTMAX_OUTPUT_BIAS - c->scale, finish, row->out);
        break;
    case PAL_OP_LAYER_NORM:
        pal_layer_norm(row->in, c->ifm_c, row->parameters, c->offset, finish, row->out);
        break;
    default: argmax(c, row); break;
    }
}

static const uint8_t *fetch(const struct pal_bus *bus, uint32_t address, uint32_t size, uint8_t *copy, int *err)
{
    const uint8_t *direct = bus->map ? bus->map(bus->ctx, address, size) : NULL;
    if (direct || *err)
        return direct;
    if (size > ROW_MAX)
        *err = PAL_ERR_LIMIT;
    else if (bus->read(bus->ctx, address, copy, size))
        *err = PAL_ERR_BUS;
    return copy;
}

static int run_pixel(const struct pal_bus *bus, uint32_t from, uint32_t to, uint32_t parameters,
                     const struct pal_command *c, const struct pal_finish *finish)
{
    uint8_t in[ROW_MAX], constant[ROW_MAX], out[ROW_MAX];
    int err = PAL_OK;
    struct row row = {.in = fetch(bus, from, c->ifm_c, in, &err)};
    if (c->opcode == PAL_OP_LAYER_NORM)
        row.parameters = fetch(bus, parameters, (uint32_t)pal_layer_norm_bytes(c->ifm_c), constant, &err);
    uint8_t *direct = bus->map ? bus->map(bus->ctx, to, c->ofm_c) : NULL;
    row.out = direct ? direct : out;
    if (!err && !direct && c->ofm_c > ROW_MAX)
        err = PAL_ERR_LIMIT;
    if (err)
        return err;
    compute(c, finish, &row);
    return !direct && bus->write(bus->ctx, to, out, c->ofm_c) ? PAL_ERR_BUS : PAL_OK;
}

int pal_cpu_run(const struct pal_bus *bus, const struct pal_place regions[PAL_REGION_COUNT],
                const struct pal_command *c)
{
    uint8_t table[256];
    if (bus->barrier)
        bus->barrier(bus->ctx);
    if ((c->flags & PAL_CMD_FLAG_TABLE) &&
        bus->read(bus->ctx, regions[PAL_REGION_MODEL].address + c->table, table, sizeof table))
        return PAL_ERR_BUS;
    const struct pal_finish finish = {c->act_min, c->act_max, c->flags & PAL_CMD_FLAG_TABLE ? table : NULL};
    uint32_t parameters = regions[c->ifm2_region].address + c->ifm2_offset;
    int err = PAL_OK;
    for (uint32_t y = 0; !err && y < c->ifm_h; y++)
        for (uint32_t x = 0; !err && x < c->ifm_w; x++)
            err = run_pixel(bus, regions[c->ifm_region].address + c->ifm_offset + y * c->ifm_row + x * c->ifm_px,
                            regions[c->ofm_region].address + c->ofm_offset + y * c->ofm_row + x * c->ofm_px,
                            parameters, c, &finish);
    if (bus->barrier)
        bus->barrier(bus->ctx);
    return err;
}
