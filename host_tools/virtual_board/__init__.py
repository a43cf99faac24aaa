"""The virtual board: an unmodified QEMU, and beside it a model of the hardware that QEMU lacks."""
