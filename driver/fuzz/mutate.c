/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer's mutations with the checksums made right, but for one in sixteen. */
#include "fuzz_model.h"
#include "seal.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 16)
        fuzz_seal(data, size);
    return size;
}
