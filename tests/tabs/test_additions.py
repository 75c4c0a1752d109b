"""LoRA rows, acceleration and the token counter without a browser: there where they can be used, and else at rest."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from playground.catalog import cards
from playground.errors import BadRequest
from playground.own import Lora
from playground.requests import TextToImageRequest
from playground.site import Models
from playground.tabs import additions
from tests.fake_site import site_of
from tests.fakes import FakeModel, engine_of

PLAIN = next(card for card in cards() if card.id == "pictures")
LARGE = dataclasses.replace(PLAIN, id="large", base="sdxl")
LORAS = {
    name: Lora(name=name, path=Path(name), base=base, words=words)
    for name, base, words in (("ink", "sdxl", "ink drawing"), ("old", "sd1", ""), ("odd", "", ""))
}


@pytest.fixture
def site(tmp_path):
    models = Models(loras=LORAS, accelerations=lambda card: ("exact", "fast") if card is LARGE else ("exact",))
    return site_of(engine_of(lambda card: FakeModel(), cards=(PLAIN, LARGE)), tmp_path, models=models)


@pytest.fixture
def added(site):
    with site.demo:
        return additions.build(site, "text_to_image", PLAIN)


def test_rows_and_speeds_are_there_only_where_there_is_something_to_choose(added):
    first, speed = added.controls["lora_1"], added.controls["acceleration"]
    box = next(one for one in added.chosen(LARGE) if isinstance(one, gr.Column))
    assert not box.visible and not speed.visible
    updates = added.chosen(LARGE)
    assert [name for _, name in updates[first]["choices"]] == ["", "ink", "odd"], "the others are for another family"
    assert "ink drawing" in updates[first]["choices"][1][0]
    assert updates[box]["visible"] and updates[speed]["visible"]
    assert [name for _, name in updates[speed]["choices"]] == ["exact", "fast"]


def test_another_model_puts_everything_back_to_its_default(added):
    updates = added.chosen(PLAIN)
    values = {name: updates[control]["value"] for name, control in added.controls.items()}
    rows = {name: "" for name, _ in additions.NAMES} | {weight: 1.0 for _, weight in additions.NAMES}
    assert values == rows | {"acceleration": "exact"}


def test_what_is_new_to_choose_changes_no_choice(added):
    assert not any("value" in update for update in added.fresh("large").values())


def test_the_rows_become_the_requests_field():
    values = {"prompt": "a fox", "acceleration": "fast", "lora_1": "ink", "weight_1": 0.5, "lora_2": "", "weight_2": 1.0,
              "lora_3": "odd", "weight_3": 0}
    folded = additions.folded(values)
    assert folded == {"prompt": "a fox", "acceleration": "fast", "loras": (("ink", 0.5),)}
    assert TextToImageRequest(**folded, model="large").loras == (("ink", 0.5),)
    assert additions.folded({"prompt": "a fox"}) == {"prompt": "a fox"}


def test_a_count_says_what_has_no_effect():
    def line(used: int, limit: int, cut: str = "") -> str:
        return additions.tokens_line(SimpleNamespace(used=used, limit=limit, cut=cut))

    assert "12 of 77 tokens" in line(12, 77) and "1 token<" in line(1, 0)
    assert "83 of 77 tokens" in line(83, 77, "and <b> more")
    assert "3 words are not read: “and &lt;b&gt; more”" in line(83, 77, "and <b> more")
    assert "200 words are not read" in line(900, 77, "word " * 200) and "…”" in line(900, 77, "word\n" * 200)
    assert len(line(900, 77, "word " * 200)) < 150
    assert additions.tokens_line(None) == line(0, 0) == ""


def test_where_nobody_counts_there_is_no_line(site):
    with site.demo:
        assert additions.token_line(site, "text_to_image") is None


def test_a_weight_out_of_range_reaches_the_sentence_that_refuses_it(added):
    assert added.controls["weight_1"].preprocess(7) == 7
    with pytest.raises(BadRequest, match="LoRAs"):
        TextToImageRequest(prompt="a fox", model="large", loras=(("ink", 7),))


def test_a_count_waits_for_what_the_page_remembers(site):
    site = dataclasses.replace(site, models=dataclasses.replace(
        site.models, count_tokens=lambda name, text: SimpleNamespace(used=len(text), limit=0, cut=""),
    ))
    with site.demo:
        line, model, prompt = additions.token_line(site, "text_to_image"), gr.Dropdown(), gr.Textbox()
        additions.count_tokens(site, line, model, prompt)
    (count,) = [fn.fn for fn in site.demo.fns.values() if fn.outputs == [line] and fn.fn]
    assert count("large", "fox", "") == gr.skip() and "3 tokens" in count("large", "fox", "seen")
