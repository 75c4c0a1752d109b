"""How results in pictures are shown: a frame that fills, a preview while it is drawn, a before/after slider.

All in HTML of our own, because Gradio's slider has no keyboard way and its gallery no alternative text.
"""

from __future__ import annotations

import base64
import html
import io

from PIL import Image


def data_url(image: Image.Image) -> str:
    """A small picture as a JPEG inside the page, for previews."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def empty(text: str) -> str:
    """The frame before the first run."""
    return f'<div class="pg-frame pg-empty"><p>{html.escape(text)}</p></div>'


def preview(image: Image.Image, caption: str) -> str:
    """One step's picture, at the size that the result will have."""
    return (
        f'<div class="pg-frame pg-drawing"><figure><img src="{data_url(image)}" alt="{html.escape(caption)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure></div>"
    )


def gallery(addresses: list[str], sizes: list[tuple[int, int]], alt: str) -> str:
    """The finished pictures, each a link to its file, with a download link under it."""
    figures = []
    for number, (address, (width, height)) in enumerate(zip(addresses, sizes, strict=True), 1):
        name = f"{alt} ({number} of {len(addresses)})" if len(addresses) > 1 else alt
        figures.append(
            f'<figure><a href="{address}" target="_blank" rel="noopener"><img src="{address}" width="{width}"'
            f' height="{height}" alt="{html.escape(name)}"></a><figcaption>{width} x {height}'
            f' <a href="{address}" download="picture-{number}.png">Download PNG</a></figcaption></figure>'
        )
    return f'<div class="pg-frame pg-count-{len(addresses)}">{"".join(figures)}</div>'


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
