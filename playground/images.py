"""Reading uploads: any picture file becomes an upright RGB or RGBA picture without metadata, or a sentence."""

from __future__ import annotations

import io
import os
from contextlib import nullcontext
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from playground.errors import BadRequest
from playground.requests import MAX_PIXELS
from playground.wording import say

MAX_BYTES = 10_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # no others: Pillow runs Ghostscript for some


def open_image(source: str | os.PathLike | BinaryIO) -> Image.Image:
    """An upload as RGB, or RGBA where it has real transparency; turned upright, metadata dropped, 16 bits scaled.

    Refuses, with a BadRequest in words, what is no picture, is cut off, is over 10 MB, or has over 25 megapixels.
    """
    picture = opened(io.BytesIO(content(source)))
    try:
        picture.load()
    except Exception:
        raise BadRequest(say("images.damaged"), field="image") from None
    return plain(upright(picture))


def content(source: str | os.PathLike | BinaryIO) -> bytes:
    """A file's bytes, of at most 10 MB."""
    try:
        with open(source, "rb") if isinstance(source, (str, os.PathLike)) else nullcontext(source) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError:
        raise BadRequest(say("images.unreadable"), field="image") from None
    if len(data) > MAX_BYTES:
        raise BadRequest(say("images.large_file", most=f"{MAX_BYTES / 1e6:.0f}"), field="image")
    return data


def opened(file: BinaryIO) -> Image.Image:
    """The picture's header only; its size is known, and not one pixel is decoded."""
    try:
        picture = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_large() from None
    except Exception:
        raise BadRequest(say("images.unreadable"), field="image") from None
    if picture.width * picture.height > MAX_PIXELS:
        raise too_large()
    return picture


def upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its camera noted; as it is where that note cannot be read."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # Pillow's readers of EXIF raise of many kinds; the picture itself is sound
        return picture


def too_large() -> BadRequest:
    """The error for a picture with too many pixels."""
    return BadRequest(say("images.too_large", most=f"{MAX_PIXELS / 1e6:.0f}"), field="image")


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
    """A grey picture of more than 8 bits as 8 bits. White is 65535 where the mode says 16 bits; else the least of the
    usual whites (1 for floats, 255, 65535) that no pixel exceeds."""
    values = np.nan_to_num(np.asarray(picture).astype(np.float32))
    most = float(values.max())
    usual = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}.get(picture.mode, (65535.0,))
    white = next((value for value in usual if most <= value), most)
    return Image.fromarray(((values / white).clip(0, 1) * 255).round().astype(np.uint8))


def on_white(picture: Image.Image) -> Image.Image:
    """Transparent parts on white; RGB."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground
