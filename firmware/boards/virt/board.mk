# QEMU's mps2-an386 beside a board model.

CROSS := arm-none-eabi-
CPU := cortex_m
CPU_FLAGS := -mcpu=cortex-m4 -mthumb
BOARD_ID := 0x31564C50
LOAD_ADDRESS := 0x00100000
HEADER_SIZE := 0x100
SLOT_SIZE := 0x40000
