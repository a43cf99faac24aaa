"""BatchNormalization and LRN."""

from __future__ import annotations

import math

import numpy as np

from ...graph import Conv, Elementwise, Mul, Reshape, Unary
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
    if rank < 2:
        raise Refused(f"its input has {rank} axes; at least 2 are needed")
    gamma, beta, mean, variance = (
        importer.constant(node, i, what)
        for i, what in enumerate(("scale", "bias", "mean", "variance"), start=1))
    spread = variance + node.number("epsilon", 1e-5)
    if not (spread > 0).all():
        raise Refused("its variance plus epsilon is not positive")
    scale = gamma / np.sqrt(spread)
    shift = beta - mean * scale
    if rank <= 4:
        across = (-1, *(1,) * (rank - 2))
        importer.affine(node, x, scale.reshape(across), shift.reshape(across))
        return
    # As an image: [N, C, everything else].
    image = (*importer.shape(x)[:2], 1, math.prod(importer.shape(x)[2:]))
    before = importer.reshaped(x, image, f"{node.output}#image")
    after = importer.reshaped(node.output, image, f"{node.output}#normal")
    importer.add(Reshape(**importer.named(node, x, output=before)))
    importer.affine(node, before, scale.reshape(-1, 1, 1), shift.reshape(-1, 1, 1), after)
    importer.add(Reshape(**importer.named(node, after)))


@handles("LRN")
def local_response_normalization(importer: Importer, node: Node) -> None:
    """Of [N, C, H, W], with an odd size."""
    x = importer.value(node)
    shape = importer.shape(x)
    if len(shape) != 4:  # ONNX Runtime, the reference, has no other ranks and no even sizes
        raise Refused(f"its input has {len(shape)} axes; only 4 are supported: reshape it to [N, C, H, W]")
    channels, size = shape[1], node.integer("size", 1)
    if size % 2 == 0:
        raise Refused(f"its size {size} is even; only odd ones are supported")
    distance = np.subtract.outer(np.arange(channels), np.arange(channels))  # output minus input channel
    weight = ((abs(distance) <= size // 2) * (node.number("alpha", 1e-4) / size)).astype(np.float32)
    weight = weight.reshape(channels, channels, 1, 1)
    bias = np.full(channels, node.number("bias", 1.0), np.float32)
    beta = -node.number("beta", 0.75)
    y = node.output
    square = importer.computed("Mul", (x, x), f"{y}#square", shape)
    weights, biases, exponent = (importer.stored(np.asarray(array, np.float32), f"{y}#{name}") for name, array in
                                 (("weight", weight), ("bias", bias), ("exponent", beta)))
    spread = importer.computed("Conv", (square, weights, biases), f"{y}#sum", shape)
    factor = importer.computed("Pow", (spread, exponent), f"{y}#factor", shape)
    importer.add(Mul(**importer.named(node, x, x, output=square)))
    importer.add(Conv(**importer.named(node, square, output=spread), weight=weight, bias=bias))
    importer.add(Elementwise(**importer.named(node, spread, output=factor), unary=Unary("Pow", (beta,))))
    importer.add(Mul(**importer.named(node, x, factor)))
