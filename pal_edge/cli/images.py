"""Images as model inputs; decoding is Pillow's, an optional dependency."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

IMAGES = (".bmp", ".jpeg", ".jpg", ".png")
_REMEDY = "reading images needs Pillow: pip install 'pal-edge[images]', or give arrays (.npy, .npz)"


@dataclass(frozen=True)
class Preprocessing:
    """input = (pixel * scale - mean) / std with pixels 0..255; one mean and std, or one a channel."""

    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    layout: str | None = None  # NCHW or NHWC; None: from the model's input
    order: str = "rgb"
    crop: bool = False

    def completed(self, name: str, shape: tuple[int, ...]) -> Preprocessing:
        """Return the same with the layout that the input's shape tells. Raises InputError."""
        channels_at = {"NCHW": 1, "NHWC": 3}
        fitting = [key for key, axis in channels_at.items() if len(shape) == 4 and shape[axis] in (1, 3)]
        if self.layout is None and len(fitting) == 2:
            raise InputError(f"input {name!r} {list(shape)} may be NCHW or NHWC: say which with --layout")
        layout = self.layout or (fitting[0] if fitting else None)
        if layout not in fitting:
            raise InputError(f"input {name!r} has shape {list(shape)}, which is no image of 1 or 3 channels"
                             + (f" in {layout}" if layout else "") + "; give arrays (.npy, .npz)")
        channels = shape[channels_at[layout]]
        for option, values in (("--mean", self.mean), ("--std", self.std)):
            if len(values) not in (1, channels):
                raise InputError(f"{option} has {len(values)} values; input {name!r} has {channels} channels")
        return replace(self, layout=layout)

    def record(self) -> dict[str, Any]:
        """Return what the provenance says."""
        return {"scale": self.scale, "mean": list(self.mean), "std": list(self.std), "layout": self.layout,
                "order": self.order, "fit": "crop" if self.crop else "stretch"}


def read_image(path: Path, shape: tuple[int, ...], how: Preprocessing) -> NDArray[np.float32]:
    """Return one sample for an input of `shape` [1, C, H, W] or [1, H, W, C], without its batch axis.

    Raises InputError for a file that is no image, or where Pillow is missing.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise InputError(_REMEDY) from None
    channels, height, width = shape[1:] if how.layout == "NCHW" else (shape[3], *shape[1:3])
    try:
        with Image.open(path) as opened:
            if opened.mode.startswith(("I", "F")):
                raise InputError(f"{path}: its pixels have more than 8 bits; convert it, or give arrays")
            image = ImageOps.exif_transpose(opened).convert("RGB" if channels == 3 else "L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: cannot be read as an image ({error})") from error
    if how.crop:
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    else:
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, np.float64).reshape(height, width, channels)
    if how.order == "bgr":
        pixels = pixels[..., ::-1]
    values = ((pixels * how.scale - np.array(how.mean)) / np.array(how.std)).astype(np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1) if how.layout == "NCHW" else values)
