"""The compiler's graph: layers over named values, in ONNX's logical shapes.

A value keeps its ONNX name, so that the float value of any layer can be asked of ONNX Runtime.
Shapes are static; a dynamic batch is 1. Physical layout is decided later, in `layout`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """Clamp to [low, high]; ReLU is Clip(0, inf)."""

    low: float = -np.inf
    high: float = np.inf


@dataclass(frozen=True)
class Unary:
    """A function of one variable, run as a table: `name` is a key of `compiler.unary.FUNCTIONS`."""

    name: str
    parameters: tuple[float, ...] = ()


@dataclass(kw_only=True)
class Layer:
    """One step: `output` is the ONNX value after the fused activation.

    `before_table` names the value in front of a fused Unary (its range sets the table's input scale).
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    sources: tuple[str, ...]  # ONNX nodes it came from
    clip: Clip | None = None
    unary: Unary | None = None
    before_table: str | None = None

    @property
    def op(self) -> str:
        return type(self).__name__


@dataclass(kw_only=True)
class Conv(Layer):
    """x [N, C, H, W] (or [N, C, L]) with weight [O, C/groups, kh, kw] -> [N, O, OH, OW].

    pads = (top, left, bottom, right). A 1-D convolution has kh = 1 and rank-3 values.
    """

    weight: FloatArray
    bias: FloatArray  # [O]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1


@dataclass(kw_only=True)
class Dense(Layer):
    """x [..., K] with weight [K, M] -> [..., M]."""

    weight: FloatArray
    bias: FloatArray  # [M]


@dataclass(kw_only=True)
class Add(Layer):
    """sign_a * a + sign_b * b, numpy broadcasting."""

    signs: tuple[int, int] = (1, 1)


@dataclass(kw_only=True)
class Mul(Layer):
    """a * b, numpy broadcasting."""


@dataclass(kw_only=True)
class Pool(Layer):
    """x [N, C, H, W] or [N, C, L]; pads as in Conv; kind average or max.

    An average is the window's sum over `divisor`; None is its number of positions.
    """

    kind: Literal["max", "average"]
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    count_include_pad: bool = False
    divisor: int | None = None


@dataclass(kw_only=True)
class Elementwise(Layer):
    """Only the clip or the unary function of the base class."""


@dataclass(kw_only=True)
class Reshape(Layer):
    """Row-major reshape to the shape of `output`."""


@dataclass(kw_only=True)
class Transpose(Layer):
    """output axis i = input axis perm[i]."""

    perm: tuple[int, ...]


@dataclass(kw_only=True)
class Softmax(Layer):
    """Softmax over one axis (non-negative)."""

    axis: int


@dataclass(kw_only=True)
class LayerNorm(Layer):
    """Normalization over the last axis, then gain [C] and shift [C]."""

    epsilon: float
    gain: FloatArray
    shift: FloatArray


@dataclass(kw_only=True)
class ArgMax(Layer):
    """Index of the largest element along one axis (non-negative), kept as size 1 or dropped."""

    axis: int
    last: bool = False  # of several equal ones


@dataclass(kw_only=True)
class Select(Layer):
    """output[i, j, ...] = x[index[0][i], index[1][j], ...]; where an index is -1, `fill`.

    Slice, Split, Pad, nearest Resize, Tile and Gather with constant indices are all of this kind.
    """

    index: tuple[tuple[int, ...], ...]  # one list an axis, as long as the output's axis
    fill: float = 0.0


@dataclass(kw_only=True)
class Concat(Layer):
    """Inputs joined along one axis (non-negative)."""

    axis: int


@dataclass(kw_only=True)
class ConvTranspose(Layer):
    """x [N, C, H, W] (or [N, C, L]) with weight [C, O/groups, kh, kw] -> [N, O, OH, OW]; pads as in Conv.

    output_padding and output_shape are in the shape of `output`.
    """

    weight: FloatArray
    bias: FloatArray  # [O]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1


@dataclass(kw_only=True)
class MatMul(Layer):
    """a [..., M, K] times b [..., K, N], numpy broadcasting of the leading axes."""


@dataclass
class Graph:
    """Layers in topological order; every value has a shape; only a Concat's first input may be a constant."""

    name: str
    layers: list[Layer]
    shapes: dict[str, tuple[int, ...]]
    inputs: list[str]
    outputs: list[str]
    dynamic_batch: bool
    constants: dict[str, FloatArray] = field(default_factory=dict)  # operands of Add, Mul, Concat and MatMul
