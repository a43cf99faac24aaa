"""Operators that the driver runs on the CPU: LayerNormalization and ArgMax."""

from __future__ import annotations

import numpy as np

from ...graph import ArgMax, LayerNorm
from ..importer import Importer
from ..nodes import Node, Refused, handles


@handles("LayerNormalization", runs="CPU")
def layer_normalization(importer: Importer, node: Node) -> None:
    """Over the last axis, with constant scale and bias."""
    x = importer.value(node)
    rank = len(importer.shape(x))
    size = importer.shape(x)[-1]
    if node.integer("axis", -1) % rank != rank - 1:
        raise Refused("it normalizes over several axes; only the last one is supported: reshape them into one")
    if importer.is_used(node, 1) or importer.is_used(node, 2):
        raise Refused("its Mean or InvStdDev output is used; only the normalized value is computed")
    gain = importer.constant(node, 1, "scale")
    shift = importer.constant(node, 2, "bias") if node.has_input(2) else np.zeros(1)
    importer.add(LayerNorm(
        **importer.named(node, x), epsilon=node.number("epsilon", 1e-5),
        gain=np.broadcast_to(gain.reshape(-1), size).astype(np.float32),
        shift=np.broadcast_to(shift.reshape(-1), size).astype(np.float32)))


@handles("ArgMax", runs="CPU")
def argmax(importer: Importer, node: Node) -> None:
    """As the model's last operator."""
    x = importer.value(node)
    importer.add(ArgMax(**importer.named(node, x), axis=node.integer("axis", 0) % len(importer.shape(x)),
                        last=bool(node.integer("select_last_index", 0))))
