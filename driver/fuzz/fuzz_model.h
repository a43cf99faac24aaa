/* SPDX-License-Identifier: Apache-2.0 */
/* The entry that libFuzzer calls; replay.c calls it without libFuzzer. */
#ifndef PAL_FUZZ_MODEL_H
#define PAL_FUZZ_MODEL_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* PAL_FUZZ_MODEL_H */
