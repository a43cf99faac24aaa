"""PAL8 numbers on numpy arrays: what a code is worth, and which code a value gets.

value(code, bias) = (-1)^sign * 2^((m + bias) / 16), m = code & 0x7F; m = 0 is zero. A bias is an integer in
sixteenths of an octave. The submodules hold the integer arithmetic of the engine, bit for bit:
`pal8` (product, logarithm, requantisation), `softmax`, and `engine`, which executes command lists.
"""

from __future__ import annotations

from .codec import decode, encode, signed

__all__ = ["decode", "encode", "signed"]
