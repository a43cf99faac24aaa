/* Generated from driver/spec by `make generate`: virtual_board. Do not edit. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAL_SPEC_VIRTUAL_BOARD_H
#define PAL_SPEC_VIRTUAL_BOARD_H

#include <stdint.h>

#define PAL_VB_ID 0x31564C50u
#define PAL_VB_RAM_BASE 0x21000000u
#define PAL_VB_RAM_SIZE 0x1000000u
#define PAL_VB_NOR_OFFSET 0u
#define PAL_VB_NOR_SIZE 0x800000u
#define PAL_VB_NOR_SECTOR 4096u
#define PAL_VB_NOR_GRANULE 16u
#define PAL_VB_MEMORY_OFFSET 0x800000u
#define PAL_VB_MEMORY_SIZE 0x700000u
#define PAL_VB_ENGINE_OFFSET 0xF00000u
#define PAL_VB_NOR_REGS_OFFSET 0xF01000u
#define PAL_VB_USB_OFFSET 0xF02000u
#define PAL_VB_POWER_OFFSET 0xF03000u
#define PAL_VB_BOARD_OFFSET 0xF04000u
#define PAL_VB_USB_OUT_OFFSET 0xF10000u
#define PAL_VB_USB_IN_OFFSET 0xF20000u
#define PAL_VB_USB_CONTROL_OFFSET 0xF30000u
#define PAL_VB_USB_BUFFER 0x10000u
#define PAL_VB_NOR_BUFFER_OFFSET 0xF40000u
#define PAL_VB_NOR_BUFFER 0x10000u

enum pal_vb_event {
    PAL_VB_EVENT_ENGINE = 69, /* engine: SUBMIT was written; DONE was */
    PAL_VB_EVENT_NOR = 78, /* NOR controller: the same */
    PAL_VB_EVENT_USB = 85, /* USB device controller: something changed */
    PAL_VB_EVENT_POWER = 80, /* power rail: MARKERS was written */
};

#define PAL_VB_REG_NOR_ID 0u /* 0x524F4E50 */
#define PAL_VB_REG_NOR_SIZE 4u /* bytes */
#define PAL_VB_REG_NOR_SECTOR 8u /* bytes of an erase block */
#define PAL_VB_REG_NOR_GRANULE 12u /* bytes of the smallest program operation */
#define PAL_VB_REG_NOR_COMMAND 16u /* 1 erase, 2 program from the buffer */
#define PAL_VB_REG_NOR_ADDRESS 20u /* offset in the flash: a multiple of SECTOR, or of GRANULE */
#define PAL_VB_REG_NOR_LENGTH 24u /* bytes: a multiple of SECTOR, or of GRANULE and within one 64 KiB buffer */
#define PAL_VB_REG_NOR_SUBMIT 28u /* request number: the doorbell */
#define PAL_VB_REG_NOR_DONE 32u /* request number of the last finished operation */
#define PAL_VB_REG_NOR_STATUS 36u /* of it: 0 done, 1 address or length out of range, 2 verify failed (a bit could not be set), 3 unknown command */

#define PAL_VB_REG_USB_ID 0u /* 0x42535550 */
#define PAL_VB_REG_USB_CONNECT 4u /* firmware: 1 pulls the line up */
#define PAL_VB_REG_USB_ADDRESS 8u /* firmware: of SET_ADDRESS */
#define PAL_VB_REG_USB_CONFIGURATION 12u /* firmware: of SET_CONFIGURATION; endpoints work when not 0 */
#define PAL_VB_REG_USB_RESETS 16u /* model: bus resets seen; the firmware falls back to address 0 and empty endpoints */
#define PAL_VB_REG_USB_RESETS_SEEN 20u /* firmware */
#define PAL_VB_REG_USB_SETUP_0 24u /* model: first word of the setup packet */
#define PAL_VB_REG_USB_SETUP_1 28u /* model: second word */
#define PAL_VB_REG_USB_SETUP_SEQ 32u /* model: number of the control transfer; the data of an OUT transfer lie in the control buffer */
#define PAL_VB_REG_USB_SETUP_DONE 36u /* firmware: number of the last one answered */
#define PAL_VB_REG_USB_SETUP_STATUS 40u /* firmware: 0 done, 1 stall */
#define PAL_VB_REG_USB_SETUP_LENGTH 44u /* firmware: bytes of an IN transfer in the control buffer */
#define PAL_VB_REG_USB_OUT_SEQ 48u /* model: number of the bulk OUT transfer in its buffer */
#define PAL_VB_REG_USB_OUT_LENGTH 52u /* model: its bytes */
#define PAL_VB_REG_USB_OUT_DONE 56u /* firmware: number of the last one taken */
#define PAL_VB_REG_USB_IN_SEQ 60u /* firmware: number of the bulk IN transfer in its buffer */
#define PAL_VB_REG_USB_IN_LENGTH 64u /* firmware: its bytes */
#define PAL_VB_REG_USB_IN_DONE 68u /* model: number of the last one sent */

#define PAL_VB_REG_POWER_ID 0u /* 0x52575050 */
#define PAL_VB_REG_POWER_MARKERS 4u /* firmware: bit 0 inference, bit 1 engine, bit 2 a benchmark's timestamp, bits 15..8 a user's number */
#define PAL_VB_REG_POWER_RAIL_UW 8u /* model: microwatts drawn now */
#define PAL_VB_REG_POWER_RESERVED 12u /* 0 */
#define PAL_VB_REG_POWER_ENERGY_NJ 16u /* model: nanojoules since power on, low word */
#define PAL_VB_REG_POWER_ENERGY_NJ_HIGH 20u /* model: high word */

#define PAL_VB_REG_BOARD_ID 0u /* 0x44524250 */
#define PAL_VB_REG_BOARD_POWERED 4u /* model: 1 at power on; the firmware clears it when it has seen it */
#define PAL_VB_REG_BOARD_STRAP 8u /* model: bit 0 holds the recovery button down */
#define PAL_VB_REG_BOARD_RESERVED 12u /* 0 */
#define PAL_VB_REG_BOARD_SERIAL_0 16u /* model: serial number, 16 ASCII characters */
#define PAL_VB_REG_BOARD_SERIAL_1 20u /* its next four */
#define PAL_VB_REG_BOARD_SERIAL_2 24u /* its next four */
#define PAL_VB_REG_BOARD_SERIAL_3 28u /* its next four */


#endif /* PAL_SPEC_VIRTUAL_BOARD_H */
