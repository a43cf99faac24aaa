/* SPDX-License-Identifier: Apache-2.0 */
/* Run the fuzz target on files and on a fixed number of mutations of them, without libFuzzer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_model.h"
#include "seal.h"

#define MUTATIONS 40000u /* over all files */
#define MOST 65536u

static uint32_t state = 1;

static uint32_t draw(uint32_t below)
{
    state = pal_kat_next(state);
    return (uint32_t)((uint64_t)state * below >> 32);
}

static void mutate(uint8_t *data, size_t *size)
{
    static const uint8_t telling[] = {0, 1, 2, 0x7F, 0x80, 0xFF};
    for (uint32_t n = 1 + draw(4); n > 0; n--) {
        size_t at = draw((uint32_t)*size);
        switch (draw(4)) {
        case 0: data[at] ^= (uint8_t)(1u << draw(8)); break;
        case 1: data[at] = telling[draw(sizeof telling)]; break;
        case 2: data[at] = (uint8_t)draw(256); break;
        default: data[at] = data[draw((uint32_t)*size)]; break;
        }
    }
    if (draw(50) == 0)
        *size = 1 + draw((uint32_t)*size);
    if (draw(16))
        fuzz_seal(data, *size);
}

int main(int argc, char **argv)
{
    static uint8_t file[MOST], copy[MOST];
    uint32_t runs = 0;
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        size_t size = f ? fread(file, 1, sizeof file, f) : 0;
        if (!f || fclose(f) || size == 0 || size == sizeof file) {
            fprintf(stderr, "%s: cannot be read, empty or too large\n", argv[i]);
            return 1;
        }
        LLVMFuzzerTestOneInput(file, size);
        for (uint32_t n = 0; n < MUTATIONS / (uint32_t)(argc - 1); n++, runs++) {
            size_t changed = size;
            memcpy(copy, file, size);
            mutate(copy, &changed);
            uint8_t *exact = malloc(changed); /* the sanitizer sees a read behind it */
            if (!exact)
                return 1;
            memcpy(exact, copy, changed);
            LLVMFuzzerTestOneInput(exact, changed);
            free(exact);
        }
    }
    printf("%-14s %d files, %u mutations\n", "replay", argc - 1, (unsigned)runs);
    return argc < 2;
}
