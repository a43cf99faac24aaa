"""Conv."""

from __future__ import annotations

import numpy as np

from ...graph import Conv
from ..importer import Importer
from ..nodes import Node, Refused, handles
from .window import window_of


@handles("Conv")
def conv(importer: Importer, node: Node) -> None:
    """1-D and 2-D with constant weights; any groups, strides, dilations and padding."""
    x = importer.value(node)
    weight = importer.weight(node, 1, "weight")
    window = window_of(node, importer.shape(x), weight.shape[2:])
    bias = importer.constant(node, 2, "bias") if node.has_input(2) else np.zeros(len(weight))
    channels, groups = importer.shape(x)[1], node.integer("group", 1)
    if (groups < 1 or weight.shape[1] * groups != channels or len(weight) % groups
            or bias.shape != weight.shape[:1]):
        raise Refused(f"its weight {list(weight.shape)}, bias {list(bias.shape)} and {groups} groups "
                      f"do not fit {channels} input channels; export the model again")
    importer.add(Conv(
        **importer.named(node, x), groups=groups,
        weight=weight.reshape(*weight.shape[:2], *window.kernel), bias=bias.astype(np.float32),
        strides=window.strides, dilations=window.dilations, pads=window.pads))
