/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever access goes wrong, the driver says so, ends in time, and works again. */
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "support.h"

#define TARGET 1u
#define EXTRA 16384u
#define MOST_WAITS 16u

static uint8_t *file;
static size_t file_size;
static struct pal_model model;

/* Everything a user does, up to the first failure. `stage` counts what has succeeded. */
struct life {
    struct pal_device device;
    struct pal_session session;
    int stage;
};

static int live(struct life *life, const struct pal_bus *bus, struct pal_place memory)
{
    struct pal_profile_record record;
    uint8_t data[64] = {1, 2, 3};
    life->stage = 0;
    int err = pal_device_init(&life->device, bus);
    if (err)
        return err;
    life->stage++;
    if ((err = pal_session_init(&life->session, &life->device, &model, memory)))
        return err;
    life->stage++;
    if ((err = pal_session_self_test(&life->session)) ||
        (err = pal_session_set_input(&life->session, 0, data, sizeof data)) ||
        (err = pal_session_run(&life->session)) ||
        (err = pal_session_read(&life->session, PAL_REGION_OUTPUT, 0, data, sizeof data)))
        return err;
    return pal_session_profile(&life->session, 0, &record);
}

/* After a fault: again what had failed, and from there on. */
static void check_it_works_again(struct life *life, const struct pal_bus *bus, struct pal_place memory)
{
    if (life->stage < 1)
        CHECK_EQUAL(pal_device_init(&life->device, bus), PAL_OK);
    if (life->stage < 2)
        CHECK_EQUAL(pal_session_init(&life->session, &life->device, &model, memory), PAL_OK);
    CHECK_EQUAL(pal_session_self_test(&life->session), PAL_OK);
    CHECK_EQUAL(life->device.unsettled, 0);
}

static uint32_t accesses_of_a_life(const struct pal_bus *bus, struct pal_place memory)
{
    struct pal_fault_bus fault;
    struct life life;
    pal_fault_bus_init(&fault, bus, PAL_FAULT_NONE, 0);
    CHECK_EQUAL(live(&life, &fault.bus, memory), PAL_OK);
    CHECK(fault.accesses > 200);
    return fault.accesses;
}

static void test_a_failure_at_every_access(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    uint32_t count = accesses_of_a_life(&rig->sim.bus, rig->memory);
    for (uint32_t at = 0; at < count; at++) {
        struct pal_fault_bus fault;
        struct life life;
        pal_fault_bus_init(&fault, &rig->sim.bus, PAL_FAULT_FAIL, at);
        CHECK_EQUAL(live(&life, &fault.bus, rig->memory), PAL_ERR_BUS);
        CHECK_EQUAL(fault.accesses, at + 1); /* it gave up at once */
        check_it_works_again(&life, &fault.bus, rig->memory);
    }
    rig_free(rig);
}

/* As above with an engine that takes its time, so that waits fail too. */
static void test_a_failure_at_every_access_of_a_slow_engine(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    for (uint32_t at = 0;; at++) {
        struct pal_fault_bus slow, fault;
        struct life life;
        pal_fault_bus_init(&slow, &rig->sim.bus, PAL_FAULT_LATE, 20);
        slow.late = 1000;
        pal_fault_bus_init(&fault, &slow.bus, PAL_FAULT_FAIL, at);
        int status = live(&life, &fault.bus, rig->memory);
        CHECK(slow.waits <= MOST_WAITS);
        if (fault.accesses <= at) { /* the end */
            CHECK(status == PAL_OK && at > 200);
            break;
        }
        CHECK_EQUAL(status, PAL_ERR_BUS);
        check_it_works_again(&life, &fault.bus, rig->memory);
    }
    rig_free(rig);
}

static void test_an_engine_that_never_finishes(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    uint32_t count = accesses_of_a_life(&rig->sim.bus, rig->memory), timeouts = 0;
    for (uint32_t at = 0; at < count; at++) {
        struct pal_fault_bus fault;
        struct life life;
        pal_fault_bus_init(&fault, &rig->sim.bus, PAL_FAULT_HANG, at);
        int status = live(&life, &fault.bus, rig->memory);
        CHECK(status == PAL_ERR_TIMEOUT || (status == PAL_OK && !fault.stuck));
        timeouts += status == PAL_ERR_TIMEOUT;
        CHECK(fault.waits <= MOST_WAITS && fault.clock_us <= 1000000);
        CHECK_EQUAL(*(volatile uint32_t *)&rig->sim.reg[PAL_REG_CTRL / 4], 0); /* out of reset */
        fault.kind = PAL_FAULT_NONE;
        check_it_works_again(&life, &fault.bus, rig->memory);
    }
    CHECK(timeouts > count / 2);
    rig_free(rig);
}

static void test_a_late_engine_whose_interrupt_is_lost(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_fault_bus fault;
    struct life life;
    pal_fault_bus_init(&fault, &rig->sim.bus, PAL_FAULT_LATE, 40);
    fault.late = 1000;
    CHECK_EQUAL(live(&life, &fault.bus, rig->memory), PAL_OK); /* DONE is looked at after the wait */
    CHECK_EQUAL(fault.waits, 1);
    rig_free(rig);
}

static void test_the_timeout_is_kept(void)
{
    static const uint32_t timeouts[] = {1, 999, 1000000, UINT32_MAX};
    struct rig *rig = rig_new(TARGET, EXTRA);
    for (unsigned i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
        struct pal_fault_bus fault;
        struct life life;
        pal_fault_bus_init(&fault, &rig->sim.bus, PAL_FAULT_NONE, 0);
        fault.clock_us = UINT32_MAX - 500; /* the clock wraps meanwhile */
        CHECK_EQUAL(live(&life, &fault.bus, rig->memory), PAL_OK);
        uint32_t start = fault.clock_us;
        fault.kind = PAL_FAULT_HANG;
        fault.done = life.device.request;
        life.session.timeout_us = timeouts[i];
        CHECK_EQUAL(pal_session_run(&life.session), PAL_ERR_TIMEOUT);
        CHECK_EQUAL(fault.clock_us - start, timeouts[i] > INT32_MAX ? INT32_MAX : timeouts[i]);
    }
    rig_free(rig);
}

static void test_a_wrong_word_at_every_access(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    uint32_t count = accesses_of_a_life(&rig->sim.bus, rig->memory), noticed = 0;
    for (uint32_t at = 0; at < count; at++) {
        struct pal_fault_bus fault;
        struct life life;
        pal_fault_bus_init(&fault, &rig->sim.bus, PAL_FAULT_CORRUPT, at);
        int status = live(&life, &fault.bus, rig->memory);
        CHECK(status <= 0 && fault.waits <= MOST_WAITS);
        noticed += status < 0;
        life.stage = 0; /* what was read of the engine may be wrong */
        check_it_works_again(&life, &fault.bus, rig->memory);
    }
    CHECK(noticed > 30);
    rig_free(rig);
}

static void test_what_is_no_engine_is_refused(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_device device;
    uint32_t *id = &rig->sim.reg[PAL_REG_ID / 4], *abi = &rig->sim.reg[PAL_REG_ABI / 4];
    static const uint32_t foreign[] = {0, UINT32_MAX, PAL_ID_VALUE + 1};
    for (unsigned i = 0; i < 3; i++) {
        *id = foreign[i];
        CHECK_EQUAL(pal_device_init(&device, &rig->sim.bus), PAL_ERR_BUS);
    }
    *id = PAL_ID_VALUE;
    *abi = (PAL_ABI_MAJOR_VALUE + 1) << 16;
    CHECK_EQUAL(pal_device_init(&device, &rig->sim.bus), PAL_ERR_ABI);
    *abi = 0;
    CHECK_EQUAL(pal_device_init(&device, &rig->sim.bus), PAL_ERR_ABI);
    *abi = PAL_ABI_MAJOR_VALUE << 16 | 0xFFFF; /* a newer minor version only adds */
    CHECK_EQUAL(pal_device_init(&device, &rig->sim.bus), PAL_OK);
    rig_free(rig);
}

/* Any answer to any register: no crash, no endless wait. */
static void test_an_engine_that_talks_nonsense(void)
{
    for (uint32_t seed = 1; seed < 300; seed++) {
        struct rig *rig = rig_new(TARGET, EXTRA);
        struct pal_fault_bus fault;
        struct life life;
        uint32_t state = seed;
        for (uint32_t r = PAL_REG_TARGET; r <= PAL_REG_IRQ_ACK; r += 4)
            if ((state = pal_kat_next(state)) % 3 == 0)
                rig->sim.reg[r / 4] = state;
        pal_fault_bus_init(&fault, &rig->sim.bus, PAL_FAULT_NONE, 0);
        CHECK(live(&life, &fault.bus, rig->memory) <= 0);
        CHECK(fault.waits <= MOST_WAITS);
        rig_free(rig);
    }
}

static void test_all(const char *path)
{
    file = read_whole(path, &file_size);
    CHECK_EQUAL(pal_model_open(&model, file, file_size), PAL_OK);
    test_a_failure_at_every_access();
    test_a_failure_at_every_access_of_a_slow_engine();
    test_an_engine_that_never_finishes();
    test_a_late_engine_whose_interrupt_is_lost();
    test_the_timeout_is_kept();
    test_a_wrong_word_at_every_access();
    test_what_is_no_engine_is_refused();
    test_an_engine_that_talks_nonsense();
    free(file);
}

int main(void)
{
    test_all(SMALL_MODEL);
    test_all(CODED_MODEL);
    return passed("test_faults");
}
