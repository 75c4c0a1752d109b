"""Reading uploads: the corpus of odd pictures, each turned into plain RGB or RGBA, or refused in a sentence."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from playground.errors import BadRequest
from playground.images import MAX_BYTES, on_white, open_image


def photo(mode: str = "RGB", size: tuple[int, int] = (6, 4)) -> Image.Image:
    """Noise of a mode."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (size[1], size[0], bands) if bands > 1 else (size[1], size[0])
    return Image.frombytes(mode, size, np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8).tobytes())


def saved(picture: Image.Image, kind: str = "PNG", **options) -> io.BytesIO:
    """A picture as an upload."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    file.seek(0)
    return file


def png_header(width: int, height: int) -> io.BytesIO:
    """A PNG that claims a size and has no pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = b"\x89PNG\r\n\x1a\n", struct.pack(">I", 13), chunk, struct.pack(">I", zlib.crc32(chunk))
    return io.BytesIO(b"".join(parts) + struct.pack(">I", 10) + b"IDAT" + bytes(40))


ODD = {
    "cmyk jpeg": (photo("CMYK"), "JPEG", "RGB"),
    "grey and alpha": (photo("LA"), "PNG", "RGBA"),
    "rgba": (photo("RGBA"), "PNG", "RGBA"),
    "palette": (photo("RGB").quantize(8), "PNG", "RGB"),
    "grey": (photo("L"), "PNG", "RGB"),
    "one bit": (photo("L").convert("1"), "PNG", "RGB"),
    "webp": (photo("RGB"), "WEBP", "RGB"),
    "webp with alpha": (photo("RGBA"), "WEBP", "RGBA"),
    "bmp": (photo("RGB"), "BMP", "RGB"),
    "tiff": (photo("RGB"), "TIFF", "RGB"),
    "tiff cmyk": (photo("CMYK"), "TIFF", "RGB"),
    "jpeg": (photo("RGB"), "JPEG", "RGB"),
    "one pixel": (photo("RGB", (1, 1)), "PNG", "RGB"),
    "a ribbon": (photo("RGB", (3, 4000)), "PNG", "RGB"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_come_out_plain(name):
    picture, kind, mode = ODD[name]
    opened = open_image(saved(picture, kind))
    assert (opened.mode, opened.size) == (mode, picture.size)
    if kind in ("PNG", "BMP"):
        assert opened.tobytes() == picture.convert(mode).tobytes()


def test_alpha_without_any_transparent_pixel_is_dropped():
    picture = photo("RGB")
    picture.putalpha(255)
    assert open_image(saved(picture)).tobytes() == photo("RGB").tobytes()


def test_a_transparent_palette_colour_becomes_alpha():
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((1, 0), 1)
    opened = open_image(saved(picture, transparency=1))
    assert opened.getpixel((0, 0)) == (255, 0, 0, 255)
    assert opened.getpixel((1, 0))[3] == 0


def test_of_a_gif_the_first_frame_is_taken():
    frames = [Image.new("RGB", (5, 5), colour) for colour in ("red", "blue")]
    opened = open_image(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert opened.getpixel((2, 2)) == (255, 0, 0)


def test_sixteen_bits_are_scaled_and_not_clipped():
    values = np.array([[0, 257 * 64, 257 * 128, 65535]], np.uint16)
    opened = open_image(saved(Image.fromarray(values)))
    assert [opened.getpixel((x, 0)) for x in range(4)] == [(v, v, v) for v in (0, 64, 128, 255)]


def test_float_pictures_keep_their_shades_and_survive_what_is_no_number():
    values = np.array([[0, 0.5, 1, np.nan]], np.float32)
    opened = open_image(saved(Image.fromarray(values), "TIFF"))
    assert [opened.getpixel((x, 0))[0] for x in range(4)] == [0, 128, 255, 0]


def test_a_cameras_turn_is_applied_and_every_note_dropped():
    picture, exif, text = Image.new("RGB", (40, 20), "red"), Image.Exif(), PngInfo()
    picture.paste((0, 0, 255), (0, 0, 20, 20))
    exif[0x0112], exif[0x010F] = 6, "Secret camera"
    exif.get_ifd(0x8825)[1] = "N"
    text.add_text("parameters", "secret")
    opened = open_image(saved(picture, "PNG", exif=exif, pnginfo=text, icc_profile=b"profile"))
    assert opened.size == (20, 40)
    assert opened.getpixel((10, 5)) == (0, 0, 255)
    assert opened.info == {}
    assert not opened.getexif()
    again = saved(opened).getvalue()
    assert b"ecret" not in again and b"eXIf" not in again and b"iCCP" not in again


def test_notes_that_cannot_be_read_do_no_harm():
    broken = b"Exif\x00\x00II*\x00\xff\xff\xff\xff\x01\x02"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert open_image(saved(photo(), "JPEG", exif=broken)).size == photo().size


REFUSED = {
    "empty": (io.BytesIO(), "not a picture"),
    "text": (io.BytesIO(b"hello, this is a text"), "not a picture"),
    "svg": (io.BytesIO(b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'), "not a picture"),
    "postscript": (io.BytesIO(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"), "not a picture"),
    "truncated png": (io.BytesIO(saved(photo(size=(90, 90))).getvalue()[:900]), "damaged or cut off"),
    "truncated jpeg": (io.BytesIO(saved(photo(size=(90, 90)), "JPEG").getvalue()[:1500]), "damaged or cut off"),
    "26 megapixels": (png_header(6500, 4000), "more than 25 megapixels"),
    "169 megapixels": (png_header(13_000, 13_000), "more than 25 megapixels"),
    "400 megapixels": (png_header(20_000, 20_000), "more than 25 megapixels"),
    "a large file": (io.BytesIO(bytes(MAX_BYTES + 1)), "over 10 MB"),
    "no file": ("no such file.png", "not a picture"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_cannot_be_used_is_refused_in_a_sentence(name):
    file, sentence = REFUSED[name]
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    with pytest.raises(BadRequest, match=sentence) as refused:
        open_image(file)
    assert refused.value.field == "image"
    assert (Image.MAX_IMAGE_PIXELS, warnings.filters) == (limit, filters)


def test_a_path_is_taken_too(tmp_path):
    path = tmp_path / "a kitten 🐈.png"
    photo().save(path)
    assert open_image(path).tobytes() == open_image(str(path)).tobytes() == photo().tobytes()


def test_transparent_parts_become_white():
    picture = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    picture.putpixel((1, 0), (10, 20, 30, 255))
    picture.putpixel((2, 0), (0, 0, 0, 128))
    ground = on_white(picture)
    assert [ground.getpixel((x, 0)) for x in range(3)] == [(255, 255, 255), (10, 20, 30), (127, 127, 127)]
    assert on_white(photo("RGB")).tobytes() == photo("RGB").tobytes()
