/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port.h"

#define GRANULE 16u

static uint8_t *bytes;

static int flash_read(void *ctx, uint32_t offset, void *data, uint32_t size)
{
    (void)ctx;
    memcpy(data, bytes + offset, size);
    return PAL_OK;
}

/* A granule that is not erased is programmed no second time. */
static int flash_program(void *ctx, uint32_t offset, const void *data, uint32_t size)
{
    (void)ctx;
    for (uint32_t i = 0; i < size; i++) {
        if (bytes[offset + i] != 0xFF) {
            fprintf(stderr, "flash: programmed twice at 0x%x\n", offset + i);
            return PAL_ERR_FLASH;
        }
    }
    memcpy(bytes + offset, data, size);
    return PAL_OK;
}

static int flash_erase(void *ctx, uint32_t offset, uint32_t size)
{
    (void)ctx;
    memset(bytes + offset, 0xFF, size);
    return PAL_OK;
}

struct flash nor_flash = {
    .size = NOR_SIZE,
    .sector_size = NOR_SECTOR,
    .granule = GRANULE,
    .read = flash_read,
    .program = flash_program,
    .erase = flash_erase,
};

void flash_open(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || fstat(fd, &status) || ftruncate(fd, NOR_SIZE))
        stop(path, "cannot be opened for writing");
    bytes = mmap(NULL, NOR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        stop(path, "cannot be mapped");
    if (status.st_size < NOR_SIZE)
        memset(bytes + status.st_size, 0xFF, NOR_SIZE - (size_t)status.st_size);
    close(fd);
    nor_flash.window = bytes;
}
