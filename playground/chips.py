"""The line of chips at the top: the device, whether a network is needed, what is in memory, how much of it is used."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from playground.device import memory_in_use
from playground.wording import say

if TYPE_CHECKING:
    from playground.site import Site


def chips(site: Site) -> str:
    """The chips as HTML. Strangers are not told how much memory this computer has."""
    pool = site.engine.pool
    device, loaded = pool.known_device, pool.loaded()
    made = [chip("offline", say("chips.offline"), say("chips.offline_why"))]
    if device is None:
        return line([chip("device", say("chips.waking"), say("chips.waking_why")), *made])
    cores = say("chips.cores", device=device.title, count=device.threads)
    made.insert(0, chip("device", cores if device.name == "cpu" else device.title, say("chips.device_why")))
    titles = [site.engine.catalog.find(model).title for model in reversed(loaded)]
    made.append(chip("model", ", ".join(titles) if titles else say("chips.no_model"), say("chips.model_why")))
    if not site.shared:
        used, total = memory_in_use(device)
        text = say("chips.memory", used=f"{used / 1e9:.1f}", total=f"{total / 1e9:.0f}")
        made.append(chip("memory", text, say("chips.memory_why")))
    return line(made)


def chip(kind: str, text: str, why: str) -> str:
    """One chip. why: what it means, shown when it is pointed at."""
    return f'<li class="pg-chip pg-chip-{kind}" title="{html.escape(why)}">{html.escape(text)}</li>'


def line(made: list[str]) -> str:
    """All chips; a phone shows them in one line that scrolls, which the keyboard must reach."""
    return f'<ul class="pg-chips" tabindex="0" aria-label="{html.escape(say("chips.label"))}">{"".join(made)}</ul>'
