/* SPDX-License-Identifier: Apache-2.0 */
/* What the test programs share. Run them in driver/; each prints one line. */
#ifndef PAL_TESTS_SUPPORT_H
#define PAL_TESTS_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

#include "pal/model.h"
#include "pal/session.h"
#include "sim.h"

/* End the program with the place and what was wanted, unless `condition` holds; counted. */
#define CHECK(condition) check((condition) != 0, __FILE__, __LINE__, #condition)
/* The same for two numbers, which it prints. */
#define CHECK_EQUAL(found, wanted) \
    check_equal((long long)(found), (long long)(wanted), __FILE__, __LINE__, #found " == " #wanted)

void check(int holds, const char *file, int line, const char *text);
void check_equal(long long found, long long wanted, const char *file, int line, const char *text);

/* Print the program's line: its name and how much held. Returns 0. */
int passed(const char *name);

/* A whole file in memory that the caller frees; the program ends if it cannot be read. */
uint8_t *read_whole(const char *path, size_t *size);

/* tests/data/small.pal: every opcode, engine and CPU in turn (tests/driver/small_model.py). */
#define SMALL_MODEL "tests/data/small.pal"
/* The same with coded constants. */
#define CODED_MODEL "tests/data/coded.pal"

/* Write the CRCs of the sections and the header again, so that other checks see a changed file. */
void seal(uint8_t *file);

/* A simulator with `extra` bytes of memory behind its SRAM, and a device on it. */
#define RIG_BASE 0x20000000u
struct rig {
    struct pal_sim sim;
    struct pal_device device;
    struct pal_place memory; /* the extra bytes */
    uint8_t *bytes;          /* bus address RIG_BASE */
};

struct rig *rig_new(uint32_t target, uint32_t extra);
void rig_free(struct rig *rig);

#endif /* PAL_TESTS_SUPPORT_H */
