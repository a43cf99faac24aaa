/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SELF_TEST_H
#define SELF_TEST_H

#include <stdint.h>

/* A small model with its known answer. */
struct self_test_model {
    uint32_t target;
    const uint8_t *data;
    uint32_t size;
};

extern const struct self_test_model self_test_models[];
extern const unsigned self_test_model_count;

#endif /* SELF_TEST_H */
