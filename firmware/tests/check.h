/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the test programs; each program prints one line. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

static unsigned long checks;

/* End the program with the place and what was wanted, unless `condition` holds; counted. */
#define CHECK(condition)                                                                   \
    do {                                                                                   \
        checks++;                                                                          \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);        \
            exit(1);                                                                       \
        }                                                                                  \
    } while (0)

/* The same for two numbers, which it prints. */
#define CHECK_EQUAL(found, wanted)                                                                             \
    do {                                                                                                       \
        long long found_ = (long long)(found), wanted_ = (long long)(wanted);                                  \
        checks++;                                                                                              \
        if (found_ != wanted_) {                                                                               \
            fprintf(stderr, "%s:%d: failed: %s is %s (%lld, %lld)\n", __FILE__, __LINE__, #found, #wanted,     \
                    found_, wanted_);                                                                          \
            exit(1);                                                                                           \
        }                                                                                                      \
    } while (0)

static inline int passed(const char *name)
{
    printf("%-14s %lu checks\n", name, checks);
    return 0;
}

#endif /* TESTS_CHECK_H */
