/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned long checks;

void check(int holds, const char *file, int line, const char *text)
{
    checks++;
    if (!holds) {
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, text);
        exit(1);
    }
}

void check_equal(long long found, long long wanted, const char *file, int line, const char *text)
{
    checks++;
    if (found != wanted) {
        fprintf(stderr, "%s:%d: failed: %s (%lld, %lld)\n", file, line, text, found, wanted);
        exit(1);
    }
}

int passed(const char *name)
{
    printf("%-14s %lu checks\n", name, checks);
    return 0;
}

uint8_t *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    if (file && fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        rewind(file);
        *size = end > 0 ? (size_t)end : 0;
        data = malloc(*size + 1);
        if (data && fread(data, 1, *size, file) != *size) {
            free(data);
            data = NULL;
        }
    }
    if (file)
        fclose(file);
    if (!data) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    return data;
}

void seal(uint8_t *file)
{
    struct pal_file_header header;
    pal_file_header_load(&header, file);
    for (uint32_t i = 0; i < header.section_count; i++) {
        uint8_t *record = file + PAL_FILE_HEADER_SIZE + (size_t)i * PAL_FILE_SECTION_SIZE;
        struct pal_file_section section;
        pal_file_section_load(&section, record);
        if (section.offset <= header.file_size && section.size <= header.file_size - section.offset)
            pal_store_u32(record + 20, pal_crc32(0, file + section.offset, section.size));
    }
    pal_store_u32(file + PAL_FILE_HEADER_SIZE - 4, 0);
    size_t covered = PAL_FILE_HEADER_SIZE + (size_t)header.section_count * PAL_FILE_SECTION_SIZE;
    pal_store_u32(file + PAL_FILE_HEADER_SIZE - 4, pal_crc32(0, file, covered));
}

struct rig *rig_new(uint32_t target, uint32_t extra)
{
    struct rig *rig = malloc(sizeof *rig);
    CHECK(rig);
    uint32_t sram = 0;
    for (unsigned i = 0; i < PAL_TARGET_COUNT; i++)
        if (PAL_TARGETS[i].id == target)
            sram = PAL_TARGETS[i].sram_bytes;
    rig->bytes = calloc(1, (size_t)sram + extra);
    CHECK(rig->bytes);
    rig->memory = (struct pal_place){RIG_BASE + sram, extra};
    CHECK_EQUAL(pal_sim_init(&rig->sim, target, rig->bytes, RIG_BASE, sram + extra), PAL_OK);
    CHECK_EQUAL(pal_device_init(&rig->device, &rig->sim.bus), PAL_OK);
    return rig;
}

void rig_free(struct rig *rig)
{
    free(rig->bytes);
    free(rig);
}
