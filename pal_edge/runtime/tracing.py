"""Read a layer's output out of device memory, in its logical shape (TRACE section)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]


def read_logical(entry: Mapping[str, Any], read: Callable[[int, int, int], Codes]) -> Codes:
    """Return the codes of a traced layer; `read(region, offset, size)` gives bytes.

    An axis may be split into several factors [axis, size, step, bytes]: its index is the sum of
    index * step over them.
    """
    factors = [tuple(factor) for factor in entry["axes"]]
    span = 1 + sum((size - 1) * stride for _, size, _, stride in factors)
    memory = read(entry["region"], entry["offset"], span)
    physical = np.lib.stride_tricks.as_strided(
        memory, [size for _, size, _, _ in factors], [stride for *_, stride in factors])
    logical = sorted(range(len(factors)), key=lambda i: (factors[i][0], -factors[i][2]))
    return physical.transpose(logical).reshape(entry["shape"]).copy()
