"""One module an operator family; importing this package fills the registry of handlers."""

from . import (
    activation,
    arithmetic,
    convolution,
    dense,
    movement,
    normalization,
    pool,
    quantized,
    resize,
    rows,
    shape,
    softmax,
)

__all__ = ["activation", "arithmetic", "convolution", "dense", "movement", "normalization", "pool", "quantized",
           "resize", "rows", "shape", "softmax"]
