"""What a model sees of an upload, and how its answer goes back into it: windows, masks, feathering; no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from playground.pipelines import membrane

CONTEXT = 1 / 6  # of the mask's longer side, seen around it
LEAST_CONTEXT = 16  # pixels of the upload
MOST_ENLARGED = 2.0  # how far a window is enlarged for the model where the upload has more to show

Box = tuple[int, int, int, int]  # left, top, right, bottom
Size = tuple[int, int]  # width, height


def plain(image: Image.Image) -> Image.Image:
    """The picture as RGB or, where it has transparency, RGBA; an RGB or RGBA picture keeps every byte."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        top = 65535 if image.mode.startswith("I") and values.max(initial=0) > 255 else 255
        return Image.fromarray((values.clip(0, top) * (255 / top)).round().astype(np.uint8)).convert("RGB")
    transparent = image.mode in ("RGBA", "LA", "La", "PA", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def on_white(image: Image.Image) -> Image.Image:
    """A plain picture as RGB, what is transparent in it shown on white."""
    if image.mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def canvas(aspect: float, *, area: int, multiple: int, most: float) -> Size:
    """The size on which a picture of this aspect (width / height) comes out largest: sides are multiples and never
    under 64, the area is not above `area`, and neither side is more than about `most` times the other."""
    least = math.ceil(64 / multiple) * multiple
    bounded = min(max(aspect, 1 / most), most)

    def near(side: float) -> set[int]:
        floor = int(side + 1e-6) // multiple * multiple
        return {max(least, floor), max(least, floor + multiple)}

    def seen(size: Size) -> float:
        return min(size[0], size[1] * aspect) * min(size[1], size[0] / aspect)

    sizes = [(w, h) for w in near(math.sqrt(area * bounded)) for h in near(math.sqrt(area / bounded))]
    fitting = [size for size in sizes if size[0] * size[1] <= area] or [(least, least)]
    return max(fitting, key=lambda size: (seen(size), -size[0] * size[1]))


@dataclass(frozen=True, kw_only=True)
class Window:
    """The part of a picture that a model sees. box: in the picture; place: where it lies on the model's canvas, whose
    rest repeats the box's edges; size: of that canvas."""

    box: Box
    place: Box
    size: Size

    @property
    def box_size(self) -> Size:
        return self.box[2] - self.box[0], self.box[3] - self.box[1]

    @property
    def place_size(self) -> Size:
        return self.place[2] - self.place[0], self.place[3] - self.place[1]

    def see(self, picture: Image.Image) -> Image.Image:
        """An RGB picture as the model sees it: `size` large."""
        part = picture.crop(self.box).resize(self.place_size, Image.Resampling.LANCZOS)
        left, top, right, bottom = self.place
        around = ((top, self.size[1] - bottom), (left, self.size[0] - right), (0, 0))
        return Image.fromarray(np.pad(np.asarray(part), around, mode="edge"))

    def see_mask(self, mask: Image.Image, cell: int) -> Image.Image:
        """The mask as the model sees it, grown to whole cells of `cell` pixels, so that no latent pixel is missed."""
        part = np.asarray(mask.crop(self.box))
        rows, columns = (
            np.arange(new) * old // new for new, old in zip(self.place_size[::-1], self.box_size[::-1], strict=True)
        )
        part = np.maximum.reduceat(np.maximum.reduceat(part, rows, axis=0), columns, axis=1)
        left, top, right, bottom = self.place
        width, height = self.size
        whole = np.zeros((height, width), dtype=np.uint8)
        whole[top:bottom, left:right] = part
        cells = whole.reshape(height // cell, cell, width // cell, cell).max(axis=(1, 3))
        return Image.fromarray(cells.repeat(cell, axis=0).repeat(cell, axis=1))

    def cut(self, answer: Image.Image) -> Image.Image:
        """What the model made of the box, without the repeated edges; at the model's scale."""
        scale = answer.width / self.size[0]
        return answer.crop(tuple(round(side * scale) for side in self.place)) if scale != 1 else answer.crop(self.place)


def whole(picture: Size, size: Size) -> Window:
    """The whole picture, as large as it fits on a canvas and in the middle of it."""
    scale = min(size[0] / picture[0], size[1] / picture[1])
    width, height = (min(limit, max(1, round(side * scale))) for side, limit in zip(picture, size, strict=True))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return Window(box=(0, 0, *picture), place=(left, top, left + width, top + height), size=size)


def surroundings(bbox: Box, picture: Size) -> Box:
    """A mask's bounding box with context around it, as far as the picture goes."""
    margin = max(LEAST_CONTEXT, round(CONTEXT * max(bbox[2] - bbox[0], bbox[3] - bbox[1])))
    return (
        max(0, bbox[0] - margin), max(0, bbox[1] - margin),
        min(picture[0], bbox[2] + margin), min(picture[1], bbox[3] + margin),
    )


def around(bbox: Box, picture: Size, size: Size) -> Window:
    """A window around a mask's bounding box: small enough for detail, with context, inside the picture if it can be."""
    seen = surroundings(bbox, picture)
    fills = max(picture[0] / size[0], picture[1] / size[1])
    scale = max((seen[2] - seen[0]) / size[0], (seen[3] - seen[1]) / size[1], min(1 / MOST_ENLARGED, fills))
    box, place = [0] * 4, [0] * 4
    for low, high in ((0, 2), (1, 3)):  # across, then down
        length, limit = size[low] * scale, picture[low]
        start = (seen[low] + seen[high] - length) / 2
        start = (limit - length) / 2 if length >= limit else min(max(start, 0), limit - length)
        box[low], box[high] = max(0, math.floor(start + 1e-6)), min(limit, math.ceil(start + length - 1e-6))
        place[low] = min(max(round((box[low] - start) / scale), 0), size[low] - 1)
        place[high] = min(max(round((box[high] - start) / scale), place[low] + 1), size[low])
    return Window(box=tuple(box), place=tuple(place), size=size)


def feathered(mask: Image.Image, radius: int) -> Image.Image:
    """How much of the new picture shows, 0..255: nothing outside the mask, rising to all of it `radius` pixels inside.

    The picture's own border is no edge of the mask. Where the mask is too thin, the radius shrinks until some pixel
    of it is wholly new.
    """
    while radius:
        risen = mask.filter(ImageFilter.BoxBlur(radius)).point(lambda v: max(0, 2 * v - 255))
        inside = ImageChops.darker(risen, mask)
        if inside.getextrema()[1] == 255:
            return inside
        radius //= 2
    return mask


@dataclass(frozen=True, kw_only=True)
class Repaint:
    """One inpainting. upload: RGB or RGBA; mask: L of its size, 255 where to repaint; feather in pixels."""

    upload: Image.Image
    mask: Image.Image
    window: Window
    feather: int

    @cached_property
    def weight(self) -> Image.Image:
        """How much of the new picture shows within the window's box."""
        return feathered(self.mask.crop(self.window.box), self.feather)

    def paste(self, answer: Image.Image) -> Image.Image:
        """The upload with the model's answer in its mask, in the shades of its surroundings; every byte outside, and the
        transparency, is the upload's."""
        old = self.upload.crop(self.window.box)
        return self._lay(membrane.agreeing(self.window.cut(answer), old, self.mask.crop(self.window.box)), old)

    def sketch(self, answer: Image.Image) -> Image.Image:
        """The same in the answer's own shades, which takes little time."""
        return self._lay(self.window.cut(answer), self.upload.crop(self.window.box))

    def _lay(self, new: Image.Image, old: Image.Image) -> Image.Image:
        new = new.resize(self.window.box_size, Image.Resampling.LANCZOS)
        made = Image.composite(new, old.convert("RGB"), self.weight)
        if old.mode == "RGBA":
            made.putalpha(old.getchannel("A"))
        result = self.upload.copy()
        result.paste(made, self.window.box)
        return result

    def changed_outside(self, result: Image.Image) -> int:
        """Pixels outside the mask that differ from the upload."""
        differs = (np.asarray(result) != np.asarray(self.upload)).any(axis=-1)
        return int(np.count_nonzero(differs & (np.asarray(self.mask) == 0)))

    def small(self, longest: int) -> Repaint:
        """The same on a small copy of the upload, for previews."""
        scale = longest / max(self.upload.size)
        if scale >= 1:
            return self
        size = tuple(max(1, round(side * scale)) for side in self.upload.size)
        box = [round(side * scale) for side in self.window.box]
        for low, high in ((0, 2), (1, 3)):
            box[low] = min(box[low], size[low] - 1)
            box[high] = min(max(box[high], box[low] + 1), size[low])
        return replace(
            self, upload=self.upload.resize(size, Image.Resampling.BILINEAR, reducing_gap=2),
            mask=self.mask.resize(size, Image.Resampling.NEAREST), window=replace(self.window, box=tuple(box)),
            feather=round(self.feather * scale),
        )


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one size side by side, at most two in a row."""
    if len(pictures) == 1:
        return pictures[0]
    width, height = pictures[0].size
    made = Image.new(pictures[0].mode, (2 * width, height * math.ceil(len(pictures) / 2)))
    for i, picture in enumerate(pictures):
        made.paste(picture, (i % 2 * width, i // 2 * height))
    return made
