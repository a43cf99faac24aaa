/* SPDX-License-Identifier: Apache-2.0 */
/* The engine refuses every malformed command by its kind and index, and touches nothing outside its regions. */
#include <stdlib.h>
#include <string.h>

#include "pal/load.h"
#include "support.h"

#define TARGET 1u
#define GUARD 64u
#define MODEL_SIZE 2048u
#define MAP_SIZE 1024u
#define ROOM 16384u
#define MOST 4u

/* Five regions with guard bytes around each, and a list of commands. */
struct bench {
    struct rig *rig;
    struct pal_place regions[PAL_REGION_COUNT];
    uint32_t list;
};

static uint8_t *at(struct bench *b, uint32_t address)
{
    return b->rig->bytes + (address - RIG_BASE);
}

static struct bench bench_new(void)
{
    struct bench b = {.rig = rig_new(TARGET, ROOM)};
    uint32_t next = b.rig->memory.address + GUARD;
    for (unsigned r = 0; r < PAL_REGION_COUNT; r++) {
        b.regions[r] = (struct pal_place){next, r == PAL_REGION_MODEL ? MODEL_SIZE : MAP_SIZE};
        next += b.regions[r].size + GUARD;
    }
    b.list = next;
    memset(b.rig->bytes, 0xA5, b.list - RIG_BASE);
    for (unsigned r = 0; r < PAL_REGION_COUNT; r++)
        for (uint32_t i = 0; i < b.regions[r].size; i++)
            at(&b, b.regions[r].address)[i] = (uint8_t)(r * 31 + i * 7);
    return b;
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

/* A legal 4x4x3 command in the bytes of a descriptor: INPUT to ARENA. */
static void make(uint8_t d[PAL_COMMAND_SIZE], unsigned opcode)
{
    memset(d, 0, PAL_COMMAND_SIZE);
    d[0] = (uint8_t)opcode;
    d[4] = PAL_REGION_INPUT;
    d[6] = PAL_REGION_ARENA;
    for (unsigned map = 8; map <= 24; map += 16) {
        pal_store_u32(d + map, 5);
        pal_store_u32(d + map + 4, 13);
        put16(d + map + 8, 4);
        put16(d + map + 10, 4);
        put16(d + map + 12, 3);
        put16(d + map + 14, 3);
    }
    d[44] = 0x81; /* -127 */
    d[45] = 0x7F;
    if (pal_opcode_has_window(opcode)) {
        memset(d + 48, 1, 6);
        d[48] = d[49] = 3;
        d[54] = d[55] = 1;
        if (opcode != PAL_OP_POOL_MAX)
            pal_store_u32(d + 56, 100);
        if (opcode == PAL_OP_CONV || opcode == PAL_OP_DEPTHWISE)
            pal_store_u32(d + 60, 1000);
    } else if (opcode == PAL_OP_ADD || opcode == PAL_OP_MUL) {
        d[5] = PAL_REGION_SRAM;
        pal_store_u32(d + 48, 9);
        pal_store_u32(d + 52, 12);
        put16(d + 56, 3);
    }
}

static struct pal_fault run(struct bench *b, const uint8_t *commands, uint32_t count)
{
    struct pal_fault fault;
    const struct pal_run order = {b->list, count, 0, 0};
    memcpy(at(b, b->list), commands, (size_t)count * PAL_COMMAND_SIZE);
    int status = pal_device_run(&b->rig->device, b->regions, &order, &fault);
    CHECK_EQUAL(status, fault.code ? PAL_ERR_ENGINE : PAL_OK);
    return fault;
}

/* Nothing but `changed` differs from a new bench. */
static void check_untouched(struct bench *b, unsigned changed)
{
    struct bench fresh = bench_new();
    uint32_t end = b->list - RIG_BASE, first = b->regions[changed].address - RIG_BASE;
    CHECK(memcmp(b->rig->bytes, fresh.rig->bytes, first) == 0);
    first += b->regions[changed].size;
    CHECK(memcmp(b->rig->bytes + first, fresh.rig->bytes + first, end - first) == 0);
    rig_free(fresh.rig);
}

static const uint8_t opcodes[] = {PAL_OP_CONV, PAL_OP_DEPTHWISE, PAL_OP_POOL_AVG, PAL_OP_POOL_MAX,
                                  PAL_OP_ADD,  PAL_OP_MUL,       PAL_OP_MAP};
#define OPCODES (sizeof opcodes)

static void test_legal_commands_write_only_their_output(void)
{
    for (unsigned i = 0; i < OPCODES; i++) {
        struct bench b = bench_new();
        uint8_t d[PAL_COMMAND_SIZE];
        make(d, opcodes[i]);
        CHECK_EQUAL(run(&b, d, 1).code, PAL_ENGINE_NONE);
        check_untouched(&b, PAL_REGION_ARENA);
        const uint8_t *arena = at(&b, b.regions[PAL_REGION_ARENA].address);
        for (uint32_t k = 0; k < MAP_SIZE; k++) /* gaps between the rows too */
            if (k < 5 || k >= 5 + 3 * 13 + 12 || (k - 5) % 13 == 12)
                CHECK_EQUAL(arena[k], (uint8_t)(PAL_REGION_ARENA * 31 + k * 7));
        rig_free(b.rig);
    }
}

struct change {
    unsigned offset, bytes;
    uint32_t value;
    unsigned error;
    const char *opcodes; /* initials: C, D, A(verage), M(ax), +, *, =; "" is all */
};

static const char initials[] = "CDAM+*=";

static const struct change changes[] = {
    {0, 1, 0, PAL_ENGINE_OPCODE, ""},
    {0, 1, 8, PAL_ENGINE_OPCODE, ""},
    {0, 1, 0x7F, PAL_ENGINE_OPCODE, ""},
    {0, 1, PAL_OP_SOFTMAX, PAL_ENGINE_OPCODE, ""},
    {0, 1, 0xFF, PAL_ENGINE_OPCODE, ""},
    {1, 1, 4, PAL_ENGINE_FIELD, ""},
    {1, 1, 0x80, PAL_ENGINE_FIELD, ""},
    {1, 1, PAL_CMD_FLAG_BROADCAST_C, PAL_ENGINE_FIELD, "CDAM="},
    {4, 1, 5, PAL_ENGINE_FIELD, ""},
    {4, 1, 255, PAL_ENGINE_FIELD, ""},
    {5, 1, 5, PAL_ENGINE_FIELD, ""},
    {5, 1, 1, PAL_ENGINE_FIELD, "="},
    {6, 1, 5, PAL_ENGINE_FIELD, ""},
    {6, 1, PAL_REGION_MODEL, PAL_ENGINE_FIELD, ""},
    {6, 1, PAL_REGION_INPUT, PAL_ENGINE_FIELD, ""},
    {7, 1, 1, PAL_ENGINE_FIELD, ""},
    {8, 4, MAP_SIZE - 50, PAL_ENGINE_ADDRESS, ""},
    {8, 4, UINT32_MAX, PAL_ENGINE_ADDRESS, ""},
    {12, 4, 400, PAL_ENGINE_ADDRESS, ""},
    {12, 4, UINT32_MAX, PAL_ENGINE_ADDRESS, ""},
    {12, 4, 0x55555555, PAL_ENGINE_ADDRESS, ""}, /* three rows wrap around 2^32 */
    {16, 2, 0, PAL_ENGINE_FIELD, ""},
    {16, 2, 0xFFFF, PAL_ENGINE_ADDRESS, "CDAM"},
    {16, 2, 5, PAL_ENGINE_FIELD, "+*="}, /* not the output's */
    {18, 2, 0, PAL_ENGINE_FIELD, ""},
    {18, 2, 0xFFFF, PAL_ENGINE_ADDRESS, "CDAM"},
    {18, 2, 5, PAL_ENGINE_FIELD, "+*="},
    {20, 2, 0, PAL_ENGINE_FIELD, ""},
    {20, 2, 0xFFFF, PAL_ENGINE_ADDRESS, ""},
    {20, 2, 4, PAL_ENGINE_FIELD, "DAM+*="},
    {22, 2, 0xFFFF, PAL_ENGINE_ADDRESS, ""},
    {24, 4, MAP_SIZE - 50, PAL_ENGINE_ADDRESS, ""},
    {24, 4, UINT32_MAX - 50, PAL_ENGINE_ADDRESS, ""},
    {28, 4, 0x80000000u, PAL_ENGINE_ADDRESS, ""},
    {32, 2, 0, PAL_ENGINE_FIELD, ""},
    {34, 2, 0, PAL_ENGINE_FIELD, ""},
    {36, 2, 0, PAL_ENGINE_FIELD, ""},
    {32, 2, 0xFFFF, PAL_ENGINE_ADDRESS, "CDAM"},
    {36, 2, 0xFFFF, PAL_ENGINE_ADDRESS, ""},
    {36, 2, 2, PAL_ENGINE_FIELD, "DAM+*="},
    {38, 2, 0xFFFF, PAL_ENGINE_ADDRESS, ""},
    {40, 4, 1, PAL_ENGINE_FIELD, ""}, /* a table without its flag */
    {45, 1, 0x80, PAL_ENGINE_FIELD, ""}, /* act_max < act_min */
    {46, 2, 1, PAL_ENGINE_FIELD, "CD"},
    {48, 1, 0, PAL_ENGINE_FIELD, "CDAM"},
    {49, 1, 0, PAL_ENGINE_FIELD, "CDAM"},
    {50, 1, 0, PAL_ENGINE_FIELD, "CDAM"},
    {51, 1, 0, PAL_ENGINE_FIELD, "CDAM"},
    {52, 1, 0, PAL_ENGINE_FIELD, "CDAM"},
    {53, 1, 0, PAL_ENGINE_FIELD, "CDAM"},
    {48, 1, 255, PAL_ENGINE_ADDRESS, "CD"}, /* that many weights are not in MODEL */
    {56, 4, MODEL_SIZE, PAL_ENGINE_ADDRESS, "CDA"},
    {56, 4, UINT32_MAX, PAL_ENGINE_ADDRESS, "CDA"},
    {56, 4, 1, PAL_ENGINE_FIELD, "M"},
    {60, 4, 1001, PAL_ENGINE_FIELD, "CD"},
    {60, 4, MODEL_SIZE - 16, PAL_ENGINE_ADDRESS, "CD"},
    {60, 4, 0xFFFFFFFCu, PAL_ENGINE_ADDRESS, "CD"},
    {60, 4, 4, PAL_ENGINE_FIELD, "AM"},
    {60, 4, 1, PAL_ENGINE_FIELD, "+*="},
    {48, 4, MAP_SIZE - 40, PAL_ENGINE_ADDRESS, "+*"},
    {48, 4, UINT32_MAX, PAL_ENGINE_ADDRESS, "+*"},
    {52, 4, 0x55555555, PAL_ENGINE_ADDRESS, "+*"},
    {56, 2, 0xFFFF, PAL_ENGINE_ADDRESS, "+*"},
    {48, 4, 1, PAL_ENGINE_FIELD, "="},
    {52, 4, 1, PAL_ENGINE_FIELD, "="},
    {56, 2, 1, PAL_ENGINE_FIELD, "="},
    {58, 1, 1, PAL_ENGINE_FIELD, "="},
    {59, 1, 1, PAL_ENGINE_FIELD, "="},
};

static void test_every_field_out_of_its_range_is_refused(void)
{
    for (unsigned n = 0; n < sizeof changes / sizeof *changes; n++)
        for (unsigned i = 0; i < OPCODES; i++) {
            const struct change *change = &changes[n];
            if (*change->opcodes && !strchr(change->opcodes, initials[i]))
                continue;
            struct bench b = bench_new();
            uint8_t list[MOST * PAL_COMMAND_SIZE];
            uint32_t index = (n + i) % MOST;
            for (unsigned k = 0; k < MOST; k++)
                make(list + k * PAL_COMMAND_SIZE, opcodes[i]);
            for (unsigned k = 0; k < change->bytes; k++)
                list[index * PAL_COMMAND_SIZE + change->offset + k] = (uint8_t)(change->value >> (8 * k));
            struct pal_fault fault = run(&b, list, MOST);
            CHECK_EQUAL(1000 * n + 10 * i + fault.code, 1000 * n + 10 * i + change->error); /* shows which */
            CHECK_EQUAL(fault.command, index);
            check_untouched(&b, PAL_REGION_ARENA);
            rig_free(b.rig);
        }
}

static void test_a_table_must_lie_in_the_constants(void)
{
    for (unsigned i = 0; i < OPCODES; i++) {
        struct bench b = bench_new();
        uint8_t d[PAL_COMMAND_SIZE];
        make(d, opcodes[i]);
        d[1] = PAL_CMD_FLAG_TABLE;
        pal_store_u32(d + 40, MODEL_SIZE - 256);
        CHECK_EQUAL(run(&b, d, 1).code, PAL_ENGINE_NONE);
        pal_store_u32(d + 40, MODEL_SIZE - 255);
        CHECK_EQUAL(run(&b, d, 1).code, PAL_ENGINE_ADDRESS);
        pal_store_u32(d + 40, UINT32_MAX);
        CHECK_EQUAL(run(&b, d, 1).code, PAL_ENGINE_ADDRESS);
        rig_free(b.rig);
    }
}

/* A region that is exactly large enough is; one byte less is not. */
static void test_the_last_byte_of_a_region_counts(void)
{
    for (unsigned i = 0; i < OPCODES; i++)
        for (unsigned r = PAL_REGION_ARENA; r <= PAL_REGION_INPUT; r++) {
            struct bench b = bench_new();
            uint8_t d[PAL_COMMAND_SIZE];
            make(d, opcodes[i]);
            b.regions[r].size = 5 + 3 * 13 + 3 * 3 + 3;
            CHECK_EQUAL(run(&b, d, 1).code, PAL_ENGINE_NONE);
            b.regions[r].size--;
            CHECK_EQUAL(run(&b, d, 1).code, PAL_ENGINE_ADDRESS);
            b.regions[r].size = 0;
            CHECK_EQUAL(run(&b, d, 1).code, PAL_ENGINE_ADDRESS);
            rig_free(b.rig);
        }
}

static void test_regions_and_lists_outside_the_memory_are_bus_errors(void)
{
    struct bench b = bench_new();
    struct pal_fault fault;
    uint8_t d[PAL_COMMAND_SIZE];
    make(d, PAL_OP_MAP);
    struct pal_place good = b.regions[PAL_REGION_SRAM];
    static const struct pal_place bad[] = {{0, 1}, {RIG_BASE - 1, 2}, {0xFFFFFFFFu, 16}, {RIG_BASE, UINT32_MAX}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        b.regions[PAL_REGION_SRAM] = bad[i];
        CHECK_EQUAL(run(&b, d, 1).code, PAL_ENGINE_BUS);
    }
    b.regions[PAL_REGION_SRAM] = good;
    static const struct pal_run runs[] = {{0, 1, 0, 0}, {RIG_BASE, UINT32_MAX, 0, 0}, {RIG_BASE, 1, 4, 0},
                                          {RIG_BASE, 0x04000000u, 0, 0}, {0xFFFFFFFCu, 1, 0, 0}};
    for (unsigned i = 0; i < sizeof runs / sizeof *runs; i++) {
        CHECK_EQUAL(pal_device_run(&b.rig->device, b.regions, &runs[i], &fault), PAL_ERR_ENGINE);
        CHECK_EQUAL(fault.code, PAL_ENGINE_BUS);
    }
    CHECK_EQUAL(run(&b, d, 1).code, PAL_ENGINE_NONE);
    CHECK_EQUAL(run(&b, d, 0).code, PAL_ENGINE_NONE);
    rig_free(b.rig);
}

/* Random descriptors, and legal ones with random bytes: an answer, and nothing else is written. */
static void test_random_descriptors_stay_inside(void)
{
    struct bench b = bench_new();
    uint32_t state = 1, accepted = 0;
    for (uint32_t n = 0; n < 60000; n++) {
        uint8_t d[PAL_COMMAND_SIZE];
        make(d, opcodes[n % OPCODES]);
        for (unsigned k = 0; k < 1 + n % 3; k++) {
            state = pal_kat_next(state);
            d[(state >> 8) % PAL_COMMAND_SIZE] = (uint8_t)(state >> 24);
        }
        accepted += run(&b, d, 1).code == PAL_ENGINE_NONE;
        for (unsigned r = 0; r < PAL_REGION_COUNT; r++)
            for (uint32_t g = 1; g <= GUARD; g += 21) {
                CHECK_EQUAL(at(&b, b.regions[r].address)[-(int)g], 0xA5);
                CHECK_EQUAL(at(&b, b.regions[r].address)[b.regions[r].size + g - 1], 0xA5);
            }
    }
    CHECK(accepted > 5000);
    struct bench fresh = bench_new();
    for (unsigned r = PAL_REGION_MODEL; r <= PAL_REGION_INPUT; r += PAL_REGION_INPUT) /* read only */
        CHECK(memcmp(at(&b, b.regions[r].address), at(&fresh, b.regions[r].address), b.regions[r].size) == 0);
    rig_free(fresh.rig);
    rig_free(b.rig);
}

static void test_registers(void)
{
    struct rig *rig = rig_new(TARGET, ROOM);
    const struct pal_bus *bus = &rig->sim.bus;
    uint32_t value;
    CHECK_EQUAL(bus->read32(bus->ctx, PAL_REG_WINDOW, &value), PAL_ERR_BUS);
    CHECK_EQUAL(bus->read32(bus->ctx, 2, &value), PAL_ERR_BUS);
    CHECK_EQUAL(bus->write32(bus->ctx, UINT32_MAX, 0), PAL_ERR_BUS);
    static const uint32_t read_only[] = {PAL_REG_ID, PAL_REG_ABI, PAL_REG_SRAM_SIZE, PAL_REG_DONE, PAL_REG_STATUS,
                                         PAL_REG_CYCLES};
    for (unsigned i = 0; i < sizeof read_only / sizeof *read_only; i++) {
        uint32_t before;
        CHECK_EQUAL(bus->read32(bus->ctx, read_only[i], &before), PAL_OK);
        CHECK_EQUAL(bus->write32(bus->ctx, read_only[i], ~before), PAL_OK);
        CHECK_EQUAL(bus->read32(bus->ctx, read_only[i], &value), PAL_OK);
        CHECK_EQUAL(value, before);
    }
    CHECK_EQUAL(bus->write32(bus->ctx, PAL_REG_CTRL, PAL_REG_CTRL_RESET), PAL_OK);
    CHECK_EQUAL(bus->write32(bus->ctx, PAL_REG_SUBMIT, 77), PAL_OK); /* in reset nothing runs */
    CHECK_EQUAL(bus->read32(bus->ctx, PAL_REG_DONE, &value), PAL_OK);
    CHECK_EQUAL(value, 77);
    struct pal_sim sim;
    CHECK_EQUAL(pal_sim_init(&sim, 99, rig->bytes, RIG_BASE, ROOM), PAL_ERR_ARG);
    CHECK_EQUAL(pal_sim_init(&sim, TARGET, rig->bytes, RIG_BASE, 100), PAL_ERR_MEMORY);
    CHECK_EQUAL(pal_sim_init(&sim, TARGET, rig->bytes, 0xFFFFF000u, ROOM + 65536), PAL_ERR_MEMORY);
    rig_free(rig);
}

int main(void)
{
    test_legal_commands_write_only_their_output();
    test_every_field_out_of_its_range_is_refused();
    test_a_table_must_lie_in_the_constants();
    test_the_last_byte_of_a_region_counts();
    test_regions_and_lists_outside_the_memory_are_bus_errors();
    test_random_descriptors_stay_inside();
    test_registers();
    return passed("test_engine");
}
