"""Photographs every tab in every state, on desktop and phone, light and dark, as one picture to look at.

`python -m tests.contact_sheet` writes screenshots/contact-sheet.png and the single shots beside it. It is no test: a
person looks. The starters do the work; a gate holds them where a state is to be photographed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from playground import launch
from playground.catalog import ModelCard
from playground.device import Device
from playground.events import Audio, Emit, Event, Result, Step, Text
from playground.pool import Model
from playground.requests import Request

TABS = {
    "text_generation": "Text", "text_to_image": "Image", "image_to_image": "Image to image", "inpainting": "Inpaint",
    "super_resolution": "Upscale", "text_to_speech": "Speech",
}
STATES = ("empty", "waiting", "running", "stopped", "done", "error")
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
SHADES = ("light", "dark")
ROOT = Path(__file__).parents[1]
CELL = 200  # height of a shot in the sheet, in pixels
HELD_AT = 4  # the event of a run at which the gate holds it


class Stage:
    """What the models of the page are told: to wait in mid-run, or to fail."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.fails = False

    def load(self, card: ModelCard, device: Device) -> Model:
        """The card's own model, under direction."""
        from playground import pipelines

        return Directed(pipelines.load(card, device), self)


class Directed:
    """A model that follows the stage."""

    def __init__(self, model: Model, stage: Stage) -> None:
        self._model = model
        self._stage = stage
        self.nbytes, self.dtype = model.nbytes, model.dtype

    def run(self, request: Request, emit: Emit) -> Result:
        """The model's own run, held at one of its events, or at the end where it has too few."""
        if self._stage.fails:
            raise MemoryError
        told = 0

        def held(event: Event) -> None:
            nonlocal told
            emit(event)
            told += isinstance(event, Step | Text | Audio)
            if told == (1 if isinstance(event, Audio) else HELD_AT):
                self.hold(emit, event)

        result = self._model.run(request, held)
        self.hold(emit, Step(index=1, total=1))
        return result

    def hold(self, emit: Emit, event: Event) -> None:
        """Waits for the gate, but leaves when the run is stopped, which emit() says."""
        while not self._stage.open.wait(0.2):
            if not isinstance(event, Audio):
                emit(event)

    def close(self) -> None:
        """The model's own."""
        self._model.close()


def photograph(address: str, stage: Stage, engine, folder: Path) -> dict[tuple[str, str, str, str], Path]:
    """All shots, by tab, state, size and shade."""
    from playwright.sync_api import sync_playwright

    shots = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("PLAYGROUND_CHROMIUM") or None, args=["--no-sandbox", "--disable-gpu"],
        )
        for size, (width, height) in SIZES.items():
            for shade in SHADES:
                page = browser.new_context(viewport={"width": width, "height": height}).new_page()
                page.goto(f"{address}/?__theme={shade}")
                page.get_by_role("tab", name="Text", exact=True).wait_for(timeout=60_000)
                page.wait_for_timeout(2_000)
                for task, label in TABS.items():
                    for state in play(page, task, label, stage, engine):
                        page.wait_for_timeout(700)
                        path = folder / f"{task}-{state}-{size}-{shade}.png"
                        page.screenshot(path=path)
                        shots[task, state, size, shade] = path
        browser.close()
    return shots


def play(page, task: str, label: str, stage: Stage, engine) -> Iterator[str]:
    """Brings one tab into all its states, one after the other, and says which it is in."""
    from playground.requests import TextGenerationRequest

    page.get_by_role("tab", name=label, exact=True).click()
    page.evaluate("scrollTo(0, 0)")
    yield "empty"
    if page.locator(f"#{task}-image").count():
        page.locator(f"#{task}-image input[type=file]").set_input_files(ROOT / "assets" / "examples" / "cat.png")
        page.locator(f"#{task}-image img").first.wait_for()
    if task == "inpainting":
        page.locator("#inpainting-which").get_by_text("Middle", exact=True).click()
    go, stop = page.locator(f"#{task}-go"), page.locator(f"#{task}-stop")
    stage.open.clear()
    other = engine.run(TextGenerationRequest(prompt="Before you", model="words"), "somebody else")
    for _, event in zip(range(50), other, strict=False):
        if isinstance(event, Text):
            break
    go.click()
    page.locator(f"#{task}-status").get_by_text("Waiting").wait_for(timeout=30_000)
    yield "waiting"
    other.close()
    page.locator(f"#{task}-status .pg-busy").filter(has_not_text="Waiting").wait_for(timeout=30_000)
    page.wait_for_timeout(1_500)
    yield "running"
    stop.click()
    page.locator(f"#{task}-status").get_by_text("Stopped").wait_for(timeout=30_000)
    yield "stopped"
    stage.open.set()
    go.click()
    page.locator(f"#{task}-status .pg-done").wait_for(timeout=60_000)
    yield "done"
    stage.fails = True
    go.click()
    page.locator(f"#{task}-status .pg-error").wait_for(timeout=60_000)
    yield "error"
    stage.fails = False
    if task == "text_to_speech":
        page.keyboard.press("Escape")


def sheet(shots: dict[tuple[str, str, str, str], Path]) -> Image.Image:
    """One row a tab and shade, one column a state: desktop and phone side by side."""
    widths = {size: round(CELL * width / height) for size, (width, height) in SIZES.items()}
    across, margin, head = sum(widths.values()) + 18, 6, 24
    whole = Image.new("RGB", (len(STATES) * across + margin, head + len(TABS) * len(SHADES) * (CELL + margin)), "#808088")
    draw = ImageDraw.Draw(whole)
    for column, state in enumerate(STATES):
        draw.text((margin + column * across, 6), state, fill="white")
        for row, (task, shade) in enumerate((task, shade) for task in TABS for shade in SHADES):
            left = margin + column * across
            for size in SIZES:
                with Image.open(shots[task, state, size, shade]) as shot:
                    whole.paste(shot.resize((widths[size], CELL), Image.Resampling.LANCZOS), (left, head + row * (CELL + margin)))
                left += widths[size] + 6
    return whole


def main() -> None:
    """Serves the page, photographs it, and saves the sheet."""
    parser = argparse.ArgumentParser(prog="python -m tests.contact_sheet", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "screenshots" / "contact-sheet.png")
    out = parser.parse_args().out
    with launch.environment(launch.Options(device="cpu")), tempfile.TemporaryDirectory() as made:
        from playground.catalog import cards
        from tests.served import serving

        stage = Stage()
        folder = out.parent / "states"
        folder.mkdir(parents=True, exist_ok=True)
        with serving(cards(), Path(made), load=stage.load, port=49_700) as served:
            shots = photograph(served.address, stage, served.engine, folder)
        sheet(shots).save(out)
    print(out)


if __name__ == "__main__":
    main()
