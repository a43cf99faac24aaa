/* SPDX-License-Identifier: Apache-2.0 */
/* Against faults that are injected, by a dip of the supply say, so that an instruction is skipped or a word is
 * misread: the decision to run an image is not one branch but a sum. Every check adds its own constant, twice and
 * computed twice, and only both right sums accept. A check that was jumped over or failed leaves them wrong. */
#ifndef BOOT_HARDEN_H
#define BOOT_HARDEN_H

#include <stdint.h>

/* All even, so that failed checks, which add 1 each, never cancel out; far apart in bits. */
#define HARD_START 0x3C96A5E2u
#define HARD_STRUCTURE 0x17B24D9Cu
#define HARD_BOARD 0x6A5930C4u
#define HARD_ADDRESS 0x2D8E71B6u
#define HARD_COUNTER 0x59C31F48u
#define HARD_DIGEST 0x4BE6029Au
#define HARD_KEY 0x71254EDCu
#define HARD_SIGNATURE 0x0FD8936Eu
#define HARD_CHECKED                                                                                          \
    (HARD_START + HARD_STRUCTURE + HARD_BOARD + HARD_ADDRESS + HARD_COUNTER + HARD_DIGEST + HARD_KEY + HARD_SIGNATURE)
/* Added by who asks, so that the acceptance of one copy is not taken for another's. */
#define HARD_IN_FLASH 0x3344D21Au
#define HARD_IN_MEMORY 0x5CA90E76u

struct hard {
    volatile uint32_t sum, complement;
};

static inline uint32_t hard_load(const uint32_t *word)
{
    return *(const volatile uint32_t *)word;
}

/* 1 if any bit is set, without a branch. */
static inline uint32_t hard_any(uint32_t bits)
{
    return (bits | (0u - bits)) >> 31;
}

static inline void hard_begin(struct hard *hard)
{
    hard->sum = HARD_START;
    hard->complement = ~HARD_START;
}

/* `wrong` and `again` are one failure computed twice: 0 if the check passed. */
static inline void hard_step(struct hard *hard, uint32_t constant, uint32_t wrong, uint32_t again)
{
    hard->sum += constant + hard_any(wrong);
    hard->complement -= constant + hard_any(again);
}

/* 0 if both sums are `expected`. */
static inline uint32_t hard_differs(const uint32_t proof[2], uint32_t expected)
{
    return (hard_load(&proof[0]) ^ expected) | (hard_load(&proof[1]) ^ ~expected);
}

#endif /* BOOT_HARDEN_H */
