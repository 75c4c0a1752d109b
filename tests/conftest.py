"""What several test files need: the repository's root, and the real page on a free port of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

LONG = ("test_browser_extra.py", "test_models_panel.py", "test_reload.py", "test_storm.py", "test_tour.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also the long files, which click through the page for minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files run where they are asked for, or named. Those that click through the page and those that train come first:
    they take longest, and a few files are worked on at a time."""
    named = " ".join(config.args)
    long = set() if config.getoption("long") else {name for name in LONG if name not in named}
    config.hook.pytest_deselected(items=[item for item in items if item.path.name in long])
    items[:] = [item for item in items if item.path.name not in long]
    slow = {item.path for item in items if "browser" in item.fixturenames or item.path.parent.name == "training"}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the real page with the starters, served as app.py does, on the CPU and with generous limits."""
    from playground import launch

    with launch.environment(launch.Options(device="cpu")) as folder:  # before gradio is imported
        from playground.catalog import cards
        from tests.served import serving

        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
        with serving(cards(), folder, port=49_500 + 20 * worker) as page:
            yield page.address
