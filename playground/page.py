"""The page: a header, the six tabs, the strip that is common to them, and the HTTP API behind them."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from playground import api, panel
from playground.chips import chips
from playground.engine import Engine
from playground.guard import visitor_of
from playground.plans import plan
from playground.remembered import keep_up, recall
from playground.runs import Runs
from playground.shelf import Shelf
from playground.site import QUIET, Models, Site, site_on
from playground.tabs import TABS, use_in
from playground.timings import Timings
from playground.wording import say

if TYPE_CHECKING:
    from playground.catalog import ModelCard
    from playground.downloads import Downloads, Plan, Store
    from playground.own import Lora

SETTLED = 3  # seconds between looks at whether the device is known yet


def build(
    engine: Engine, *, shelf: Shelf, shared: bool, timings: Timings | None = None, store: Store | None = None,
    downloads: Downloads | None = None, look_up: Callable[[ModelCard], Plan] | None = None,
    count_tokens: Callable[[str, str], Any] | None = None,
    loras: Mapping[str, Lora] | None = None, find_own: Callable[[str], ModelCard] | None = None,
    accelerations: Callable[[ModelCard], tuple[str, ...]] | None = None,
) -> gr.Blocks:
    """The whole page. shared: whether others than the host may use it, which its engine must know too; timings: what
    runs took here so far; the rest: as in site.Models."""
    if shared and not engine.shared:
        raise ValueError("a shared page needs an engine that was made with shared=True")
    with gr.Blocks(title="Playground", analytics_enabled=False, delete_cache=(600, 3600), fill_width=True) as demo:
        models = Models(
            store=store, downloads=downloads, count_tokens=count_tokens, loras={} if loras is None else loras,
            find_own=find_own, accelerations=accelerations, look_up=look_up or look_up_in(store),
        )
        site = site_on(demo, engine, shelf=shelf, runs=Runs(engine, timings or Timings()), shared=shared, models=models)
        with gr.Column(elem_id="pg"):
            gr.HTML(header(), elem_id="pg-header")
            site.chips.render()
            site.story.render()
            site.offered.render()
            offered = []
            with site.tabs.render():
                for tab in TABS:
                    with gr.Tab(say(f"{tab.TASK}.tab"), id=tab.TASK, elem_id=f"tab-{tab.TASK}"):
                        offered.append(tab.build(site))
            with gr.Column(elem_id="pg-strip"):
                for row in site.rows.values():
                    row.render()
            panel.build(site)
        for offers in filter(None, offered):
            use_in.connect(site, offers)
        recall(site)
        if store is not None:
            keep_up(site)
        watch_machine(site)
        reset_button(site)
        api.build(engine, shelf)
    return demo


def look_up_in(store: Store | None) -> Callable[[ModelCard], Plan] | None:
    """Asks the hub what a download would fetch."""
    if store is None:
        return None

    return lambda card: plan(card, store)


def header() -> str:
    """The hero: what this is, and the buttons that concern the whole page."""
    said = {name: html.escape(say(f"page.{name}")) for name in (
        "title", "sentence", "tour", "demo", "models", "expert", "expert_help", "shade", "help", "tools",
    )}
    return (
        f'<header class="pg-hero"><div class="pg-brand"><i class="pg-logo" aria-hidden="true"></i><div><h1>{said["title"]}</h1>'
        f'<p>{said["sentence"]}</p></div></div><div class="pg-tools" role="group" aria-label="{said["tools"]}">'
        f'<button type="button" id="pg-tour">{said["tour"]}</button><button type="button" id="pg-demo">{said["demo"]}</button>'
        f'<button type="button" id="pg-models" data-models aria-haspopup="dialog">{said["models"]}</button>'
        f'<button type="button" id="pg-mode" role="switch" aria-checked="false" title="{said["expert_help"]}">'
        f'{said["expert"]}</button><button type="button" id="pg-shade" title="{said["shade"]}" aria-label="{said["shade"]}">'
        f'</button><button type="button" id="pg-help" title="{said["help"]}" aria-label="{said["help"]}">?</button>'
        "</div></header>"
    )


def watch_machine(site: Site) -> None:
    """Fills the chips when the page is loaded, and again until the device is known, which takes torch's import."""
    clock = gr.Timer(SETTLED)

    def look() -> tuple[str, gr.Timer]:
        return chips(site), gr.Timer(active=site.engine.pool.known_device is None)

    gr.on([site.demo.load, clock.tick], look, None, [site.chips, clock], **QUIET)


def reset_button(site: Site) -> None:
    """What the page's scripts press to begin anew: the visitor's runs are forgotten, then the page is loaded again."""

    def forget(http: gr.Request) -> None:
        site.runs.forget(visitor_of(http))

    button = gr.Button("", elem_id="pg-forget", elem_classes="pg-hidden")
    button.click(forget, **QUIET).then(None, js="() => window.pgReload()", **QUIET)


def costly(demo: gr.Blocks) -> frozenset[int]:
    """The indices of the events that start a run: the buttons' handlers and the six endpoints."""
    return frozenset(index for index, fn in demo.fns.items() if getattr(fn.fn, "costly", False))
