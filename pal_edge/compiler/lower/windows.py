"""What convolution and pooling share: values seen as images with channels innermost."""

from __future__ import annotations

from dataclasses import dataclass

from ..graph import Conv, Pool
from ..layout import Factor, Layout
from ..program import Placed
from .context import Context


@dataclass(frozen=True)
class Image:
    """A placed [N, C, H, W] or [N, C, L] value; strides in bytes; channels contiguous."""

    placed: Placed
    n: int
    h: int
    w: int
    c: int
    batch: int  # bytes from one image to the next
    row: int
    px: int
    channels: tuple[Factor, ...]  # physical order of the channel axis

    def ifm(self, n: int, y: int = 0, x: int = 0, c: int = 0) -> dict[str, int]:
        """Descriptor fields of the part of image n from row y and column x on, channels from c."""
        return {"ifm_offset": n * self.batch + y * self.row + x * self.px + c,
                "ifm_h": self.h - y, "ifm_w": self.w - x, "ifm_row": self.row, "ifm_px": self.px}

    def ofm(self, n: int, y: int = 0, x: int = 0, c: int = 0) -> dict[str, int]:
        """Descriptor fields that place an output at row y, column x, channel c; its extent is separate."""
        return {"ofm_offset": n * self.batch + y * self.row + x * self.px + c,
                "ofm_row": self.row, "ofm_px": self.px}


def _spatial(shape: tuple[int, ...]) -> tuple[int, int]:
    return (1, shape[2]) if len(shape) == 3 else (shape[2], shape[3])


def channels_last(shape: tuple[int, ...], channels: tuple[Factor, ...]) -> Layout:
    """[N, C, spatial...] as N, spatial, then the channel axis in the given order."""
    outer = Layout.channels_last((shape[0], 1, *shape[2:])).factors
    return Layout(shape, outer + channels)


def natural(size: int) -> tuple[Factor, ...]:
    return (Factor(1, size, 1),) if size > 1 else ()


def image_in(context: Context, value: str, *, natural_channels: bool = False) -> Image:
    """Return the value as an image, copied if its physical order does not allow it."""
    shape = context.shape(value)
    layout = context.placed[value].layout
    channels = tuple(f for f in layout.factors if f.axis == 1)
    if natural_channels or layout != channels_last(shape, channels):
        channels = natural(shape[1])
    return as_image(context.in_layout(value, channels_last(shape, channels)), channels)


def as_image(placed: Placed, channels: tuple[Factor, ...]) -> Image:
    shape = placed.layout.shape
    (h, w), c = _spatial(shape), shape[1]
    return Image(placed, shape[0], h, w, c, h * w * c, w * c, c, channels)


def window_fields(layer: Conv | Pool, kernel: tuple[int, int]) -> dict[str, int]:
    return {"kh": kernel[0], "kw": kernel[1], "stride_y": layer.strides[0], "stride_x": layer.strides[1],
            "dilation_y": layer.dilations[0], "dilation_x": layer.dilations[1],
            "pad_top": layer.pads[0], "pad_left": layer.pads[1]}
