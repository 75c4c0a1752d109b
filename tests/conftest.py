"""What several test files need: the repository's root, and the real page on a free port of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that click through the page or train come first: they take longest, and several are worked on at a time."""
    slow = {item.path for item in items if "browser" in item.fixturenames or "training" in item.path.parts}
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
