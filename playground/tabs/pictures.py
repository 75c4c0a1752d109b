"""How results in pictures are shown: a frame that fills, a preview while it is drawn, a strip, a before/after slider.

All in HTML of our own, because Gradio's slider has no keyboard way and its gallery no alternative text.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

from PIL import Image

from playground.events import Step


def data_url(image: Image.Image) -> str:
    """A small picture as a JPEG inside the page, for previews."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def empty(text: str) -> str:
    """The frame before the first run."""
    return f'<div class="pg-frame pg-empty"><p>{html.escape(text)}</p></div>'


def drawing(step: Step, note: str = "not finished yet") -> str:
    """One step's preview, at the size that the result will have."""
    caption = html.escape(f"Step {step.index} of {step.total}: {note}")
    return (
        f'<div class="pg-frame pg-drawing"><figure><img src="{data_url(step.preview)}" alt="{caption}">'
        f"<figcaption>{caption}</figcaption></figure></div>"
    )


def figure(address: str, size: tuple[int, int], *, alt: str, caption: str, file: str, link: str = "Download PNG") -> str:
    """A finished picture that is a link to its file, with a download link under it. file: its name when downloaded."""
    width, height = size
    return (
        f'<figure><a href="{address}" target="_blank" rel="noopener"><img src="{address}" width="{width}"'
        f' height="{height}" alt="{html.escape(alt)}"></a><figcaption><span>{html.escape(caption)}</span>'
        f' <a href="{address}" download="{file}">{link}</a></figcaption></figure>'
    )


def gallery(addresses: Sequence[str], sizes: Sequence[tuple[int, int]], alt: str) -> str:
    """The finished pictures of 1 to 9, numbered where there are several."""
    count, figures = len(addresses), []
    for number, (address, size) in enumerate(zip(addresses, sizes, strict=True), 1):
        shape = f"{size[0]} x {size[1]}"
        figures.append(figure(
            address, size, alt=f"{alt} ({number} of {count})" if count > 1 else alt,
            caption=f"{number}: {shape}" if count > 1 else shape, file=f"picture-{number}.png",
        ))
    return f'<div class="pg-frame pg-count-{count}">{"".join(figures)}</div>'


def strip(addresses: Sequence[str], sizes: Sequence[tuple[int, int]], alt: str) -> str:
    """The pictures of a walk in one row, which scrolls where it does not fit."""
    count, figures = len(addresses), []
    for number, (address, size) in enumerate(zip(addresses, sizes, strict=True), 1):
        caption = {1: "start", count: "end"}.get(number, str(number))
        figures.append(figure(
            address, size, alt=f"{alt} ({number} of {count})", caption=caption, file=f"walk-{number}.png", link="Download",
        ))
    return f'<div class="pg-frame pg-strip">{"".join(figures)}</div>'


def compare(before: str, after: str, size: tuple[int, int], *, names: tuple[str, str], alt: str) -> str:
    """Two pictures of one size under a slider that mouse, finger and arrow keys move."""
    width, height = size
    left, right = (html.escape(n) for n in names)
    return (
        f'<div class="pg-frame"><div class="pg-compare" style="--cut:50%;aspect-ratio:{width}/{height}">'
        f'<img src="{before}" alt="{left}"><img class="pg-over" src="{after}" alt="{html.escape(alt)}">'
        f'<span class="pg-left">{left}</span><span class="pg-right">{right}</span>'
        '<input type="range" min="0" max="100" value="50" aria-label="Where before ends and after begins"'
        " oninput=\"this.parentNode.style.setProperty('--cut', this.value + '%')\"></div>"
        f'<p class="pg-caption">{width} x {height} <a href="{after}" download="picture.png">Download PNG</a></p></div>'
    )
