/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware/kept.h"

#include <string.h>

#include "firmware/board.h"

#define MAGIC 0x5450454Bu /* "KEPT" */

struct block {
    uint32_t magic;
    struct kept kept;
    uint32_t check;
};

_Static_assert(sizeof(struct block) <= BOARD_KEPT_SIZE, "kept memory is too small");

static const char *doing;

static uint32_t check(const struct kept *kept)
{
    uint32_t hash = 2166136261u; /* FNV-1a: against the noise after a power cut */
    const uint8_t *byte = (const uint8_t *)kept;
    for (uint32_t i = 0; i < sizeof *kept; i++)
        hash = (hash ^ byte[i]) * 16777619u;
    return hash;
}

void kept_load(struct kept *kept)
{
    const struct block *block = board_kept();
    *kept = block->kept;
    if (block->magic != MAGIC || block->check != check(kept)) {
        memset(kept, 0, sizeof *kept);
        kept->slot = BOOT_NO_SLOT;
    }
}

void kept_save(const struct kept *kept)
{
    struct block *block = board_kept();
    block->magic = MAGIC;
    block->kept = *kept;
    block->check = check(kept);
}

void kept_doing(const char *text)
{
    doing = text;
}

_Noreturn void kept_crash(uint32_t reason, const uint32_t registers[8], const uint32_t fault[4])
{
    static struct kept kept; /* the stack may be what overflowed */
    kept_load(&kept);
    memset(&kept.crash, 0, sizeof kept.crash);
    kept.crashed = KEPT_CRASHED;
    kept.crash.reason = reason;
    memcpy(kept.crash.registers, registers, sizeof kept.crash.registers);
    memcpy(kept.crash.fault, fault, sizeof kept.crash.fault);
    kept.crash.uptime_ms = board_now_us() / 1000u;
    memcpy(kept.crash.version, kept.version, sizeof kept.crash.version);
    for (uint32_t i = 0; doing && doing[i] && i < sizeof kept.crash.text - 1; i++)
        kept.crash.text[i] = (uint8_t)doing[i];
    kept_save(&kept);
    board_reset();
}

_Noreturn void kept_panic(const char *text)
{
    static const uint32_t none[4];
    const uint32_t registers[8] = {[6] = (uint32_t)(uintptr_t)__builtin_return_address(0)};
    kept_doing(text);
    kept_crash(KEPT_PANIC, registers, none);
}
