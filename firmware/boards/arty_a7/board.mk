# A LiteX SoC with a VexRiscv on Digilent's Arty A7; soc.h says what it must have.

CROSS := riscv64-unknown-elf-
CPU := vexriscv
CPU_FLAGS := -march=rv32im -mabi=ilp32 -misa-spec=2.2 -msave-restore --specs=picolibc.specs

BOARD_ID := 0x37414C50
# Images are copied there whole; their code, which begins with its entry, follows the header.
LOAD_ADDRESS := 0x40100000
HEADER_SIZE := 0x100
SLOT_SIZE := 0x40000

# rv32im has no 16-bit instructions: a third more code than on a Cortex-M.
BOOTLOADER_LIMIT := 49152
APPLICATION_LIMIT := 131072
