"""The page: a header, the six tabs, and the HTTP API behind them."""

from __future__ import annotations

import gradio as gr

from playground import api
from playground.engine import Engine
from playground.shelf import Shelf
from playground.tabs import TABS
from playground.tabs.frame import Site

HEADER = """
<header class="pg-hero"><h1>Playground</h1>
<p>Text, pictures and speech made by models that run on this computer. Pick a tab, press the button, see what happens.</p>
<div class="pg-tools"><button type="button" id="pg-tour">Show me around</button><button type="button" id="pg-demo">Demo</button>
<button type="button" id="pg-help" aria-label="Keyboard shortcuts">?</button></div>
</header>
"""


def build(engine: Engine, *, shelf: Shelf, shared: bool) -> gr.Blocks:
    """The whole page. shared: whether others than the host may use it, which its engine must know too."""
    if shared and not engine.shared:
        raise ValueError("a shared page needs an engine that was made with shared=True")
    site = Site(engine=engine, shelf=shelf, shared=shared)
    with gr.Blocks(title="Playground", analytics_enabled=False, delete_cache=(600, 3600), fill_width=True) as demo:
        with gr.Column(elem_id="pg"):
            gr.HTML(HEADER)
            with gr.Tabs(elem_id="pg-tabs", overflow_behavior="wrap"):
                for tab in TABS:
                    with gr.Tab(tab.LABEL, id=tab.TASK, elem_id=f"tab-{tab.TASK}"):
                        tab.build(site)
        api.build(engine, shelf)
    return demo


def costly(demo: gr.Blocks) -> frozenset[int]:
    """The indices of the events that start a run: the buttons' handlers and the six endpoints."""
    return frozenset(index for index, fn in demo.fns.items() if getattr(fn.fn, "costly", False))
