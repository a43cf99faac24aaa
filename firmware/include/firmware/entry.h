/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIRMWARE_ENTRY_H
#define FIRMWARE_ENTRY_H

/* The bootloader's and the application's main: the board's start-up code calls it with memory set up. */
_Noreturn void firmware_main(void);

#endif /* FIRMWARE_ENTRY_H */
