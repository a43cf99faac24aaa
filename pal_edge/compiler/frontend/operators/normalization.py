"""BatchNormalization."""

from __future__ import annotations

import numpy as np

from ..importer import Importer
from ..nodes import Node, Refused, handles


@handles("BatchNormalization")
def batch_normalization(importer: Importer, node: Node) -> None:
    """In inference mode; folded into a convolution where it can be."""
    x = importer.value(node)
    rank = len(importer.shape(x))
    statistics = range(1, len(node.outputs))
    if node.integer("training_mode", 0) or any(importer.is_used(node, i) for i in statistics):
        raise Refused("it is in training mode; export the model for inference")
    if not 2 <= rank <= 4:
        raise Refused(f"its input has {rank} axes; 2 to 4 are supported")
    gamma, beta, mean, variance = (
        importer.constant(node, i, what)
        for i, what in enumerate(("scale", "bias", "mean", "variance"), start=1))
    spread = variance + node.number("epsilon", 1e-5)
    if not (spread > 0).all():
        raise Refused("its variance plus epsilon is not positive")
    scale = gamma / np.sqrt(spread)
    across = (-1, *(1,) * (rank - 2))
    importer.affine(node, x, scale.reshape(across), (beta - mean * scale).reshape(across))
