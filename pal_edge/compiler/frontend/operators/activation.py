"""Clips and functions of one variable."""

from __future__ import annotations

import numpy as np

from ...graph import Clip, Elementwise
from ..importer import Importer
from ..nodes import Node, Refused, handles
from .arithmetic import computed, product_of, sum_of

# ONNX operator -> (function of compiler.unary, its attributes with their defaults)
_FUNCTIONS: dict[str, tuple[str, tuple[tuple[str, float], ...]]] = {
    "Abs": ("Abs", ()),
    "Celu": ("Celu", (("alpha", 1.0),)),
    "Elu": ("Elu", (("alpha", 1.0),)),
    "Erf": ("Erf", ()),
    "Exp": ("Exp", ()),
    "HardSigmoid": ("HardSigmoid", (("alpha", 0.2), ("beta", 0.5))),
    "HardSwish": ("HardSwish", ()),
    "LeakyRelu": ("LeakyRelu", (("alpha", 0.01),)),
    "Log": ("Log", ()),
    "Mish": ("Mish", ()),
    "Neg": ("Neg", ()),
    "Selu": ("Selu", (("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875))),
    "Sigmoid": ("Sigmoid", ()),
    "Softplus": ("Softplus", ()),
    "Softsign": ("Softsign", ()),
    "Sqrt": ("Sqrt", ()),
    "Swish": ("SiLU", (("alpha", 1.0),)),
    "Tanh": ("Tanh", ()),
    "ThresholdedRelu": ("ThresholdedRelu", (("alpha", 1.0),)),
}


@handles(*_FUNCTIONS, runs="table")
def function(importer: Importer, node: Node) -> None:
    """Any parameters."""
    name, attributes = _FUNCTIONS[node.op]
    importer.unary(node, importer.value(node), name, *(node.number(*attribute) for attribute in attributes))


@handles("Reciprocal", runs="table")
def reciprocal(importer: Importer, node: Node) -> None:
    """Any parameters."""
    importer.unary(node, importer.value(node), "Reciprocal", 1.0)


@handles("Gelu", runs="table")
def gelu(importer: Importer, node: Node) -> None:
    """Exact or with the tanh approximation."""
    approximate = node.text("approximate", "none") == "tanh"
    importer.unary(node, importer.value(node), "GeluTanh" if approximate else "Gelu")


@handles("PRelu", runs="table")
def prelu(importer: Importer, node: Node) -> None:
    """A table with one slope; with several, a sum of the two sides."""
    x, slope = importer.value(node), importer.constant(node, 1, "slope")
    if len(np.unique(slope)) == 1:
        importer.unary(node, x, "LeakyRelu", float(slope.flat[0]))
        return
    above = computed(importer, "Relu", (x,), f"{node.output}#above")
    below = computed(importer, "Sub", (x, above), f"{node.output}#below")
    scaled = computed(importer, "Mul", (below, slope), f"{node.output}#scaled")
    importer.add(Elementwise(**importer.named(node, x, output=above), clip=Clip(low=0.0)))
    importer.add(Elementwise(**importer.named(node, x, output=below), clip=Clip(high=0.0)))
    product_of(importer, node, below, slope, scaled)
    sum_of(importer, node, above, scaled)


@handles("Pow", runs="table")
def power(importer: Importer, node: Node) -> None:
    """With a single constant exponent."""
    importer.unary(node, importer.value(node), "Pow", importer.scalar(node, 1, 1.0, "exponent"))


@handles("Relu", runs="free")
def relu(importer: Importer, node: Node) -> None:
    """A clip."""
    importer.clip(node, importer.value(node), 0.0, np.inf)


@handles("Clip", runs="free")
def clip(importer: Importer, node: Node) -> None:
    """With constant bounds."""
    low = importer.scalar(node, 1, -np.inf, "lower bound")
    high = importer.scalar(node, 2, np.inf, "upper bound")
    _clip(importer, node, importer.value(node), low, high)


def _clip(importer: Importer, node: Node, x: str, low: float, high: float) -> None:
    if np.isnan(low) or np.isnan(high):
        raise Refused("one of its bounds is NaN")
    if np.isinf(low) and np.isinf(high):
        importer.alias(node, x)
    else:
        importer.clip(node, x, low, high)
