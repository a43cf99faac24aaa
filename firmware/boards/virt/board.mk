# QEMU's mps2-an386 beside a board model.

CROSS := arm-none-eabi-
CPU := cortex_m
CPU_FLAGS := -mcpu=cortex-m4 -mthumb
LIBC := --specs=nano.specs --specs=nosys.specs

BOARD_ID := 0x31564C50
# Images are copied there whole; their code, which begins with the vector table, follows the header. The table has
# 48 entries and must be aligned to the next power of two, 256 bytes: so the header has that size.
LOAD_ADDRESS := 0x00100000
HEADER_SIZE := 0x100
SLOT_SIZE := 0x40000
