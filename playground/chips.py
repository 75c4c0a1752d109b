"""The line of chips at the top: the device, whether a network is needed, what is in memory, how much of it is used."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from playground.wording import say

if TYPE_CHECKING:
    from playground.downloads import Fetch
    from playground.site import Site

WORKING = ("waiting", "looking", "fetching", "checking")  # states of a download that has not ended


def chips(site: Site) -> str:
    """The chips as HTML. Strangers are not told how much memory this computer has, nor what is being fetched."""
    pool = site.engine.pool
    device, loaded = pool.known_device, pool.loaded()
    made = [chip("offline", say("chips.offline"), say("chips.offline_why"))]
    fetches = () if site.shared or site.models.downloads is None else site.models.downloads.fetches()
    fetches = tuple(one for one in fetches if one.state in WORKING or one.state == "failed")
    moving = [fetch(one) for one in fetches]
    if device is None:
        return line([chip("device", say("chips.waking"), say("chips.waking_why")), *made, *moving], fetches)
    cores = say("chips.cores", device=device.title, count=device.threads)
    made.insert(0, chip("device", cores if device.name == "cpu" else device.title, say("chips.device_why")))
    titles = [site.engine.catalog.find(model).title for model in reversed(loaded)]
    text = ", ".join(titles) if titles else say("chips.no_model")
    made.append(chip("model", text, say("chips.model_why"), opens=True))
    if not site.shared:
        held = pool.memory()
        text = say("chips.memory", used=f"{held.used / 1e9:.1f}", total=f"{held.total / 1e9:.1f}")
        share = min(held.used / held.total, 1) if held.total else 0
        made.append(chip("memory", text, say("chips.memory_why"), opens=True, share=share))
    return line([*made, *moving], fetches)


def fetch(one: Fetch) -> str:
    """The chip of a download that has not ended well yet."""
    if one.state == "failed":
        return chip("failed", news(one), say("chips.failed_why"), opens=True)
    return chip("fetch", news(one), say("chips.fetching_why"), opens=True)


def news(one: Fetch) -> str:
    """How a download stands, in a few words."""
    if one.state == "failed":
        return say("chips.failed", model=one.title)
    return say("chips.fetching", model=one.title, share=round(100 * one.done / one.total) if one.total else 0)


def chip(kind: str, text: str, why: str, *, opens: bool = False, share: float | None = None) -> str:
    """One chip. why: what it means, shown when it is pointed at; opens: whether a click opens the panel of models; share:
    0..1 of the small bar in it."""
    inside = html.escape(text)
    if opens:
        inside = f'<button type="button" data-models aria-haspopup="dialog">{inside}</button>'
    bar = f' style="--pg-share:{100 * share:.0f}%"' if share is not None else ""
    return f'<li class="pg-chip pg-chip-{kind}" title="{html.escape(why)}"{bar}>{inside}</li>'


def line(made: list[str], fetches: tuple[Fetch, ...] = ()) -> str:
    """All chips; a phone shows them in one line that scrolls, which the keyboard must reach. fetches: what the button that
    opens the panel of models is marked for, which the page's script reads here."""
    mark = ""
    if fetches:
        kind = "failed" if any(one.state == "failed" for one in fetches) else "busy"
        says = say("chips.mark", news=", ".join(news(one) for one in fetches))
        mark = f' data-mark="{kind}" data-says="{html.escape(says)}"'
    return f'<ul class="pg-chips" tabindex="0" aria-label="{html.escape(say("chips.label"))}"{mark}>{"".join(made)}</ul>'
