/* SPDX-License-Identifier: Apache-2.0 */
/* The stopwatch counts the time between doorbell and DONE, and nothing else. */
#include <stdlib.h>

#include "stopwatch.h"
#include "support.h"

#define SLOW_NS 2000000

/* Registers in front of the simulator's, on which every access takes SLOW_NS. */
struct slow {
    struct pal_bus bus;
    const struct pal_bus *inner;
    unsigned accesses;
};

static void delay(struct slow *slow)
{
    uint64_t until = pal_stopwatch_now() + SLOW_NS;
    slow->accesses++;
    while (pal_stopwatch_now() < until)
        continue;
}

static int slow_read32(void *ctx, uint32_t offset, uint32_t *value)
{
    struct slow *slow = ctx;
    delay(slow);
    return slow->inner->read32(slow->inner->ctx, offset, value);
}

static int slow_write32(void *ctx, uint32_t offset, uint32_t value)
{
    struct slow *slow = ctx;
    delay(slow);
    return slow->inner->write32(slow->inner->ctx, offset, value);
}

int main(void)
{
    size_t size;
    uint8_t *file = read_whole(SMALL_MODEL, &size);
    struct pal_model model;
    struct rig *rig = rig_new(1, 1u << 16);
    struct slow slow = {.bus = {.read32 = slow_read32, .write32 = slow_write32}, .inner = &rig->sim.bus};
    struct pal_stopwatch stopwatch;
    struct pal_session session;
    slow.bus.ctx = &slow;
    CHECK_EQUAL(pal_model_open(&model, file, size), PAL_OK);

    /* In front of the simulator itself: the same answer, and time between 0 and that of the whole run. */
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, rig->memory), PAL_OK);
    pal_stopwatch_init(&stopwatch, rig->device.bus);
    rig->device.bus = &stopwatch.bus;
    CHECK(stopwatch.engine_ns == 0);
    uint64_t before = pal_stopwatch_now();
    CHECK_EQUAL(pal_session_self_test(&session), PAL_OK);
    uint64_t whole = pal_stopwatch_now() - before, quick = stopwatch.engine_ns;
    CHECK(quick > 0 && quick < whole && !stopwatch.running);

    /* Registers that are slow: only the doorbell's write and the reads until DONE count. */
    pal_stopwatch_init(&stopwatch, &slow.bus);
    CHECK_EQUAL(stopwatch.bus.write32(stopwatch.bus.ctx, PAL_REG_CMD_COUNT, 0), PAL_OK);
    CHECK(stopwatch.engine_ns == 0);
    uint32_t value;
    CHECK_EQUAL(stopwatch.bus.read32(stopwatch.bus.ctx, PAL_REG_DONE, &value), PAL_OK);
    CHECK(stopwatch.engine_ns == 0);
    CHECK_EQUAL(stopwatch.bus.write32(stopwatch.bus.ctx, PAL_REG_SUBMIT, value + 1), PAL_OK);
    CHECK(stopwatch.running && stopwatch.engine_ns == 0);
    CHECK_EQUAL(stopwatch.bus.read32(stopwatch.bus.ctx, PAL_REG_STATUS, &value), PAL_OK);
    CHECK(stopwatch.running);
    CHECK_EQUAL(stopwatch.bus.read32(stopwatch.bus.ctx, PAL_REG_DONE, &value), PAL_OK);
    CHECK(!stopwatch.running && stopwatch.engine_ns >= 3 * SLOW_NS);
    uint64_t once = stopwatch.engine_ns;
    CHECK_EQUAL(stopwatch.bus.read32(stopwatch.bus.ctx, PAL_REG_DONE, &value), PAL_OK);
    CHECK(stopwatch.engine_ns == once);
    CHECK_EQUAL(slow.accesses, 6);

    /* A bus without map stays one. */
    CHECK(stopwatch.bus.map(stopwatch.bus.ctx, RIG_BASE, 4) == NULL);
    rig_free(rig);
    free(file);
    return passed("test_stopwatch");
}
