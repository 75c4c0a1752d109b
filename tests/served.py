"""A real page around any cards, served like app.py does, for tests that need other models than the starters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground import device, launch, page, pipelines, theme
from playground.catalog import Catalog, ModelCard
from playground.engine import Engine
from playground.guard import Limits
from playground.pool import ModelPool
from playground.shelf import Shelf
from playground.tabs import cards as examples

GENEROUS = Limits(posts_per_visitor=10_000, posts_per_address=10_000, posts_in_all=10_000)


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running page. address: its own, without a slash at the end."""

    address: str
    engine: Engine
    page: launch.Page


@contextlib.contextmanager
def serving(
    cards: tuple[ModelCard, ...], folder: Path, *, load: Callable = pipelines.load, port: int, **parts: Any,
) -> Iterator[Served]:
    """Serves the page on the CPU while the block lasts. folder: for results; port: the first to try; parts: what else the
    page is given.

    launch.environment is left to the session's own `server`: both would share, and remove, one folder.
    """
    options = launch.Options(port=port, device="cpu")
    pool = ModelPool(choose=lambda: device.choose(options.device), load=load)
    engine = Engine(catalog=Catalog(cards), pool=pool, shared=options.public)
    shelf = Shelf(folder / "made")
    demo = page.build(engine, shelf=shelf, shared=options.public, **parts)
    made = launch.Page(demo=demo, engine=engine, costly=page.costly(demo), look=theme.look(),
                       routes=[shelf.route(), examples.route()])
    try:
        address = launch.start(made, options, limits=GENEROUS, tell=lambda line: None)
        yield Served(address=address.rstrip("/"), engine=engine, page=made)
    finally:
        launch.end(made)
