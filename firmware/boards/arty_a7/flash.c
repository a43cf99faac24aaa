/* SPDX-License-Identifier: Apache-2.0 */
/* The SPI flash: read where LiteSPI maps it, erased and programmed a byte at a time through its master. */
#include <string.h>

#include "cpu.h"
#include "port.h"
#include "soc.h"

enum {
    FLASH_PROGRAM = 0x02,
    FLASH_READ_STATUS = 0x05,
    FLASH_WRITE_ENABLE = 0x06,
    FLASH_ERASE_4K = 0x20,
    FLASH_READ_ID = 0x9F,
};
#define STATUS_BUSY 1u
#define PAGE 256u
#define SECTOR 4096u
#define PROGRAM_TIMEOUT_US 100000u
#define ERASE_TIMEOUT_US 3000000u
#define ERASE_POLL_US 1000u
#define PORT_POLLS 100000u /* for one byte, which takes a microsecond */
#define ONE_LINE (8u | 1u << 8 | 1u << 16) /* 8 bits, on one line, which is driven */

static int known;

/* One byte out and one in; what came in, or PAL_ERR_FLASH if the master hangs. */
static int exchange(uint8_t byte)
{
    uint32_t polls = 0;
    while (!(SPI_MASTER->status & SPI_TX_READY))
        if (++polls > PORT_POLLS)
            return PAL_ERR_FLASH;
    SPI_MASTER->rxtx = byte;
    while (!(SPI_MASTER->status & SPI_RX_READY))
        if (++polls > PORT_POLLS)
            return PAL_ERR_FLASH;
    return (int)(SPI_MASTER->rxtx & 0xFFu);
}

/* A transaction: `size` bytes out, then `answer_size` bytes in. */
static int transact(const uint8_t *head, uint32_t head_size, const uint8_t *data, uint32_t size, uint8_t *answer,
                    uint32_t answer_size)
{
    int err = 0;
    for (uint32_t polls = 0; SPI_MASTER->status & SPI_RX_READY && polls < PORT_POLLS; polls++)
        (void)SPI_MASTER->rxtx;
    SPI_MASTER->phyconfig = ONE_LINE;
    SPI_MASTER->cs = 1;
    for (uint32_t i = 0; err >= 0 && i < head_size; i++)
        err = exchange(head[i]);
    for (uint32_t i = 0; err >= 0 && i < size; i++)
        err = exchange(data[i]);
    for (uint32_t i = 0; err >= 0 && i < answer_size; i++) {
        err = exchange(0);
        answer[i] = (uint8_t)err;
    }
    SPI_MASTER->cs = 0;
    return err < 0 ? err : PAL_OK;
}

/* Wait until the flash is idle, looking every `poll_us`. */
static int settle(uint32_t poll_us, uint32_t timeout_us)
{
    static const uint8_t read_status = FLASH_READ_STATUS;
    uint32_t start = board_now_us();
    for (;;) {
        uint8_t status;
        int err = transact(&read_status, 1, NULL, 0, &status, 1);
        if (err || !(status & STATUS_BUSY))
            return err;
        if (board_now_us() - start >= timeout_us)
            return PAL_ERR_FLASH;
        (void)event_wait(0, poll_us);
    }
}

/* One operation, and a look whether it did what it should. */
static int operate(uint8_t command, uint32_t offset, const uint8_t *data, uint32_t size)
{
    static const uint8_t write_enable = FLASH_WRITE_ENABLE;
    const uint8_t head[] = {command, (uint8_t)(offset >> 16), (uint8_t)(offset >> 8), (uint8_t)offset};
    int erase = command == FLASH_ERASE_4K;
    board_watchdog_kick(); /* each operation is bounded; a caller may do many */
    int err = settle(erase ? ERASE_POLL_US : 0, ERASE_TIMEOUT_US); /* one that timed out may still go on */
    if (!err)
        err = transact(&write_enable, 1, NULL, 0, NULL, 0);
    if (!err)
        err = transact(head, sizeof head, data, size, NULL, 0);
    if (!err)
        err = settle(erase ? ERASE_POLL_US : 0, erase ? ERASE_TIMEOUT_US : PROGRAM_TIMEOUT_US);
    cpu_barrier(); /* the window is cached */
    const uint8_t *found = spi_flash.window + offset;
    if (!err && !erase)
        return memcmp(found, data, size) == 0 ? PAL_OK : PAL_ERR_FLASH;
    for (uint32_t i = 0; !err && i < SECTOR; i++)
        if (found[i] != 0xFF)
            err = PAL_ERR_FLASH;
    return err;
}

static int flash_read(void *ctx, uint32_t offset, void *data, uint32_t size)
{
    (void)ctx;
    memcpy(data, spi_flash.window + offset, size);
    return PAL_OK;
}

static int flash_program(void *ctx, uint32_t offset, const void *data, uint32_t size)
{
    (void)ctx;
    const uint8_t *from = data;
    int err = known ? PAL_OK : PAL_ERR_FLASH;
    while (!err && size) {
        uint32_t part = PAGE - offset % PAGE;
        if (part > size)
            part = size;
        err = operate(FLASH_PROGRAM, offset, from, part);
        from += part;
        offset += part;
        size -= part;
    }
    return err;
}

static int flash_erase(void *ctx, uint32_t offset, uint32_t size)
{
    (void)ctx;
    int err = known ? PAL_OK : PAL_ERR_FLASH;
    for (uint32_t done = 0; !err && done < size; done += SECTOR)
        err = operate(FLASH_ERASE_4K, offset + done, NULL, 0);
    return err;
}

const struct flash spi_flash = {
    .size = SPIFLASH_SIZE,
    .sector_size = SECTOR,
    .granule = 1,
    .read = flash_read,
    .program = flash_program,
    .erase = flash_erase,
    .window = (const uint8_t *)SPIFLASH_BASE,
};

/* Arty boards have had several flashes. These erase 4 KiB anywhere; S25FL128S, on some, only at one end. */
void flash_init(void)
{
    static const uint8_t read_id = FLASH_READ_ID;
    static const uint8_t ids[][3] = {{0x01, 0x60, 0x18} /* S25FL128L */, {0x20, 0xBA, 0x18} /* N25Q128A, MT25QL128 */};
    uint8_t id[3];
    if (settle(ERASE_POLL_US, ERASE_TIMEOUT_US) || transact(&read_id, 1, NULL, 0, id, sizeof id))
        return;
    for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++)
        known |= memcmp(id, ids[i], sizeof id) == 0;
}
