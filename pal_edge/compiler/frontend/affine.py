"""Scale and shift by constants, a layer of the frontend alone: folded into its neighbours, or made real."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..graph import Conv, Dense, Layer

Float64 = NDArray[np.float64]


@dataclass(kw_only=True)
class Affine(Layer):
    """x * scale + shift, both [size of `axis`], or both [] where `axis` is None."""

    axis: int | None
    scale: Float64
    shift: Float64


def single_axis(constant: Float64, shape: tuple[int, ...]) -> tuple[int | None, Float64] | None:
    """Return (axis, [n] or []) of a constant that varies along at most one axis of `shape`, else None.

    None also where numpy's broadcasting with it would enlarge `shape`.
    """
    full = (1,) * (len(shape) - constant.ndim) + constant.shape
    if len(full) > len(shape) or any(n not in (1, s) for n, s in zip(full, shape, strict=True)):
        return None
    long = [axis for axis, n in enumerate(full) if n > 1]
    if not long:
        return None, constant.reshape(())
    return (long[0], constant.reshape(-1)) if len(long) == 1 else None


def absorb_after(producer: Layer, affine: Affine, rank: int) -> bool:
    """Fold `affine` into the layer that computes its input (of `rank`), if it can be; return whether."""
    if producer.clip or producer.unary:
        return False
    if isinstance(producer, Conv) and affine.axis in (1, None):
        per_channel = affine.scale.reshape(-1, 1, 1, 1)
        producer.weight = (producer.weight * per_channel).astype(np.float32)
        producer.bias = (producer.bias * affine.scale + affine.shift).astype(np.float32)
    elif isinstance(producer, Dense) and affine.axis in (rank - 1, None):
        producer.weight = (producer.weight * affine.scale).astype(np.float32)
        producer.bias = (producer.bias * affine.scale + affine.shift).astype(np.float32)
    elif isinstance(producer, Affine) and _joinable(producer, affine, rank):
        producer.axis = affine.axis if producer.axis is None else producer.axis
        producer.shift = producer.shift * affine.scale + affine.shift
        producer.scale = producer.scale * affine.scale
        size = max(producer.shift.size, producer.scale.size)
        if producer.axis is not None:
            producer.shift = np.broadcast_to(producer.shift, size)
            producer.scale = np.broadcast_to(producer.scale, size)
    else:
        return False
    producer.output = affine.output
    producer.sources += affine.sources
    return True


def _joinable(first: Affine, second: Affine, rank: int) -> bool:
    """Only what one depthwise convolution can do."""
    axes = {first.axis, second.axis}
    return axes <= {1, None} and is_channelwise(None if axes == {None} else 1, rank)


def is_channelwise(axis: int | None, rank: int) -> bool:
    """Whether a scale and shift along `axis` can be a depthwise 1x1 convolution."""
    return (axis == 1 and 2 <= rank <= 4) or (axis is None and rank in (2, 4))


def absorb_before(affine: Affine, consumer: Layer, rank: int) -> bool:
    """Fold `affine` into the layer that reads it; `rank` is that of the value between; return whether."""
    if affine.clip or affine.unary:
        return False
    if isinstance(consumer, Conv) and affine.axis in (1, None):
        if affine.shift.any() and any(consumer.pads):
            return False  # padding is zero after the shift, not before
        outputs, per_group, *_ = consumer.weight.shape
        group = np.arange(outputs) // (outputs // consumer.groups)
        channel = group[:, None] * per_group + np.arange(per_group)
        scale = np.broadcast_to(affine.scale, per_group * consumer.groups)[channel]
        shift = np.broadcast_to(affine.shift, per_group * consumer.groups)[channel]
        taps = consumer.weight.astype(np.float64).sum(axis=(2, 3))
        consumer.bias = (consumer.bias + (taps * shift).sum(axis=1)).astype(np.float32)
        consumer.weight = (consumer.weight * scale[:, :, None, None]).astype(np.float32)
    elif isinstance(consumer, Dense) and affine.axis in (rank - 1, None):
        weight = consumer.weight.astype(np.float64)
        size = len(weight)
        consumer.bias = (consumer.bias + np.broadcast_to(affine.shift, size) @ weight).astype(np.float32)
        consumer.weight = (weight * np.broadcast_to(affine.scale, size)[:, None]).astype(np.float32)
    else:
        return False
    consumer.inputs = affine.inputs
    consumer.sources = affine.sources + consumer.sources
    return True
