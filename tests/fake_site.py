"""A site on a page of its own, for tests of what is on the page without a browser."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from playground.engine import Engine
from playground.runs import Runs
from playground.shelf import Shelf
from playground.site import Models, Site, site_on
from playground.timings import Timings


def site_of(engine: Engine, folder: Path, *, shared: bool = False, models: Models | None = None) -> Site:
    """A site whose common components are placed; tabs are built inside `with site.demo`. folder: for results."""
    with gr.Blocks(analytics_enabled=False) as demo:
        site = site_on(demo, engine, shelf=Shelf(folder / "made"), runs=Runs(engine, Timings()), shared=shared, models=models)
        for part in (site.tabs, site.chips, site.story, site.offered, *site.rows.values()):
            part.render()
    return site
