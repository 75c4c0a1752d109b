"""How the page looks: one theme of our own on Gradio's variables, and the style sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from playground.wording import for_scripts

ASSETS = Path(__file__).parents[1] / "assets"
SCRIPTS = ("words.js", "page.js", "keys.js", "tour.js")  # in this order; player.js belongs to its component
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]


def theme() -> gr.themes.Base:
    """Warm paper, deep ink, one accent; system fonts, so nothing is fetched."""
    accent = gr.themes.Color(
        c50="#eef1ff", c100="#dfe4ff", c200="#c5ccff", c300="#a2a9fb", c400="#8181f5", c500="#6a5eec", c600="#5b43dd",
        c700="#4d36c2", c800="#402f9d", c900="#382d7d", c950="#221a4a", name="accent",
    )
    return gr.themes.Base(
        primary_hue=accent, secondary_hue=accent, neutral_hue="slate", radius_size="lg", text_size="md",
        font=[gr.themes.Font(f) for f in FONTS], font_mono=[gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")],
    ).set(
        body_text_color_subdued="#5d5a73", body_text_color_subdued_dark="#b4b1c9",
        body_background_fill="#f6f5fb", body_background_fill_dark="#14131c",
        block_background_fill="#ffffff", block_background_fill_dark="#1e1d29",
        block_border_width="0px", block_shadow="0 1px 2px rgba(30,20,80,.06), 0 4px 18px rgba(30,20,80,.05)",
        block_shadow_dark="none", block_label_text_color="#55526b", block_label_text_color_dark="#b9b6cf",
        input_background_fill="#f4f3fa", input_background_fill_dark="#2a2937", input_border_width="1px",
        input_border_color="#dedbec", input_border_color_dark="#3a384b",
        button_primary_background_fill="linear-gradient(180deg,#6a5eec,#5b43dd)",
        button_primary_background_fill_dark="linear-gradient(180deg,#6a5eec,#5b43dd)",
        button_primary_background_fill_hover="linear-gradient(180deg,#5f52e4,#4d36c2)",
        button_primary_background_fill_hover_dark="linear-gradient(180deg,#7a6ff2,#5b43dd)",
        button_primary_text_color="#ffffff", button_primary_text_color_dark="#ffffff",
    )


def look() -> dict[str, Any]:
    """What `launch` needs to know of the look."""
    return {"theme": theme(), "css": style(), "head": head()}


def style() -> str:
    """All style sheets as one."""
    return "\n".join(path.read_text(encoding="utf8") for path in sorted((ASSETS / "style").glob("*.css")))


def head() -> str:
    """What the page's head gets: the scripts and the sentences that they say."""
    scripts = [(ASSETS / "script" / name).read_text(encoding="utf8") for name in SCRIPTS]
    words = f'<script type="application/json" id="pg-words">{for_scripts()}</script>'
    return words + "".join(f"<script>{script}</script>" for script in scripts)
