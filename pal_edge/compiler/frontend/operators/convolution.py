"""Conv."""

from __future__ import annotations

import numpy as np

from ...graph import Conv, ConvTranspose
from ..importer import Importer
from ..nodes import Node, Refused, handles
from .window import FOLD, pair, window_of


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


@handles("ConvTranspose")
def conv_transpose(importer: Importer, node: Node) -> None:
    """1-D and 2-D with constant weights; any groups, strides, dilations, padding, output_padding."""
    x = importer.value(node)
    weight = importer.constant(node, 1, "weight")
    groups, rank = node.integer("group", 1), weight.ndim - 2
    if rank not in (1, 2):
        raise Refused(f"it has {rank} spatial axes; only 1-D and 2-D are supported: {FOLD}")
    outputs = weight.shape[1] * groups
    bias = importer.constant(node, 2, "bias") if node.has_input(2) else np.zeros(outputs)
    strides = node.integers("strides") or (1,) * rank
    dilations = node.integers("dilations") or (1,) * rank
    begin = []
    pads, auto = node.integers("pads") or (0,) * (2 * rank), node.text("auto_pad", "NOTSET")
    asked = node.integers("output_shape")
    for axis in range(rank):
        n_in, n_out = importer.shape(x)[2 + axis], importer.shape(node.output)[2 + axis]
        if auto == "NOTSET" and asked is None:
            begin.append(pads[axis])
            continue
        full = strides[axis] * (n_in - 1) + (weight.shape[2 + axis] - 1) * dilations[axis] + 1
        extra = (node.integers("output_padding") or (0,) * rank)[axis]
        total = max(0, full + extra - n_out)
        begin.append(total - total // 2 if auto == "SAME_LOWER" else total // 2)
    lead = (1,) * (2 - rank)
    kernel = lead + weight.shape[2:]
    top, left = (0,) * (2 - rank) + tuple(begin)
    importer.add(ConvTranspose(
        **importer.named(node, x), groups=groups, bias=bias.astype(np.float32),
        weight=weight.reshape(*weight.shape[:2], *kernel).astype(np.float32),
        strides=pair(lead + strides), dilations=pair(lead + dilations), pads=(top, left, 0, 0)))
