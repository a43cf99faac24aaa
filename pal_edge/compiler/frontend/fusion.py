"""Passes over the imported layers: fold scales and shifts, fuse activations, make the rest real."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import ModelError
from ..graph import Add, Clip, Conv, Dense, Elementwise, Layer, Mul, Pool, Reshape
from .affine import Affine, absorb_after, absorb_before, is_channelwise
from .importer import Importer, renamed


@dataclass(kw_only=True)
class Saturation(Elementwise):
    """The range of a Q/DQ pair: fused as a clip, dropped where there is nothing to fuse it to."""

    pair: str


def fuse(importer: Importer) -> None:
    """Run all passes on `importer.layers`. Raises ModelError where folding exceeds float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        _fold_backward(importer)
        _fuse_activations(importer)
        _fold_forward(importer)
        importer.layers = [real for layer in importer.layers for real in _materialised(importer, layer)]
    for layer in importer.layers:
        arrays = (layer.weight, layer.bias) if isinstance(layer, Conv | Dense) else ()
        if not all(np.isfinite(array).all() for array in arrays):
            raise ModelError(f"the weights of {layer.name!r} exceed float32 once {', '.join(layer.sources)} "
                             "are folded into one; export a checkpoint with smaller weights")


def use_counts(importer: Importer) -> Counter[str]:
    """Return how often each value is read; being a graph output counts as a read."""
    counts = Counter(importer.outputs)
    for layer in importer.layers:
        counts.update(layer.inputs)
    return counts


def drop_dead(importer: Importer) -> None:
    """Drop layers that no output depends on."""
    alive = set(importer.outputs)
    kept = []
    for layer in reversed(importer.layers):
        if layer.output in alive:
            alive.update(layer.inputs)
            kept.append(layer)
    importer.layers = kept[::-1]


def _sole_producer(layer: Layer, producers: dict[str, Layer], uses: Counter[str]) -> Layer | None:
    """Return the layer that computes the only input, if nothing else reads it."""
    value = layer.inputs[0]
    return producers.get(value) if uses[value] == 1 else None


def _fold_backward(importer: Importer) -> None:
    uses, producers, kept = use_counts(importer), dict[str, Layer](), list[Layer]()
    for layer in importer.layers:
        if isinstance(layer, Affine):
            producer = _sole_producer(layer, producers, uses)
            if producer and absorb_after(producer, layer, len(importer.shape(layer.output))):
                producers[layer.output] = producer
                continue
        producers[layer.output] = layer
        kept.append(layer)
    importer.layers = kept


def _fuse_activations(importer: Importer) -> None:
    uses, producers, kept = use_counts(importer), dict[str, Layer](), list[Layer]()
    names: dict[str, str] = {}
    for original in importer.layers:
        layer = renamed(original, names)
        if isinstance(layer, Elementwise):
            producer = _sole_producer(layer, producers, uses)
            if producer and _fuse_activation(producer, layer):
                producers[layer.output] = producer
                continue
        if isinstance(layer, Saturation):
            if layer.output not in importer.outputs:
                names[layer.output] = layer.inputs[0]
                uses[layer.inputs[0]] += uses[layer.output] - 1
                continue
            layer = Reshape(name=layer.name, inputs=layer.inputs, output=layer.output, sources=layer.sources)
        producers[layer.output] = layer
        kept.append(layer)
    importer.layers = kept


def _fuse_activation(producer: Layer, layer: Elementwise) -> bool:
    if producer.unary:
        return False
    average = isinstance(producer, Pool) and producer.kind == "average"
    computes = average or isinstance(producer, Conv | Dense | Add | Mul | Affine)
    if layer.clip and (computes or isinstance(producer, Pool | Elementwise)):
        producer.clip = compose(producer.clip, layer.clip)
    elif layer.unary and computes and not producer.clip:
        producer.unary, producer.before_table = layer.unary, producer.output
    else:
        return False
    producer.output = layer.output
    producer.sources += layer.sources
    return True


def compose(first: Clip | None, second: Clip) -> Clip:
    """Return the clip that acts like `first`, then `second`."""
    first = first or Clip()
    low, high = (float(np.clip(bound, second.low, second.high)) for bound in (first.low, first.high))
    return Clip(low, high)


def _fold_forward(importer: Importer) -> None:
    """Into the one layer that reads it."""
    uses = use_counts(importer)
    affines = {layer.output: layer for layer in importer.layers if isinstance(layer, Affine)}
    folded: set[str] = set()
    for layer in importer.layers:
        value = layer.inputs[0]
        affine = affines.get(value)
        if affine and uses[value] == 1 and absorb_before(affine, layer, len(importer.shape(value))):
            folded.add(value)
    importer.layers = [layer for layer in importer.layers if layer.output not in folded]


def _materialised(importer: Importer, layer: Layer) -> list[Layer]:
    """Return the layers that a backend knows for this one."""
    if not isinstance(layer, Affine):
        return [layer]
    x, y = layer.inputs[0], layer.output
    shape = importer.shape(x)
    rank = len(shape)
    named: dict[str, Any] = {"name": layer.name, "sources": layer.sources}
    ends: dict[str, Any] = {"clip": layer.clip, "unary": layer.unary, "before_table": layer.before_table}
    if is_channelwise(layer.axis, rank):
        channels = shape[1]
        scale = np.broadcast_to(layer.scale, channels).astype(np.float32)
        shift = np.broadcast_to(layer.shift, channels).astype(np.float32)
        conv = Conv(**named, **ends, inputs=(x,), output=y, weight=scale.reshape(channels, 1, 1, 1),
                    bias=shift, groups=channels)
        if rank > 2:
            return [conv]
        before = importer.reshaped(x, (*shape, 1, 1), f"{y}#image")
        after = importer.reshaped(y, (*shape, 1, 1), f"{y}#scaled")
        return [Reshape(name=before, sources=layer.sources, inputs=(x,), output=before),
                replace(conv, name=after, inputs=(before,), output=after),
                Reshape(**named, inputs=(after,), output=y)]
    across = [1] * rank
    if layer.axis is not None:
        across[layer.axis] = -1
    if layer.shift.any():
        sign = 1 if (layer.scale == 1).all() else -1
        operand = importer.operand(f"{y}#shift", layer.shift.reshape(across))
        return [Add(**named, inputs=(x, operand), output=y, signs=(sign, 1), **ends)]
    operand = importer.operand(f"{y}#scale", layer.scale.reshape(across))
    return [Mul(**named, inputs=(x, operand), output=y, **ends)]
