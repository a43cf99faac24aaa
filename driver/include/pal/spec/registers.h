/* Generated from driver/spec by `make generate`: registers. Do not edit. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAL_SPEC_REGISTERS_H
#define PAL_SPEC_REGISTERS_H

#include <stdint.h>
#include "pal/load.h"

#define PAL_ID_VALUE 0x454C4150u
#define PAL_ABI_MAJOR_VALUE 1u
#define PAL_ABI_MINOR_VALUE 0u
#define PAL_REG_WINDOW 4096u

#define PAL_REG_ID 0u /* ro: constant ID */
#define PAL_REG_ABI 4u /* ro: ABI_MAJOR << 16 | ABI_MINOR; a driver accepts its own major version */
#define PAL_REG_TARGET 8u /* ro: target id, see targets/ */
#define PAL_REG_MACS 12u /* ro: multiply-accumulates per cycle */
#define PAL_REG_SRAM_BASE 16u /* ro: bus address of the on-chip activation memory */
#define PAL_REG_SRAM_SIZE 20u /* ro: bytes of on-chip activation memory */
#define PAL_REG_CLOCK_HZ 24u /* ro: engine clock */
#define PAL_REG_CTRL 32u /* rw: bit 0 RESET: while 1 the engine is idle and DONE follows SUBMIT */
#define PAL_REG_CTRL_RESET 1u
#define PAL_REG_SUBMIT 36u /* rw: request number of the wanted run: the doorbell */
#define PAL_REG_DONE 40u /* ro: request number of the last finished run */
#define PAL_REG_STATUS 44u /* ro: bits 7..0 error code of the last run, bits 31..8 index of the command that failed */
#define PAL_REG_IRQ_ENABLE 48u /* rw: bit 0: raise the interrupt on completion */
#define PAL_REG_IRQ_ACK 52u /* rw: request number whose completion has been seen */
#define PAL_REG_CMD_ADDR 64u /* rw: bus address of the first descriptor, a multiple of 4 */
#define PAL_REG_CMD_COUNT 68u /* rw: number of descriptors */
#define PAL_REG_PROFILE_ADDR 72u /* rw: bus address for one profile record a command, or 0 for none */
#define PAL_REG_REGION_BASE 128u /* rw: bus address of region r */
#define PAL_REG_REGION_BASE_STRIDE 8u
#define PAL_REG_REGION_SIZE 132u /* rw: bytes in region r; a command that leaves it is refused */
#define PAL_REG_REGION_SIZE_STRIDE 8u
#define PAL_REG_CYCLES 256u /* ro: cycles from doorbell to completion of the last run (64 bits, low word first) */
#define PAL_REG_MAC_CYCLES 264u /* ro: cycles in which the MAC array accumulated */
#define PAL_REG_STALL_READ 272u /* ro: cycles lost waiting for bus reads */
#define PAL_REG_STALL_WRITE 280u /* ro: cycles lost waiting for bus writes */
#define PAL_REG_BYTES_READ 288u /* ro: bytes read from system memory */
#define PAL_REG_BYTES_WRITTEN 296u /* ro: bytes written to system memory */

enum pal_region {
    PAL_REGION_MODEL = 0, /* constants of the model, read only */
    PAL_REGION_ARENA = 1, /* scratch in system memory */
    PAL_REGION_INPUT = 2, /* input tensors, read only */
    PAL_REGION_OUTPUT = 3, /* output tensors */
    PAL_REGION_SRAM = 4, /* on-chip activation memory */
};

#define PAL_REGION_COUNT 5u

#define PAL_PROFILE_RECORD_SIZE 8u

/* Written by the engine, one for each command. */
struct pal_profile_record {
    uint32_t start; /* cycle at which the command started, counted from the doorbell */
    uint32_t end; /* cycle at which the command's last output was written */
};

static inline void pal_profile_record_load(struct pal_profile_record *out, const uint8_t *p)
{
    out->start = pal_load_u32(p + 0);
    out->end = pal_load_u32(p + 4);
}


#endif /* PAL_SPEC_REGISTERS_H */
