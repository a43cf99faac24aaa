/* SPDX-License-Identifier: Apache-2.0 */
/* The engine behind a page of memory: what a host sees there that only writes and reads words. */
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "support.h"

#define TARGET 1u
#define ROOM (1u << 16)

/* A bus over the page and the rig's memory; the engine looks at its page in every wait. */
struct host {
    struct pal_bus bus;
    struct rig *rig;
    uint32_t page[PAL_REG_WINDOW / 4];
    uint32_t clock;
    unsigned interrupts;
    int dead;
};

static int page_read32(void *ctx, uint32_t offset, uint32_t *value)
{
    *value = ((struct host *)ctx)->page[offset / 4];
    return PAL_OK;
}

static int page_write32(void *ctx, uint32_t offset, uint32_t value)
{
    ((struct host *)ctx)->page[offset / 4] = value;
    return PAL_OK;
}

static int host_read(void *ctx, uint32_t address, void *data, size_t size)
{
    const struct pal_bus *inner = &((struct host *)ctx)->rig->sim.bus;
    return inner->read(inner->ctx, address, data, size);
}

static int host_write(void *ctx, uint32_t address, const void *data, size_t size)
{
    const struct pal_bus *inner = &((struct host *)ctx)->rig->sim.bus;
    return inner->write(inner->ctx, address, data, size);
}

static int host_wait(void *ctx, uint32_t timeout_us)
{
    struct host *host = ctx;
    host->clock += timeout_us < 1000 ? timeout_us : 1000;
    if (!host->dead)
        host->interrupts += (unsigned)pal_page_poll(&host->rig->sim, host->page);
    return PAL_OK;
}

static uint32_t host_now(void *ctx)
{
    return ((struct host *)ctx)->clock;
}

static struct host *host_new(void)
{
    struct host *host = calloc(1, sizeof *host);
    CHECK(host != NULL);
    memset(host->page, 0xEE, sizeof host->page);
    host->rig = rig_new(TARGET, ROOM);
    host->bus = (struct pal_bus){host, page_read32, page_write32, host_read, host_write, NULL, NULL, host_wait, host_now};
    pal_page_open(&host->rig->sim, host->page);
    return host;
}

static void host_free(struct host *host)
{
    rig_free(host->rig);
    free(host);
}

static void test_the_identity_is_the_simulators(void)
{
    struct host *host = host_new();
    struct pal_device device;
    CHECK_EQUAL(pal_device_init(&device, &host->bus), PAL_OK);
    CHECK_EQUAL(device.target, host->rig->device.target);
    CHECK_EQUAL(device.macs, host->rig->device.macs);
    CHECK_EQUAL(device.sram_base, RIG_BASE);
    CHECK_EQUAL(device.clock_hz, host->rig->device.clock_hz);
    CHECK_EQUAL(host->page[PAL_REG_SUBMIT / 4], 0);
    CHECK_EQUAL(host->page[PAL_REG_WINDOW / 4 - 1], 0);
    host_free(host);
}

static void test_a_model_runs_with_the_same_counters(void)
{
    struct host *host = host_new();
    struct pal_device device;
    struct pal_session session;
    struct pal_model model;
    struct pal_counters direct;
    size_t size;
    uint8_t *file = read_whole(SMALL_MODEL, &size);
    CHECK_EQUAL(pal_model_open(&model, file, size), PAL_OK);
    CHECK_EQUAL(pal_session_init(&session, &host->rig->device, &model, host->rig->memory), PAL_OK);
    CHECK_EQUAL(pal_session_self_test(&session), PAL_OK);
    direct = session.counters;
    CHECK_EQUAL(pal_device_init(&device, &host->bus), PAL_OK);
    CHECK_EQUAL(pal_session_init(&session, &device, &model, host->rig->memory), PAL_OK);
    CHECK_EQUAL(pal_session_self_test(&session), PAL_OK);
    CHECK(memcmp(&direct, &session.counters, sizeof direct) == 0 && direct.cycles > 0);
    CHECK(host->interrupts > 0);
    CHECK_EQUAL(pal_page_poll(&host->rig->sim, host->page), 0); /* every completion has been acknowledged */
    free(file);
    host_free(host);
}

static void test_an_error_is_shown_and_a_reset_followed(void)
{
    struct host *host = host_new();
    struct pal_device device;
    struct pal_fault fault;
    const struct pal_place regions[PAL_REGION_COUNT] = {{0}};
    CHECK_EQUAL(pal_device_init(&device, &host->bus), PAL_OK);
    struct pal_run run = {RIG_BASE + 2, 1, 0, 0};
    CHECK_EQUAL(pal_device_run(&device, regions, &run, &fault), PAL_ERR_ENGINE);
    CHECK_EQUAL(fault.code, PAL_ENGINE_FIELD);

    host->page[PAL_REG_CTRL / 4] = PAL_REG_CTRL_RESET;
    host->page[PAL_REG_CMD_ADDR / 4] = 1; /* would be an address error */
    host->page[PAL_REG_SUBMIT / 4] = 77;
    host->page[PAL_REG_STATUS / 4] = 0;
    (void)pal_page_poll(&host->rig->sim, host->page);
    CHECK_EQUAL(host->page[PAL_REG_DONE / 4], 77);
    host->page[PAL_REG_CTRL / 4] = 0;
    CHECK_EQUAL(pal_page_poll(&host->rig->sim, host->page), 1); /* not acknowledged: the line stays high */
    host->page[PAL_REG_IRQ_ENABLE / 4] = 0;
    CHECK_EQUAL(pal_page_poll(&host->rig->sim, host->page), 0);
    host_free(host);
}

static void test_what_read_only_registers_are_given_is_not_believed(void)
{
    struct host *host = host_new();
    struct pal_device device;
    struct pal_fault fault;
    const struct pal_place regions[PAL_REGION_COUNT] = {{0}};
    const struct pal_run run = {RIG_BASE, 0, 0, 0};
    CHECK_EQUAL(pal_device_init(&device, &host->bus), PAL_OK);
    for (uint32_t offset = PAL_REG_STATUS; offset < PAL_REG_WINDOW; offset += 4)
        if (offset == PAL_REG_STATUS || offset >= PAL_REG_CYCLES)
            host->page[offset / 4] = UINT32_MAX;
    CHECK_EQUAL(pal_device_run(&device, regions, &run, &fault), PAL_OK);
    struct pal_counters counters;
    CHECK_EQUAL(pal_device_counters(&device, &counters), PAL_OK);
    CHECK(counters.cycles > 0 && counters.cycles < 1000 && counters.mac_cycles == 0);
    host_free(host);
}

static void test_a_dead_engine_is_a_timeout_and_comes_back(void)
{
    struct host *host = host_new();
    struct pal_device device;
    struct pal_fault fault;
    const struct pal_place regions[PAL_REGION_COUNT] = {{0}};
    const struct pal_run run = {RIG_BASE, 0, 0, 5000};
    CHECK_EQUAL(pal_device_init(&device, &host->bus), PAL_OK);
    host->dead = 1;
    CHECK_EQUAL(pal_device_run(&device, regions, &run, &fault), PAL_ERR_TIMEOUT);
    host->dead = 0;
    CHECK_EQUAL(pal_device_run(&device, regions, &run, &fault), PAL_OK);
    host_free(host);
}

int main(void)
{
    test_the_identity_is_the_simulators();
    test_a_model_runs_with_the_same_counters();
    test_an_error_is_shown_and_a_reset_followed();
    test_what_read_only_registers_are_given_is_not_believed();
    test_a_dead_engine_is_a_timeout_and_comes_back();
    return passed("test_page");
}
