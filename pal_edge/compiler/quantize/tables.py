"""Functions of one variable as tables from code to code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...numeric import decode, encode
from ...numeric.codec import log_sixteenths
from ...spec.arithmetic import MAGNITUDE_MAX
from ..graph import Clip, Unary
from ..unary import apply
from .observer import ZERO_BIAS

_ALL_CODES = np.arange(256, dtype=np.uint8)


def unary_table(function: Unary, in_bias: int, out_bias: int, clip: Clip | None = None) -> NDArray[np.uint8]:
    """Return the code of clip(function(x)) for each of the 256 codes of x.

    Args:
        function: with its parameters.
        in_bias: of the codes that index the table.
        out_bias: of the codes in the table.
        clip: applied to the function's result.
    """
    return encode(_image(function, in_bias, clip), out_bias)


def image_bias(function: Unary, in_bias: int, clip: Clip | None = None) -> int:
    """Return the smallest bias with which no finite result for any input code saturates.

    For bounded functions a good output bias without calibration.
    """
    image = _image(function, in_bias, clip)
    reached = image[np.isfinite(image) & (image != 0)]
    return int(log_sixteenths(reached).max()) - MAGNITUDE_MAX if len(reached) else ZERO_BIAS


def _image(function: Unary, in_bias: int, clip: Clip | None) -> NDArray[np.float32]:
    result = apply(function.name, decode(_ALL_CODES, in_bias).astype(np.float64), function.parameters)
    poles = (_ALL_CODES & MAGNITUDE_MAX == 0) & ~np.isfinite(result)
    result[poles] = result[1]  # a code of zero says "less than the smallest", which is nearer than infinity
    if clip is not None:
        result = np.clip(result, clip.low, clip.high)
    with np.errstate(over="ignore"):  # infinite in float32: saturates
        return result.astype(np.float32)
