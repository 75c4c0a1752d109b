"""How results in pictures are shown: a frame that fills, a preview while it is drawn, a strip, a before/after slider.

All in HTML of our own, because Gradio's slider has no keyboard way and its gallery no alternative text.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import gradio as gr
from PIL import Image

from playground.events import Step
from playground.requests import ImageToImageRequest, InpaintingRequest
from playground.shelf import Shelf
from playground.tabs import cards
from playground.tabs.use_in import Made, Offers
from playground.wiring import Updates
from playground.wording import say

LARGEST_FACTOR = 3  # a small picture is shown at most so many times its size, or it would be a blur


def data_url(image: Image.Image) -> str:
    """A small picture as a JPEG inside the page, for previews."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def earlier(task: str, names: tuple[str, str] = ("", "")) -> str:
    """The frame before the first run: the tab's first example. names: of its two sides, where there is a before."""
    example = cards.of(task)[0]
    words = example.request.get("prompt", example.title)
    address = cards.address(example.picture)
    if example.before:
        frame = compare(cards.address(example.before), address, example.size, names=names, alt=words)
    else:
        frame = gallery((address,), (example.size,), words)
    return f'<div class="pg-earlier">{frame}{ribbon(words)}</div>'


def ribbon(words: str) -> str:
    """What stands over an example that was made earlier. words: what it shows."""
    return f'<p class="pg-ribbon">{html.escape(say("pictures.earlier", words=words))}</p>'


def names(before: str, after: str) -> tuple[str, str]:
    """What stands on the two sides of a slider, by keys of the table."""
    return say(f"pictures.{before}"), say(f"pictures.{after}")


def drawing(step: Step, note: str = "unfinished") -> str:
    """One step's preview, at the size that the result will have. note: the key of what is said of it."""
    caption = html.escape(say(f"pictures.{note}", index=step.index, total=step.total))
    address, side = data_url(step.preview), LARGEST_FACTOR * step.preview.width
    return (
        f'<div class="pg-frame pg-drawing"><figure><div class="pg-stand" style="--side:{side}px">{glow(address)}'
        f'<div class="pg-plain"><img src="{address}" alt="{caption}"></div></div><figcaption>{caption}</figcaption></figure>'
        "</div>"
    )


def glow(address: str) -> str:
    """A blurred copy of a picture, which fills what the picture leaves free; nothing for a screen reader."""
    return f'<img class="pg-glow" src="{address}" alt="" aria-hidden="true">'


def figure(
    address: str, size: tuple[int, int], *, alt: str, caption: str, file: str, link: str = "download_png",
    alone: bool = False,
) -> str:
    """A finished picture that is a link to its file, with a download link under it. file: its name when downloaded;
    alone: whether it has the whole frame for itself."""
    width, height = size
    picture = (
        f'<a href="{address}" target="_blank" rel="noopener"><img src="{address}" width="{width}" height="{height}"'
        f' alt="{html.escape(alt)}"></a>'
    )
    if alone:
        picture = f'<div class="pg-stand" style="--side:{LARGEST_FACTOR * width}px">{glow(address)}{picture}</div>'
    return (
        f"<figure>{picture}<figcaption><span>{html.escape(caption)}</span>"
        f' <a href="{address}" download="{file}">{say(f"pictures.{link}")}</a></figcaption></figure>'
    )


def gallery(addresses: Sequence[str], sizes: Sequence[tuple[int, int]], alt: str) -> str:
    """The finished pictures of 1 to 9, numbered where there are several."""
    count, figures = len(addresses), []
    for number, (address, size) in enumerate(zip(addresses, sizes, strict=True), 1):
        shape = f"{size[0]} x {size[1]}"
        figures.append(figure(
            address, size, alt=f"{alt} ({number} of {count})" if count > 1 else alt,
            caption=f"{number}: {shape}" if count > 1 else shape, file=f"picture-{number}.png", alone=count == 1,
        ))
    return f'<div class="pg-frame pg-count-{count}">{"".join(figures)}</div>'


def strip(addresses: Sequence[str], sizes: Sequence[tuple[int, int]], alt: str) -> str:
    """The pictures of a walk in one row, which scrolls where it does not fit."""
    count, figures = len(addresses), []
    for number, (address, size) in enumerate(zip(addresses, sizes, strict=True), 1):
        caption = {1: say("pictures.start"), count: say("pictures.end")}.get(number, str(number))
        figures.append(figure(
            address, size, alt=f"{alt} ({number} of {count})", caption=caption, file=f"walk-{number}.png", link="download",
        ))
    return f'<div class="pg-frame pg-strip">{"".join(figures)}</div>'


def compare(before: str, after: str, size: tuple[int, int], *, names: tuple[str, str], alt: str) -> str:
    """Two pictures of one size under a slider that mouse, finger and arrow keys move."""
    width, height = size
    left, right, cut = (html.escape(n) for n in (*names, say("pictures.cut")))
    return (
        f'<div class="pg-frame"><div class="pg-stand" style="--side:{LARGEST_FACTOR * width}px;--shape:{width / height:.4f}">'
        f'{glow(after)}<div class="pg-compare" style="--cut:50%;aspect-ratio:{width}/{height}">'
        f'<img src="{before}" alt="{left}"><img class="pg-over" src="{after}" alt="{html.escape(alt)}">'
        f'<span class="pg-left">{left}</span><span class="pg-right">{right}</span>'
        f'<input type="range" min="0" max="100" value="50" aria-label="{cut}"'
        " oninput=\"this.parentNode.style.setProperty('--cut', this.value + '%')\"></div></div>"
        f'<p class="pg-caption">{width} x {height} <a href="{after}" download="picture.png">'
        f"{say('pictures.download_png')}</a></p></div>"
    )


def redrawn(
    shelf: Shelf, result: gr.HTML, offers: Offers, request: ImageToImageRequest | InpaintingRequest, before: Image.Image,
    after: Sequence[Image.Image],
) -> Updates:
    """The end of a run that changes a picture: before and after under one slider, or all pictures where there are
    several; and what is offered for them."""
    old, *new = (shelf.picture(picture)[1] for picture in (before, *after))
    if len(new) == 1:
        shown = compare(old, new[0], after[0].size, names=names("before", "after"), alt=request.prompt)
    else:
        shown = gallery(new, [picture.size for picture in after], request.prompt)
    return {result: shown} | offers.updates(Made(pictures=tuple(new), words=request.prompt))
