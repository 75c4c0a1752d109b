"""Reading uploads: any picture file becomes an upright RGB or RGBA picture without metadata, or a sentence."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from playground.errors import BadRequest
from playground.requests import MAX_PIXELS

MAX_BYTES = 10_000_000
UNREADABLE = "This file is not a picture that can be read. Use a PNG, JPEG or WebP file."


def open_image(source: str | os.PathLike | BinaryIO) -> Image.Image:
    """An upload as RGB, or RGBA where it has real transparency; turned upright, metadata dropped, 16 bits scaled.

    Refuses, with a BadRequest in words, what is no picture, is cut off, is over 10 MB, or has over 25 megapixels.
    """
    data = Path(source).read_bytes() if isinstance(source, (str, os.PathLike)) else source.read()
    if len(data) > MAX_BYTES:
        raise BadRequest(f"This picture has {len(data) / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are taken.", field="image")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(io.BytesIO(data))
        except Image.DecompressionBombError:
            raise too_large(None) from None
        except Exception:
            raise BadRequest(UNREADABLE, field="image") from None
        if picture.width * picture.height > MAX_PIXELS:
            raise too_large(picture.width * picture.height)
        try:
            picture.load()
            upright = ImageOps.exif_transpose(picture)
        except Exception:
            raise BadRequest("This picture is damaged or cut off. Save it again and retry.", field="image") from None
        return plain(upright)


def too_large(pixels: int | None) -> BadRequest:
    """The sentence for a picture with too many pixels."""
    count = f"{pixels / 1e6:.0f} megapixels" if pixels else "far too many pixels"
    return BadRequest(f"This picture has {count}; at most {MAX_PIXELS / 1e6:.0f} megapixels are taken.", field="image")


def plain(picture: Image.Image) -> Image.Image:
    """RGB, or RGBA where some pixel is not opaque; a new picture, so nothing of the file's metadata stays."""
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = scaled(picture)
    transparent = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    if transparent:
        with_alpha = picture.convert("RGBA")
        if with_alpha.getchannel("A").getextrema()[0] < 255:
            return Image.frombytes("RGBA", with_alpha.size, with_alpha.tobytes())
        picture = with_alpha
    rgb = picture.convert("RGB")
    return Image.frombytes("RGB", rgb.size, rgb.tobytes())


def scaled(picture: Image.Image) -> Image.Image:
    """A grey picture of more than 8 bits as 8 bits: scaled by its type's range, or by its own where that is unknown."""
    values = np.asarray(picture).astype(np.float64)
    if picture.mode == "F":
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
    else:
        low, high = 0.0, 65535.0 if values.max() <= 65535 else float(values.max())
    values = np.nan_to_num((values - low) / max(high - low, 1e-9))
    return Image.fromarray((values.clip(0, 1) * 255).round().astype(np.uint8))


def on_white(picture: Image.Image) -> Image.Image:
    """Transparent parts on white; RGB."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground
