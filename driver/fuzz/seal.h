/* SPDX-License-Identifier: Apache-2.0 */
/* Make the checksums of a mutated model right again, so that the mutation gets past them. */
#ifndef PAL_FUZZ_SEAL_H
#define PAL_FUZZ_SEAL_H

#include "pal/load.h"
#include "pal/model.h"

static inline void fuzz_seal(uint8_t *file, size_t size)
{
    if (size < PAL_FILE_HEADER_SIZE)
        return;
    uint32_t sections = pal_load_u32(file + 16);
    if (sections > PAL_FILE_MAX_SECTIONS || size - PAL_FILE_HEADER_SIZE < sections * (size_t)PAL_FILE_SECTION_SIZE)
        return;
    pal_store_u32(file + 12, (uint32_t)size);
    for (uint32_t i = 0; i < sections; i++) {
        uint8_t *record = file + PAL_FILE_HEADER_SIZE + i * (size_t)PAL_FILE_SECTION_SIZE;
        uint32_t offset = pal_load_u32(record + 8), bytes = pal_load_u32(record + 12);
        if (offset <= size && bytes <= size - offset)
            pal_store_u32(record + 20, pal_crc32(0, file + offset, bytes));
    }
    pal_store_u32(file + PAL_FILE_HEADER_SIZE - 4, 0);
    pal_store_u32(file + PAL_FILE_HEADER_SIZE - 4,
                  pal_crc32(0, file, PAL_FILE_HEADER_SIZE + sections * (size_t)PAL_FILE_SECTION_SIZE));
}

#endif /* PAL_FUZZ_SEAL_H */
