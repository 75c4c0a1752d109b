"""How the page looks: one theme of our own on Gradio's variables, and the style sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from playground.wording import for_scripts

ASSETS = Path(__file__).parents[1] / "assets"
SCRIPTS = (  # in this order; player.js belongs to its component
    "words.js", "page.js", "keys.js", "tour.js", "models.js", "count.js",
)
FALLBACK = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")


def theme() -> gr.themes.Base:
    """Cool paper, deep ink, and a colour for each tab, which the style sheet sets; fonts that Gradio brings along, so
    nothing is fetched from elsewhere."""
    accent = gr.themes.Color(
        c50="#eef1ff", c100="#e0e4ff", c200="#c7ccfe", c300="#a5aafc", c400="#8183f6", c500="#6366f1", c600="#4f46e5",
        c700="#4338ca", c800="#3730a3", c900="#312e81", c950="#1e1b4b", name="accent",
    )
    fonts = [  # of those that Gradio brings along, some hold no Latin letters at all (6.31: Lexend, Lora); these do
        gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), gr.themes.LocalFont("Quicksand", weights=(700,)),
        *(gr.themes.Font(name) for name in FALLBACK),
    ]
    return gr.themes.Base(
        primary_hue=accent, secondary_hue=accent, neutral_hue="slate", radius_size="lg", text_size="md",
        font=fonts, font_mono=[gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")],
    ).set(
        body_text_color="#1d1b33", body_text_color_dark="#efeefb",
        body_text_color_subdued="#565470", body_text_color_subdued_dark="#b7b4cf",
        body_background_fill="#f4f5fb", body_background_fill_dark="#100f1c",
        background_fill_secondary="#f1f2f9", background_fill_secondary_dark="#232136",
        block_background_fill="#ffffff", block_background_fill_dark="#1a1929",
        block_border_width="0px", block_shadow="0 1px 2px rgba(24,18,64,.05), 0 8px 28px rgba(24,18,64,.07)",
        block_shadow_dark="0 0 0 1px rgba(255,255,255,.06)", border_color_primary="#dcdcea", border_color_primary_dark="#37354c",
        block_label_text_color="#4a4863", block_label_text_color_dark="#c3c0d8", block_title_text_color="#1d1b33",
        block_title_text_color_dark="#efeefb", block_title_text_weight="500", block_info_text_color="#565470",
        block_info_text_color_dark="#b7b4cf", input_background_fill="#f4f5fb", input_background_fill_dark="#262439",
        input_border_width="1px", input_border_color="#d3d4e4", input_border_color_dark="#413e58",
        button_primary_text_color="#ffffff", button_primary_text_color_dark="#ffffff",
        button_secondary_background_fill="#e9eaf4", button_secondary_background_fill_dark="#312f48",
        button_secondary_background_fill_hover="#dcddec", button_secondary_background_fill_hover_dark="#3d3a59",
        button_secondary_text_color="#1d1b33", button_secondary_text_color_dark="#efeefb",
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
