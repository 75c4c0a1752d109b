"""What several test files need: the repository's root, and the real page on a free port of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the real page with the starters, served as app.py does, on the CPU and with generous limits."""
    from playground import launch

    options = launch.Options(port=49_500, device="cpu")
    with launch.environment(options) as folder:  # before gradio is imported
        from playground import device, page, pipelines, theme
        from playground.catalog import Catalog, cards
        from playground.engine import Engine
        from playground.guard import Limits
        from playground.pool import ModelPool
        from playground.shelf import Shelf

        pool = ModelPool(choose=lambda: device.choose(options.device), load=pipelines.load)
        engine = Engine(catalog=Catalog(cards()), pool=pool)
        shelf = Shelf(folder / "made")
        demo = page.build(engine, shelf=shelf, shared=options.public)
        served = launch.Page(
            demo=demo, engine=engine, costly=page.costly(demo), look=theme.look(), routes=[shelf.route()]
        )
        limits = Limits(posts_per_visitor=10_000, posts_per_address=10_000, posts_in_all=10_000)
        try:
            yield launch.start(served, options, limits=limits, say=lambda line: None)
        finally:
            launch.end(served)
