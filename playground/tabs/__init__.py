"""One file a tab: each lays out its controls by hand and is wired to one request. TABS is their order on the page."""

from __future__ import annotations

from types import ModuleType

from playground.tabs import image, image_to_image, inpaint, speech, text, upscale

TABS: tuple[ModuleType, ...] = (text, image, image_to_image, inpaint, upscale, speech)
