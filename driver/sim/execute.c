/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands compute, without regard to time. */
#include "engine.h"
#include "pal/arithmetic.h"
#include "pal/load.h"
#include "pal/spec/arithmetic.h"

#define LANES PAL_CMD_OC_BLOCK

/* A command with its addresses made pointers. */
struct job {
    const struct pal_sim *sim;
    const struct pal_command *c;
    const uint8_t *ifm, *ifm2, *weights, *params;
    uint8_t *ofm;
    struct pal_finish finish;
};

/* The part of a window that lies inside the input: taps [y0, y1) x [x0, x1). */
struct window {
    int32_t row, column; /* input position of tap (0, 0) */
    unsigned y0, y1, x0, x1;
};

static void valid_taps(int32_t first, unsigned taps, unsigned dilation, unsigned size, unsigned *begin, unsigned *end)
{
    unsigned i = 0;
    while (i < taps && first + (int32_t)(i * dilation) < 0)
        i++;
    *begin = i;
    while (i < taps && first + (int32_t)(i * dilation) < (int32_t)size)
        i++;
    *end = i;
}

static struct window window_at(const struct pal_command *c, unsigned y, unsigned x)
{
    struct window w = {(int32_t)(y * c->stride_y) - c->pad_top, (int32_t)(x * c->stride_x) - c->pad_left, 0, 0, 0, 0};
    valid_taps(w.row, c->kh, c->dilation_y, c->ifm_h, &w.y0, &w.y1);
    valid_taps(w.column, c->kw, c->dilation_x, c->ifm_w, &w.x0, &w.x1);
    return w;
}

static const uint8_t *tap_pixel(const struct job *job, const struct window *w, unsigned i, unsigned j)
{
    const struct pal_command *c = job->c;
    size_t y = (size_t)(w->row + (int32_t)(i * c->dilation_y)), x = (size_t)(w->column + (int32_t)(j * c->dilation_x));
    return job->ifm + y * c->ifm_row + x * c->ifm_px;
}

static uint8_t *output_pixel(const struct job *job, unsigned y, unsigned x)
{
    return job->ofm + (size_t)y * job->c->ofm_row + (size_t)x * job->c->ofm_px;
}

static void conv_pixel(const struct job *job, const struct window *w, const uint8_t *weights, unsigned lanes,
                       uint32_t acc[LANES])
{
    const struct pal_command *c = job->c;
    for (unsigned i = w->y0; i < w->y1; i++)
        for (unsigned j = w->x0; j < w->x1; j++) {
            const uint8_t *a = tap_pixel(job, w, i, j);
            const uint8_t *row = weights + (size_t)(i * c->kw + j) * c->ifm_c * lanes;
            if (lanes == LANES) {
                for (unsigned k = 0; k < c->ifm_c; k++, row += LANES) {
                    const int32_t *product = job->sim->product + ((size_t)a[k] << 8);
                    for (unsigned o = 0; o < LANES; o++)
                        acc[o] += (uint32_t)product[row[o]];
                }
            } else {
                for (unsigned k = 0; k < c->ifm_c; k++, row += lanes) {
                    const int32_t *product = job->sim->product + ((size_t)a[k] << 8);
                    for (unsigned o = 0; o < lanes; o++)
                        acc[o] += (uint32_t)product[row[o]];
                }
            }
        }
}

static void store_block(const struct job *job, uint8_t *out, unsigned first, unsigned lanes, const uint32_t *acc)
{
    const uint8_t *offsets = job->params + 4u * (size_t)job->c->ofm_c;
    for (unsigned o = 0; o < lanes; o++) {
        int offset = (int16_t)pal_load_u16(offsets + 2u * (size_t)(first + o));
        out[first + o] = pal_requantise((int32_t)acc[o], offset, &job->finish);
    }
}

static void load_biases(const struct job *job, unsigned first, unsigned lanes, uint32_t acc[LANES])
{
    for (unsigned o = 0; o < lanes; o++)
        acc[o] = pal_load_u32(job->params + 4u * (size_t)(first + o));
}

static void conv(const struct job *job)
{
    const struct pal_command *c = job->c;
    size_t depth = (size_t)c->kh * c->kw * c->ifm_c;
    for (unsigned first = 0; first < c->ofm_c; first += LANES) {
        unsigned lanes = c->ofm_c - first < LANES ? c->ofm_c - first : LANES;
        for (unsigned y = 0; y < c->ofm_h; y++)
            for (unsigned x = 0; x < c->ofm_w; x++) {
                struct window w = window_at(c, y, x);
                uint32_t acc[LANES];
                load_biases(job, first, lanes, acc);
                conv_pixel(job, &w, job->weights + depth * first, lanes, acc);
                store_block(job, output_pixel(job, y, x), first, lanes, acc);
            }
    }
}

static void depthwise(const struct job *job)
{
    const struct pal_command *c = job->c;
    size_t taps = (size_t)c->kh * c->kw;
    for (unsigned y = 0; y < c->ofm_h; y++)
        for (unsigned x = 0; x < c->ofm_w; x++) {
            struct window w = window_at(c, y, x);
            for (unsigned first = 0; first < c->ofm_c; first += LANES) {
                unsigned lanes = c->ofm_c - first < LANES ? c->ofm_c - first : LANES;
                uint32_t acc[LANES];
                load_biases(job, first, lanes, acc);
                for (unsigned i = w.y0; i < w.y1; i++)
                    for (unsigned j = w.x0; j < w.x1; j++) {
                        const uint8_t *a = tap_pixel(job, &w, i, j) + first;
                        const uint8_t *row = job->weights + taps * first + (size_t)(i * c->kw + j) * lanes;
                        for (unsigned o = 0; o < lanes; o++)
                            acc[o] += (uint32_t)job->sim->product[(size_t)a[o] << 8 | row[o]];
                    }
                store_block(job, output_pixel(job, y, x), first, lanes, acc);
            }
        }
}

static void pool_average(const struct job *job)
{
    const struct pal_command *c = job->c;
    for (unsigned y = 0; y < c->ofm_h; y++)
        for (unsigned x = 0; x < c->ofm_w; x++) {
            struct window w = window_at(c, y, x);
            uint8_t *out = output_pixel(job, y, x);
            for (unsigned k = 0; k < c->ofm_c; k++) {
                uint32_t acc = 0;
                for (unsigned i = w.y0; i < w.y1; i++)
                    for (unsigned j = w.x0; j < w.x1; j++)
                        acc += (uint32_t)job->sim->product[(size_t)tap_pixel(job, &w, i, j)[k] << 8 |
                                                           job->weights[i * c->kw + j]];
                out[k] = pal_requantise((int32_t)acc, c->offset, &job->finish);
            }
        }
}

static int signed_code(uint8_t code)
{
    return code & PAL_SIGN_MASK ? -(code & PAL_MAGNITUDE_MAX) : code;
}

static uint8_t recode(const struct job *job, int s)
{
    return pal_to_code(s < 0 ? -s : s, s < 0, s == 0, job->c->offset, &job->finish);
}

static void pool_max(const struct job *job)
{
    const struct pal_command *c = job->c;
    for (unsigned y = 0; y < c->ofm_h; y++)
        for (unsigned x = 0; x < c->ofm_w; x++) {
            struct window w = window_at(c, y, x);
            uint8_t *out = output_pixel(job, y, x);
            int empty = w.y0 == w.y1 || w.x0 == w.x1;
            for (unsigned k = 0; k < c->ofm_c; k++) {
                int best = empty ? 0 : -(int)PAL_MAGNITUDE_MAX;
                for (unsigned i = w.y0; i < w.y1; i++)
                    for (unsigned j = w.x0; j < w.x1; j++) {
                        int s = signed_code(tap_pixel(job, &w, i, j)[k]);
                        best = s > best ? s : best;
                    }
                out[k] = recode(job, best);
            }
        }
}

static uint8_t pair(const struct job *job, uint8_t a, uint8_t b)
{
    const struct pal_command *c = job->c;
    if (c->opcode == PAL_OP_ADD) {
        int32_t acc = job->sim->product[(size_t)a << 8 | c->scale] + job->sim->product[(size_t)b << 8 | c->scale2];
        return pal_requantise(acc, c->offset, &job->finish);
    }
    int ma = a & PAL_MAGNITUDE_MAX, mb = b & PAL_MAGNITUDE_MAX;
    return pal_to_code(ma + mb, (a ^ b) & PAL_SIGN_MASK, !ma || !mb, c->offset, &job->finish);
}

static void elementwise(const struct job *job)
{
    const struct pal_command *c = job->c;
    unsigned step = c->flags & PAL_CMD_FLAG_BROADCAST_C ? 0 : 1;
    for (unsigned y = 0; y < c->ofm_h; y++)
        for (unsigned x = 0; x < c->ofm_w; x++) {
            const uint8_t *a = job->ifm + (size_t)y * c->ifm_row + (size_t)x * c->ifm_px;
            const uint8_t *b = job->ifm2 + (size_t)y * c->ifm2_row + (size_t)x * c->ifm2_px;
            uint8_t *out = output_pixel(job, y, x);
            if (c->opcode == PAL_OP_MAP)
                for (unsigned k = 0; k < c->ofm_c; k++)
                    out[k] = recode(job, signed_code(a[k]));
            else
                for (unsigned k = 0; k < c->ofm_c; k++)
                    out[k] = pair(job, a[k], b[(size_t)k * step]);
        }
}

void pal_sim_execute(const struct pal_sim *sim, const struct pal_command *c, uint8_t *const memory[PAL_REGION_COUNT])
{
    const uint8_t *model = memory[PAL_REGION_MODEL];
    struct job job = {.sim = sim, .c = c, .ifm = memory[c->ifm_region] + c->ifm_offset,
                      .ofm = memory[c->ofm_region] + c->ofm_offset,
                      .finish = {c->act_min, c->act_max, c->flags & PAL_CMD_FLAG_TABLE ? model + c->table : NULL}};
    if (pal_opcode_has_window(c->opcode)) {
        job.weights = memory[c->ifm2_region] ? memory[c->ifm2_region] + c->weights : NULL;
        job.params = model ? model + c->params : NULL;
    } else {
        job.ifm2 = memory[c->ifm2_region] ? memory[c->ifm2_region] + c->ifm2_offset : job.ifm;
    }
    switch (c->opcode) {
    case PAL_OP_CONV: conv(&job); break;
    case PAL_OP_DEPTHWISE: depthwise(&job); break;
    case PAL_OP_POOL_AVG: pool_average(&job); break;
    case PAL_OP_POOL_MAX: pool_max(&job); break;
    default: elementwise(&job); break;
    }
}
