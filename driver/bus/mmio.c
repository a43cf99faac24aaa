/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, poll */
#include "mmio.h"

#ifdef __linux__

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pal/spec/registers.h"
#include "pal/status.h"

/* An interrupt that is lost or not wired costs at most this: the driver looks at DONE after every wait. */
#define LONGEST_SLEEP_MS 100

static int mmio_read32(void *ctx, uint32_t offset, uint32_t *value)
{
    const struct pal_mmio *mmio = ctx;
    if (offset % 4 || offset >= PAL_REG_WINDOW)
        return PAL_ERR_BUS;
    *value = mmio->registers[offset / 4];
    return PAL_OK;
}

static int mmio_write32(void *ctx, uint32_t offset, uint32_t value)
{
    const struct pal_mmio *mmio = ctx;
    if (offset % 4 || offset >= PAL_REG_WINDOW)
        return PAL_ERR_BUS;
    mmio->registers[offset / 4] = value;
    return PAL_OK;
}

static volatile uint8_t *within(const struct pal_mmio_window *window, uint32_t address, size_t size)
{
    uint32_t offset = address - window->address;
    return address >= window->address && offset <= window->size && size <= window->size - offset
               ? window->bytes + offset
               : NULL;
}

static volatile uint8_t *locate(const struct pal_mmio *mmio, uint32_t address, size_t size)
{
    volatile uint8_t *found = within(&mmio->memory, address, size);
    return found ? found : within(&mmio->sram, address, size);
}

/* memcpy may use accesses that uncached memory refuses. */
static int mmio_read(void *ctx, uint32_t address, void *data, size_t size)
{
    const volatile uint8_t *from = locate(ctx, address, size);
    uint8_t *to = data;
    if (!from)
        return PAL_ERR_BUS;
    for (; size && (uintptr_t)from % 4; size--)
        *to++ = *from++;
    for (; size >= 4; size -= 4, from += 4, to += 4) {
        uint32_t word = *(const volatile uint32_t *)(const volatile void *)from;
        memcpy(to, &word, 4);
    }
    while (size--)
        *to++ = *from++;
    return PAL_OK;
}

static int mmio_write(void *ctx, uint32_t address, const void *data, size_t size)
{
    volatile uint8_t *to = locate(ctx, address, size);
    const uint8_t *from = data;
    if (!to)
        return PAL_ERR_BUS;
    for (; size && (uintptr_t)to % 4; size--)
        *to++ = *from++;
    for (; size >= 4; size -= 4, from += 4, to += 4) {
        uint32_t word;
        memcpy(&word, from, 4);
        *(volatile uint32_t *)(volatile void *)to = word;
    }
    while (size--)
        *to++ = *from++;
    return PAL_OK;
}

/* C's fences order what cores see of each other; a device needs the system's. */
static void mmio_barrier(void *ctx)
{
    (void)ctx;
#if defined __aarch64__ || (defined __arm__ && __ARM_ARCH >= 7)
    __asm__ volatile("dmb sy" ::: "memory");
#elif defined __riscv
    __asm__ volatile("fence iorw, iorw" ::: "memory");
#else
    __sync_synchronize();
#endif
}

/* The kernel masks the interrupt whenever it comes. One that came before this call wakes it at once, and early. */
static int mmio_wait(void *ctx, uint32_t timeout_us)
{
    const struct pal_mmio *mmio = ctx;
    const uint32_t unmask = 1, longest = LONGEST_SLEEP_MS;
    uint32_t ms = timeout_us / 1000 + (timeout_us % 1000 != 0), count;
    struct pollfd file = {.fd = mmio->interrupt, .events = POLLIN};
    if (write(mmio->interrupt, &unmask, sizeof unmask) != (ssize_t)sizeof unmask)
        return PAL_ERR_BUS;
    int ready = poll(&file, 1, (int)(ms < longest ? ms : longest));
    if (ready < 0)
        return errno == EINTR ? PAL_OK : PAL_ERR_BUS;
    return !ready || read(mmio->interrupt, &count, sizeof count) == (ssize_t)sizeof count ? PAL_OK : PAL_ERR_BUS;
}

static uint32_t mmio_now_us(void *ctx)
{
    (void)ctx;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u);
}

void pal_mmio_init(struct pal_mmio *mmio, volatile uint32_t *registers, struct pal_mmio_window memory,
                   struct pal_mmio_window sram, int interrupt)
{
    *mmio = (struct pal_mmio){
        .bus = {mmio, mmio_read32, mmio_write32, mmio_read, mmio_write, NULL, mmio_barrier, mmio_wait, mmio_now_us},
        .registers = registers,
        .memory = memory,
        .sram = sram,
        .interrupt = interrupt,
    };
}

#endif /* __linux__ */
