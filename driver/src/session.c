/* SPDX-License-Identifier: Apache-2.0 */
#include "pal/session.h"

#include <string.h>

#include "cpu.h"
#include "pal/coding.h"
#include "pal/load.h"

#define CHUNK 256u

static uint64_t align_up(uint64_t n)
{
    return (n + PAL_SESSION_ALIGN - 1) & ~(uint64_t)(PAL_SESSION_ALIGN - 1);
}

static uint64_t command_bytes(const struct pal_model *model)
{
    return (uint64_t)model->command_count * PAL_COMMAND_SIZE;
}

static uint64_t profile_bytes(const struct pal_model *model)
{
    return (uint64_t)model->command_count * PAL_PROFILE_RECORD_SIZE;
}

uint64_t pal_session_memory(const struct pal_model *model)
{
    return align_up(model->constants_size) + align_up(model->header.arena_size) +
           align_up(model->header.input_size) + align_up(model->header.output_size) +
           align_up(command_bytes(model)) + align_up(profile_bytes(model));
}

static int bus_write(struct pal_session *session, uint32_t address, const void *data, size_t size)
{
    const struct pal_bus *bus = session->device->bus;
    return bus->write(bus->ctx, address, data, size) ? PAL_ERR_BUS : PAL_OK;
}

static int bus_read(struct pal_session *session, uint32_t address, void *data, size_t size)
{
    const struct pal_bus *bus = session->device->bus;
    return bus->read(bus->ctx, address, data, size) ? PAL_ERR_BUS : PAL_OK;
}

static int load_constants(struct pal_session *session)
{
    const struct pal_model *model = session->model;
    uint32_t address = session->regions[PAL_REGION_MODEL].address;
    if (model->constants_encoding == PAL_ENCODING_PLAIN)
        return bus_write(session, address, model->constants.data, model->constants.size);
    struct pal_coding coding;
    uint8_t chunk[CHUNK];
    pal_coding_init(&coding, model->constants.data, model->constants.size);
    for (uint32_t left = model->constants_size; left;) {
        uint32_t part = left < CHUNK ? left : CHUNK;
        int err = pal_coding_read(&coding, chunk, part);
        if (!err)
            err = bus_write(session, address, chunk, part);
        if (err)
            return err;
        address += part;
        left -= part;
    }
    return pal_coding_end(&coding);
}

int pal_session_init(struct pal_session *session, struct pal_device *device, const struct pal_model *model,
                     struct pal_place memory)
{
    const struct pal_file_header *h = &model->header;
    *session = (struct pal_session){.device = device, .model = model};
    if (h->target != device->target)
        return PAL_ERR_TARGET;
    if (memory.address % PAL_SESSION_ALIGN)
        return PAL_ERR_ARG;
    uint64_t needed = pal_session_memory(model);
    if (needed > memory.size || memory.address + needed > (uint64_t)UINT32_MAX + 1 ||
        h->sram_size > device->sram_size)
        return PAL_ERR_MEMORY;
    uint32_t sizes[] = {[PAL_REGION_MODEL] = model->constants_size, [PAL_REGION_ARENA] = h->arena_size,
                        [PAL_REGION_INPUT] = h->input_size, [PAL_REGION_OUTPUT] = h->output_size};
    uint32_t next = memory.address;
    for (unsigned r = 0; r < sizeof sizes / sizeof *sizes; r++) {
        session->regions[r] = (struct pal_place){next, sizes[r]};
        next += (uint32_t)align_up(sizes[r]);
    }
    session->regions[PAL_REGION_SRAM] = (struct pal_place){device->sram_base, h->sram_size};
    session->commands = next;
    session->profile = next + (uint32_t)align_up(command_bytes(model));
    int err = load_constants(session);
    return err ? err : bus_write(session, session->commands, model->commands.data, model->commands.size);
}

static int within(const struct pal_place *place, uint32_t offset, uint32_t size)
{
    return offset <= place->size && size <= place->size - offset;
}

int pal_session_set_input(struct pal_session *session, uint32_t offset, const void *data, uint32_t size)
{
    const struct pal_place *place = &session->regions[PAL_REGION_INPUT];
    return within(place, offset, size) ? bus_write(session, place->address + offset, data, size) : PAL_ERR_ARG;
}

int pal_session_read(struct pal_session *session, unsigned region, uint32_t offset, void *data, uint32_t size)
{
    if (region >= PAL_REGION_COUNT || !within(&session->regions[region], offset, size))
        return PAL_ERR_ARG;
    return bus_read(session, session->regions[region].address + offset, data, size);
}

static void add_counters(struct pal_counters *sum, const struct pal_counters *part)
{
    sum->cycles += part->cycles;
    sum->mac_cycles += part->mac_cycles;
    sum->stall_read += part->stall_read;
    sum->stall_write += part->stall_write;
    sum->bytes_read += part->bytes_read;
    sum->bytes_written += part->bytes_written;
}

/* The engine counts from the doorbell of each segment: make it one clock. */
static int shift_profile(struct pal_session *session, uint32_t first, uint32_t count, uint32_t cycles)
{
    uint8_t chunk[CHUNK]; /* a whole number of records: a bus may be slow */
    uint32_t address = session->profile + first * PAL_PROFILE_RECORD_SIZE, size = count * PAL_PROFILE_RECORD_SIZE;
    int err = PAL_OK;
    for (uint32_t done = 0; !err && done < size; done += CHUNK) {
        uint32_t part = size - done < CHUNK ? size - done : CHUNK;
        err = bus_read(session, address + done, chunk, part);
        for (uint32_t i = 0; !err && i < part; i += 4)
            pal_store_u32(chunk + i, pal_load_u32(chunk + i) + cycles);
        if (!err)
            err = bus_write(session, address + done, chunk, part);
    }
    return err;
}

static int run_segment(struct pal_session *session, uint32_t first, uint32_t count)
{
    struct pal_counters part;
    uint32_t before = (uint32_t)session->counters.cycles;
    const struct pal_run run = {session->commands + first * PAL_COMMAND_SIZE, count,
                                session->profile + first * PAL_PROFILE_RECORD_SIZE, session->timeout_us};
    int err = pal_device_run(session->device, session->regions, &run, &session->fault);
    if (err == PAL_ERR_ENGINE)
        session->fault.command += first;
    if (!err)
        err = pal_device_counters(session->device, &part);
    if (!err)
        add_counters(&session->counters, &part);
    return err || !before ? err : shift_profile(session, first, count, before);
}

static int run_on_cpu(struct pal_session *session, uint32_t index, const struct pal_command *command)
{
    static const uint8_t no_record[PAL_PROFILE_RECORD_SIZE];
    int err = bus_write(session, session->profile + index * PAL_PROFILE_RECORD_SIZE, no_record, sizeof no_record);
    return err ? err : pal_cpu_run(session->device->bus, session->regions, command);
}

int pal_session_run_range(struct pal_session *session, uint32_t first, uint32_t count)
{
    session->counters = (struct pal_counters){0};
    session->fault = (struct pal_fault){0};
    if (first > session->model->command_count || count > session->model->command_count - first)
        return PAL_ERR_ARG;
    int err = PAL_OK;
    uint32_t end = first + count;
    while (!err && first < end) {
        struct pal_command command = {0};
        uint32_t next = first;
        while (next < end) {
            pal_model_command(session->model, next, &command);
            if (command.opcode >= PAL_CMD_CPU_FIRST)
                break;
            next++;
        }
        if (next > first)
            err = run_segment(session, first, next - first);
        if (!err && next < end)
            err = run_on_cpu(session, next++, &command);
        first = next;
    }
    return err;
}

int pal_session_run(struct pal_session *session)
{
    return pal_session_run_range(session, 0, session->model->command_count);
}

int pal_session_profile(struct pal_session *session, uint32_t command, struct pal_profile_record *out)
{
    uint8_t bytes[PAL_PROFILE_RECORD_SIZE];
    if (command >= session->model->command_count)
        return PAL_ERR_ARG;
    int err = bus_read(session, session->profile + command * PAL_PROFILE_RECORD_SIZE, bytes, sizeof bytes);
    if (!err)
        pal_profile_record_load(out, bytes);
    return err;
}

int pal_session_self_test(struct pal_session *session)
{
    struct pal_file_kat kat;
    uint8_t chunk[CHUNK];
    if (!session->model->kat.data)
        return PAL_ERR_ARG;
    pal_file_kat_load(&kat, session->model->kat.data);
    int err = PAL_OK;
    uint32_t size = session->regions[PAL_REGION_INPUT].size, state = kat.seed;
    for (uint32_t done = 0; !err && done < size; done += CHUNK) {
        uint32_t part = size - done < CHUNK ? size - done : CHUNK;
        for (uint32_t i = 0; i < part; i++) {
            state = pal_kat_next(state);
            chunk[i] = (uint8_t)(state >> 24);
        }
        err = pal_session_set_input(session, done, chunk, part);
    }
    if (!err)
        err = pal_session_run(session);
    const uint8_t *expected = session->model->kat.data + PAL_FILE_KAT_SIZE;
    for (uint32_t done = 0; !err && done < kat.output_size; done += CHUNK) {
        uint32_t part = kat.output_size - done < CHUNK ? kat.output_size - done : CHUNK;
        err = pal_session_read(session, PAL_REGION_OUTPUT, done, chunk, part);
        if (!err && memcmp(chunk, expected + done, part) != 0)
            err = PAL_ERR_KAT;
    }
    return err;
}
