/* SPDX-License-Identifier: Apache-2.0 */
/* Run the fuzz target on files and on a fixed number of mutations of them, without libFuzzer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pal/model.h"

#define MUTATIONS 3000u /* over all files */
#define MOST 16384u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t state = 1;

static uint32_t draw(uint32_t below)
{
    state = pal_kat_next(state);
    return (uint32_t)((uint64_t)state * below >> 32);
}

/* Mostly in the first bytes of a file: what steps say, not what they carry. */
static void mutate(uint8_t *data, size_t *size)
{
    static const uint8_t telling[] = {0, 1, 2, 3, 0x7F, 0x80, 0xFF};
    for (uint32_t n = 1 + draw(4); n > 0; n--) {
        size_t at = draw(1 + draw((uint32_t)*size));
        data[at] = draw(2) ? telling[draw(sizeof telling)] : (uint8_t)draw(256);
    }
    if (draw(20) == 0)
        *size = 1 + draw((uint32_t)*size);
}

int main(int argc, char **argv)
{
    static uint8_t data[MOST], changed[MOST];
    unsigned long runs = 0;
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file)
            return perror(argv[i]), 1;
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        runs += (unsigned long)!LLVMFuzzerTestOneInput(data, size);
        for (uint32_t n = 0; size && n < MUTATIONS / (unsigned)(argc - 1); n++, runs++) {
            size_t part = size;
            memcpy(changed, data, size);
            mutate(changed, &part);
            LLVMFuzzerTestOneInput(changed, part);
        }
    }
    printf("fuzz_server    %lu runs\n", runs);
    return 0;
}
