/* SPDX-License-Identifier: Apache-2.0 */
/* A model on the simulated engine: loading, running, the known answer, and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "pal/load.h"
#include "support.h"

#define TARGET 1u
#define EXTRA 16384u

static uint8_t *file;
static size_t file_size;
static struct pal_model model;

static struct pal_place room_for(const struct rig *rig)
{
    return (struct pal_place){rig->memory.address, (uint32_t)pal_session_memory(&model)};
}

static void test_self_test_passes(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, room_for(rig)), PAL_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(pal_session_self_test(&session), PAL_OK);
        CHECK(session.counters.cycles > 0 && session.counters.mac_cycles > 0);
        CHECK(session.counters.mac_cycles < session.counters.cycles);
    }
    rig_free(rig);
}

static void test_self_test_tells_other_constants(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, room_for(rig)), PAL_OK);
    uint32_t weights = session.regions[PAL_REGION_MODEL].address + 360;
    for (uint32_t i = 0; i < 27 * 17; i++)
        rig->bytes[weights - RIG_BASE + i] ^= 0x80;
    CHECK_EQUAL(pal_session_self_test(&session), PAL_ERR_KAT);
    rig_free(rig);
}

static void test_a_model_without_known_answer_has_no_self_test(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    struct pal_model bare = model;
    bare.kat = (struct pal_span){NULL, 0};
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &bare, room_for(rig)), PAL_OK);
    CHECK_EQUAL(pal_session_self_test(&session), PAL_ERR_ARG);
    rig_free(rig);
}

static void test_memory(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    struct pal_place place = room_for(rig);
    for (uint32_t size = 0; size < place.size; size += 64)
        CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, (struct pal_place){place.address, size}),
                    PAL_ERR_MEMORY);
    for (uint32_t shift = 1; shift < PAL_SESSION_ALIGN; shift++)
        CHECK_EQUAL(pal_session_init(&session, &rig->device, &model,
                                     (struct pal_place){place.address + shift, place.size}), PAL_ERR_ARG);
    /* Memory whose end is above 2^32 is no memory. */
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, (struct pal_place){0xFFFFFFC0u, UINT32_MAX}),
                PAL_ERR_MEMORY);
    /* Memory that the bus does not have. */
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, (struct pal_place){0x40, place.size}), PAL_ERR_BUS);
    rig_free(rig);
}

static void test_nothing_but_the_memory_given_is_written(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    struct pal_place place = room_for(rig);
    size_t sram = rig->sim.target->sram_bytes, end = sram + EXTRA;
    memset(rig->bytes, 0xA5, end);
    place.address += 64;
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, place), PAL_OK);
    CHECK_EQUAL(pal_session_self_test(&session), PAL_OK);
    size_t first = place.address - RIG_BASE, behind = first + place.size;
    for (size_t i = model.header.sram_size; i < end; i++)
        if (i < first || i >= behind)
            CHECK_EQUAL(rig->bytes[i], 0xA5);
    CHECK(memcmp(rig->bytes + first, model.constants.data, model.constants.size) == 0);
    rig_free(rig);
}

static void test_other_targets(void)
{
    for (uint32_t target = 2; target <= PAL_TARGET_COUNT; target++) {
        struct rig *rig = rig_new(target, EXTRA);
        struct pal_session session;
        CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, room_for(rig)), PAL_ERR_TARGET);
        rig_free(rig);
    }
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    rig->device.sram_size = model.header.sram_size - 1;
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, room_for(rig)), PAL_ERR_MEMORY);
    rig_free(rig);
}

static void test_access_outside_of_a_region_is_refused(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    uint8_t data[128] = {0};
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, room_for(rig)), PAL_OK);
    CHECK_EQUAL(pal_session_set_input(&session, 0, data, 64), PAL_OK);
    CHECK_EQUAL(pal_session_set_input(&session, 64, data, 0), PAL_OK);
    CHECK_EQUAL(pal_session_set_input(&session, 0, data, 65), PAL_ERR_ARG);
    CHECK_EQUAL(pal_session_set_input(&session, UINT32_MAX, data, 2), PAL_ERR_ARG);
    CHECK_EQUAL(pal_session_read(&session, PAL_REGION_OUTPUT, 0, data, 82), PAL_OK);
    CHECK_EQUAL(pal_session_read(&session, PAL_REGION_OUTPUT, 1, data, 82), PAL_ERR_ARG);
    CHECK_EQUAL(pal_session_read(&session, PAL_REGION_COUNT, 0, data, 1), PAL_ERR_ARG);
    CHECK_EQUAL(pal_session_run_range(&session, 0, 10), PAL_ERR_ARG);
    CHECK_EQUAL(pal_session_run_range(&session, 10, 0), PAL_ERR_ARG);
    CHECK_EQUAL(pal_session_run_range(&session, 1, UINT32_MAX), PAL_ERR_ARG);
    CHECK_EQUAL(pal_session_run_range(&session, 9, 0), PAL_OK);
    struct pal_profile_record record;
    CHECK_EQUAL(pal_session_profile(&session, 9, &record), PAL_ERR_ARG);
    rig_free(rig);
}

static void test_profile_has_every_command(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    uint64_t busy = 0;
    uint32_t last = 0;
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, room_for(rig)), PAL_OK);
    CHECK_EQUAL(pal_session_self_test(&session), PAL_OK);
    for (uint32_t i = 0; i < model.command_count; i++) {
        struct pal_profile_record record;
        struct pal_command command;
        pal_model_command(&model, i, &command);
        CHECK_EQUAL(pal_session_profile(&session, i, &record), PAL_OK);
        CHECK_EQUAL(record.end > record.start, command.opcode < PAL_CMD_CPU_FIRST);
        busy += record.end - record.start;
        CHECK(record.end == 0 || record.start >= last); /* one clock over all segments */
        last = record.end ? record.end : last;
    }
    CHECK(busy < session.counters.cycles);
    rig_free(rig);
}

static void test_command_by_command_gives_the_same(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    uint8_t whole[82], steps[82], input[64];
    for (unsigned i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)(37 * i);
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, room_for(rig)), PAL_OK);
    CHECK_EQUAL(pal_session_set_input(&session, 0, input, sizeof input), PAL_OK);
    CHECK_EQUAL(pal_session_run(&session), PAL_OK);
    CHECK_EQUAL(pal_session_read(&session, PAL_REGION_OUTPUT, 0, whole, sizeof whole), PAL_OK);
    memset(rig->bytes + (session.regions[PAL_REGION_OUTPUT].address - RIG_BASE), 0, sizeof whole);
    for (uint32_t i = 0; i < model.command_count; i++)
        CHECK_EQUAL(pal_session_run_range(&session, i, 1), PAL_OK);
    CHECK_EQUAL(pal_session_read(&session, PAL_REGION_OUTPUT, 0, steps, sizeof steps), PAL_OK);
    CHECK(memcmp(whole, steps, sizeof whole) == 0);
    rig_free(rig);
}

static void test_engine_error_names_the_command_of_the_whole_list(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, room_for(rig)), PAL_OK);
    rig->bytes[session.commands - RIG_BASE + 5 * PAL_COMMAND_SIZE] = 99; /* in the second engine segment */
    CHECK_EQUAL(pal_session_run(&session), PAL_ERR_ENGINE);
    CHECK_EQUAL(session.fault.code, PAL_ENGINE_OPCODE);
    CHECK_EQUAL(session.fault.command, 5);
    CHECK_EQUAL(pal_session_run_range(&session, 0, 5), PAL_OK); /* it goes on working */
    rig_free(rig);
}

/* A bus that gives no pointers, as behind a link: the CPU's commands go through read and write. */
static void test_without_map(void)
{
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_session session;
    rig->sim.bus.map = NULL;
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &model, room_for(rig)), PAL_OK);
    CHECK_EQUAL(pal_session_self_test(&session), PAL_OK);
    rig_free(rig);
}

/* Coded constants decode to the same answers, and a damaged code is refused when it is loaded. */
static void test_coded_constants(void)
{
    size_t size;
    uint8_t *coded = read_whole(CODED_MODEL, &size);
    struct rig *rig = rig_new(TARGET, EXTRA);
    struct pal_model opened;
    struct pal_session session;
    CHECK_EQUAL(pal_model_open(&opened, coded, size), PAL_OK);
    CHECK_EQUAL(opened.constants_encoding, PAL_ENCODING_SEGMENTS);
    CHECK(opened.constants.size < opened.constants_size);
    struct pal_place place = {rig->memory.address, (uint32_t)pal_session_memory(&opened)};
    CHECK_EQUAL(pal_session_init(&session, &rig->device, &opened, place), PAL_OK);
    CHECK_EQUAL(pal_session_self_test(&session), PAL_OK);
    uint8_t *bytes = coded + (opened.constants.data - coded);
    unsigned refused = 0;
    for (size_t i = 0; i < opened.constants.size; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1u << bit);
            int status = pal_session_init(&session, &rig->device, &opened, place);
            CHECK(status == PAL_OK || status == PAL_ERR_FORMAT);
            refused += status != PAL_OK;
            bytes[i] ^= (uint8_t)(1u << bit);
        }
    CHECK(refused > 100);
    rig_free(rig);
    free(coded);
}

int main(void)
{
    file = read_whole(SMALL_MODEL, &file_size);
    CHECK_EQUAL(pal_model_open(&model, file, file_size), PAL_OK);
    test_self_test_passes();
    test_self_test_tells_other_constants();
    test_a_model_without_known_answer_has_no_self_test();
    test_memory();
    test_nothing_but_the_memory_given_is_written();
    test_other_targets();
    test_access_outside_of_a_region_is_refused();
    test_profile_has_every_command();
    test_command_by_command_gives_the_same();
    test_engine_error_names_the_command_of_the_whole_list();
    test_without_map();
    test_coded_constants();
    free(file);
    return passed("test_session");
}
