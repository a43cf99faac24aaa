# Generated from driver/spec by `make generate`: commands. Do not edit.
"""Commands: opcodes and the 64-byte descriptor."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class Opcode(IntEnum):
    """What a descriptor asks for."""

    CONV = 1  # convolution; weights [OC block of 16][kh][kw][C][oc in block], the last block not padded; params: OC i32 biases, then OC i16 offsets
    DEPTHWISE = 2  # depthwise convolution, ofm_c = ifm_c; weights [C block of 16][kh][kw][c in block]; params as CONV
    POOL_AVG = 3  # depthwise convolution whose kh*kw tap codes are shared by all channels; `params` unused, 0
    POOL_MAX = 4  # largest code in signed order, padding ignored; a window wholly in padding gives zero; `weights` and `params` unused, 0
    ADD = 5  # acc = p(ifm, scale) + p(ifm2, scale2), two-term dot product
    MUL = 6  # log magnitude ma + mb, sign xor, zero if either is zero
    MAP = 7  # copy, recode or table: log magnitude m; the ifm2 fields are 0
    SOFTMAX = 128  # CPU: over the channels of every pixel; `offset` is the bias of the input codes; the bias of the result is output_bias of arithmetic.toml, less `scale`
    LAYER_NORM = 129  # CPU: over the channels of every pixel, see arithmetic.toml; ifm2 holds u64 epsilon, then for every channel an i32 gain, then for every channel an i32 shift; `offset` is minus the output bias
    ARGMAX = 130  # CPU: u32 index of the first largest code (of the last one, if `scale` is 1) over the channels of every pixel; ofm_c = 4; no offset, clamp or table


SIZE = 64
CPU_FIRST = 128
FLAG_TABLE = 1
FLAG_BROADCAST_C = 2
OC_BLOCK = 16
WINDOW_OPCODES = frozenset({Opcode.CONV, Opcode.DEPTHWISE, Opcode.POOL_AVG, Opcode.POOL_MAX})


@dataclass(frozen=True)
class Command:
    """One descriptor: the common fields and the body of its opcode."""

    opcode: int = 0
    flags: int = 0
    layer: int = 0  # index in the layer table
    ifm_region: int = 0
    ifm2_region: int = 0  # of ifm2; of the weights where the command has a window
    ofm_region: int = 0  # not MODEL, not INPUT
    reserved0: int = 0  # 0
    ifm_offset: int = 0
    ifm_row: int = 0  # bytes from one row to the next
    ifm_h: int = 0
    ifm_w: int = 0
    ifm_c: int = 0
    ifm_px: int = 0  # bytes from one pixel to the next
    ofm_offset: int = 0
    ofm_row: int = 0
    ofm_h: int = 0
    ofm_w: int = 0
    ofm_c: int = 0
    ofm_px: int = 0
    table: int = 0  # offset in MODEL
    act_min: int = 0
    act_max: int = 0
    offset: int = 0  # added to the log magnitude; CONV and DEPTHWISE have one a channel instead, and 0 here
    kh: int = 0
    kw: int = 0
    stride_y: int = 0
    stride_x: int = 0
    dilation_y: int = 0
    dilation_x: int = 0
    pad_top: int = 0  # rows above; those below follow from ofm_h
    pad_left: int = 0
    weights: int = 0  # offset in ifm2_region
    params: int = 0  # offset in MODEL, a multiple of 4
    ifm2_offset: int = 0
    ifm2_row: int = 0  # 0 repeats one row
    ifm2_px: int = 0  # 0 repeats one pixel
    scale: int = 0  # PAL8 code
    scale2: int = 0  # PAL8 code
    reserved1: int = 0  # 0

    _COMMON: ClassVar[tuple[str, ...]] = (
        "opcode",
        "flags",
        "layer",
        "ifm_region",
        "ifm2_region",
        "ofm_region",
        "reserved0",
        "ifm_offset",
        "ifm_row",
        "ifm_h",
        "ifm_w",
        "ifm_c",
        "ifm_px",
        "ofm_offset",
        "ofm_row",
        "ofm_h",
        "ofm_w",
        "ofm_c",
        "ofm_px",
        "table",
        "act_min",
        "act_max",
        "offset",
    )
    _WINDOW: ClassVar[tuple[str, ...]] = (
        "kh",
        "kw",
        "stride_y",
        "stride_x",
        "dilation_y",
        "dilation_x",
        "pad_top",
        "pad_left",
        "weights",
        "params",
    )
    _PAIR: ClassVar[tuple[str, ...]] = (
        "ifm2_offset",
        "ifm2_row",
        "ifm2_px",
        "scale",
        "scale2",
        "reserved1",
    )
    _WINDOW_STRUCT: ClassVar[struct.Struct] = struct.Struct("<BBHBBBBIIHHHHIIHHHHIbbhBBBBBBBBII")
    _PAIR_STRUCT: ClassVar[struct.Struct] = struct.Struct("<BBHBBBBIIHHHHIIHHHHIbbhIIHBBI")

    def pack(self) -> bytes:
        window = self.opcode in WINDOW_OPCODES
        names = self._COMMON + (self._WINDOW if window else self._PAIR)
        layout = self._WINDOW_STRUCT if window else self._PAIR_STRUCT
        return layout.pack(*(getattr(self, name) for name in names))

    @classmethod
    def unpack(cls, data: bytes, offset: int = 0) -> Command:
        window = data[offset] in WINDOW_OPCODES
        names = cls._COMMON + (cls._WINDOW if window else cls._PAIR)
        layout = cls._WINDOW_STRUCT if window else cls._PAIR_STRUCT
        return cls(**dict(zip(names, layout.unpack_from(data, offset), strict=True)))
