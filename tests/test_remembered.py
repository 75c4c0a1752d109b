"""What comes back after a reload: values that still fit, whatever stands in the browser, and those of another model."""

from __future__ import annotations

import dataclasses

import gradio as gr
import pytest

from playground import choices
from playground.catalog import cards
from playground.remembered import KEPT_TEXT, Kept, fitting, keep_up, recall, remember, restored, told_of
from playground.requests import Limits, TextToImageRequest
from playground.site import Door, Models
from playground.tabs import frame
from tests.fake_downloads import FakeDownloads, FakeStore
from tests.fake_site import site_of
from tests.fakes import FakeModel, engine_of

TAG = "<img src=x onerror=alert(1)>"
WORLD = [
    None, True, False, 0, 1, -1, 2, 3, 7.5, 1e308, float("inf"), float("nan"), 10**400, "", "2", "two", TAG,
    "a" * (KEPT_TEXT + 1), [], [2], ["two"], {}, {"value": 2}, [[2, "two"]], b"two",
]


def fits(control: gr.components.Component, changed: dict | None = None) -> list:
    """What of the world a control takes."""
    return [value for value in WORLD if fitting(control, value, changed) is not None]


def test_a_slider_takes_numbers_of_its_range():
    assert fits(gr.Slider(1, 8, value=2)) == [1, 2, 3, 7.5]
    assert fits(gr.Slider(-1, 0)) == [0, -1]


def test_a_slider_takes_numbers_of_the_range_that_another_model_gives_it():
    assert fits(gr.Slider(1, 8, value=2), {"minimum": 3, "maximum": 4}) == [3]
    assert fits(gr.Slider(1, 2), {"maximum": 3, "value": 1}) == [1, 2, 3]


def test_a_number_takes_numbers_that_a_seed_can_be():
    assert fits(frame.seed_box("text_to_image")) == [0, 1, -1, 2, 3, 7.5]


def test_a_checkbox_takes_true_and_false():
    assert [value is True or value is False for value in fits(gr.Checkbox())] == [True, True]
    assert fitting(gr.Checkbox(), 1) is None


@pytest.mark.parametrize("kind", [gr.Dropdown, gr.Radio])
def test_a_choice_takes_what_can_be_chosen(kind):
    assert fits(kind([("Two", "two"), ("Nothing", "")])) == ["", "two"]
    assert fits(kind(["two", "three"])) == ["two"]
    assert fits(kind([("two", 2), ("three", 3)])) == [2, 3]
    assert fits(kind([])) == []


def test_a_choice_takes_what_can_be_chosen_with_another_model():
    voices = gr.Dropdown([("Two", "two")])
    assert fits(voices, {"choices": [("Ann", "ann")]}) == []
    assert fitting(voices, "ann", {"choices": [("Ann", "ann")]}) == "ann"


def test_a_box_takes_words():
    taken = fits(gr.Textbox())
    assert taken == [value for value in WORLD if isinstance(value, str) and len(value) <= KEPT_TEXT]
    assert TAG in taken, "words are words, whatever they look like"


@pytest.mark.parametrize("kind", [gr.Image, gr.File, gr.ImageEditor, gr.Chatbot, gr.HTML, gr.State])
def test_nothing_else_is_brought_back(kind):
    assert fits(kind()) == []


SMALL = next(card for card in cards() if card.id == "pictures")
LARGE = dataclasses.replace(
    SMALL, id="large", title="Large",
    limits={"steps": Limits(low=20, high=90), "width": Limits(low=512, high=1024, multiple_of=64)},
    defaults={"steps": 30, "width": 768, "height": 128, "guidance_scale": 7.0, "negative_prompt": ""},
)
KNOWN = (SMALL, LARGE, *(card for card in cards() if card.id != "pictures"))


@pytest.fixture
def kept(tmp_path) -> Kept:
    """A part of the Image tab for two models of which one wants many steps and large pictures."""
    site = site_of(engine_of(lambda card: FakeModel(), cards=KNOWN), tmp_path)
    with site.demo:
        model, details = frame.model_choice(site, "text_to_image")
        sliders = {name: frame.slider(TextToImageRequest, SMALL, name) for name in ("steps", "width", "guidance_scale")}
        controls = sliders | {"prompt": gr.Textbox("a fox"), "model": model, "seed": frame.seed_box("text_to_image")}
        chosen = frame.follow_model(site, model, details, TextToImageRequest, sliders)
        remember(site, "text_to_image", controls | {"image": gr.Image()}, chosen, gr.Button())
    return site.kept["text_to_image"]


def values_of(kept: Kept, values: dict) -> dict:
    """What the controls show after a reload, by their names; those that are left alone are not there."""
    updates = restored(kept, values)
    names = {control: name for name, control in kept.controls.items()}
    return {
        names[one]: update["value"] for one, update in updates.items()
        if one in names and isinstance(update, dict) and "value" in update
    }


def test_files_are_not_kept(kept):
    assert set(kept.controls) == {"steps", "width", "guidance_scale", "prompt", "model", "seed"}


def test_what_was_set_comes_back(kept):
    asked = {"steps": 5, "guidance_scale": 3, "prompt": "a cat", "model": "pictures", "seed": 12}
    assert values_of(kept, asked) == asked | {"width": 128}


def test_nothing_kept_changes_nothing(kept):
    assert restored(kept, {}) == {}


def test_another_models_values_come_back_in_its_own_ranges(kept):
    updates = restored(kept, {"model": "large", "steps": 60, "width": 1024})
    steps, width = updates[kept.controls["steps"]], updates[kept.controls["width"]]
    assert (steps["minimum"], steps["maximum"], steps["value"]) == (20, 90, 60)
    assert (width["minimum"], width["maximum"], width["value"], width["visible"]) == (512, 1024, 1024, True)


def test_values_that_another_model_does_not_take_are_its_defaults(kept):
    assert values_of(kept, {"model": "large", "steps": 5, "width": 128, "seed": 3}) == {
        "model": "large", "steps": 30, "width": 768, "guidance_scale": 7.0, "seed": 3,
    }
    assert values_of(kept, {"model": "pictures", "steps": 5, "width": 1024})["width"] == 128


def test_a_model_that_is_gone_leaves_the_first_one_with_what_fits(kept):
    assert values_of(kept, {"model": "gone", "steps": 5, "width": 1024, "prompt": "a cat"}) == {"steps": 5, "prompt": "a cat"}


@pytest.mark.parametrize("hostile", WORLD, ids=lambda value: repr(value)[:20])
def test_whatever_stands_there_every_value_fits(kept, hostile):
    for name, value in values_of(kept, dict.fromkeys(kept.controls, hostile)).items():
        assert fitting(kept.controls[name], value) is not None


def test_values_are_kept_when_they_change_and_brought_back_when_the_page_loads(tmp_path):
    site = site_of(engine_of(lambda card: FakeModel(), cards=KNOWN), tmp_path)
    with site.demo:
        model, details = frame.model_choice(site, "text_to_image")
        prompt, image = gr.Textbox("a fox"), gr.Image()
        chosen = frame.follow_model(site, model, details, TextToImageRequest, {})
        remember(site, "text_to_image", {"prompt": prompt, "model": model, "image": image}, chosen, go := gr.Button())
        recall(site)
    (keeper,) = [fn for fn in site.demo.fns.values() if site.kept["text_to_image"].state in fn.outputs]
    assert {target for target, _ in keeper.targets} == {prompt._id, model._id, go._id}
    (back,) = [fn for fn in site.demo.fns.values() if fn.inputs == [site.kept["text_to_image"].state]]
    assert back.targets == [(site.demo._id, "load")] and prompt in back.outputs and image not in back.outputs
    assert back.fn({"prompt": "a cat", "model": "pictures"})[prompt]["value"] == "a cat"
    for nothing in (None, 3, "a cat", [], ["a cat"]):
        assert all("value" not in update for update in back.fn(nothing).values())


HUB = dataclasses.replace(LARGE, id="hub", title="Hub", folder=None, repository="owner/hub")


@pytest.fixture
def fetching(tmp_path):
    """A site with one model that can be fetched, its store, and what a page asks every few seconds."""
    store = FakeStore()
    models = Models(store=store, downloads=FakeDownloads(store))
    site = site_of(engine_of(lambda card: FakeModel(), cards=(SMALL, HUB)), tmp_path, models=models)
    with site.demo:
        model, details = frame.model_choice(site, "text_to_image")
        steps = frame.slider(TextToImageRequest, SMALL, "steps")
        chosen = frame.follow_model(site, model, details, TextToImageRequest, {"steps": steps})
        remember(site, "text_to_image", {"model": model, "steps": steps}, chosen, gr.Button())
        keep_up(site)
    (look,) = [fn.fn for fn in site.demo.fns.values() if fn.targets and fn.targets[0][1] == "tick"]
    return site, store, look


def test_an_open_page_is_told_of_a_model_that_became_ready_and_keeps_its_choice(fetching):
    site, store, look = fetching
    model, steps = site.kept["text_to_image"].model, site.kept["text_to_image"].controls["steps"]
    seen = look("", "pictures")[site.offered]
    assert list(look(seen, "pictures")) == [site.chips], "nothing is new"
    store.here.add("hub")
    updates = look(seen, "pictures")
    assert [name for _, name in updates[model]["choices"]] == ["pictures", "hub", choices.MORE]
    assert "value" not in updates[model] and steps not in updates


def test_an_open_page_leaves_a_model_that_is_gone_for_the_first_one(fetching):
    site, store, look = fetching
    model, steps = site.kept["text_to_image"].model, site.kept["text_to_image"].controls["steps"]
    updates = look("", "hub")
    assert updates[model]["value"] == "pictures" and updates[steps]["value"] == SMALL.defaults["steps"]
    store.here.add("hub")
    assert "value" not in look("", "hub")[model]
    assert model not in look("", choices.MORE), "the panel is about to open and the choice is on its way back"


def test_a_model_that_became_ready_after_the_page_was_built_comes_back(fetching):
    site, store, _ = fetching
    kept = site.kept["text_to_image"]
    assert "value" not in (restored(kept, {"model": "hub"}).get(kept.model) or {})
    store.here.add("hub")
    assert restored(kept, {"model": "hub"})[kept.model]["value"] == "hub"
    assert restored(kept, {"model": choices.MORE}) == {}


def test_a_model_that_is_gone_is_spoken_of_in_the_status_line(fetching):
    site, store, look = fetching
    status = gr.HTML()
    site.doors["text_to_image"] = Door(model=site.kept["text_to_image"].model, status=status)
    assert choices.gone(site, "hub", "pictures") == look("", "hub")[status]
    assert "Hub is no longer on this computer; Pictures (starter) is chosen." in look("", "hub")[status]
    assert status not in look("", choices.MORE) and status not in look("", "pictures")
    store.here.add("hub")
    assert status not in look("", "hub")
    kept = site.kept["text_to_image"]
    assert "own-mine is no longer" in told_of(site, "text_to_image", kept, "own-mine")[status]
    for nothing in (None, 3, "", "a" * 1000, "pictures", choices.MORE, ["hub"]):
        assert told_of(site, "text_to_image", kept, nothing) == {}


def test_the_way_to_more_leaves_the_choice_as_it_was(fetching):
    site, store, _ = fetching
    model = site.kept["text_to_image"].model
    (picked,) = [fn for fn in site.demo.fns.values() if fn.targets == [(model._id, "input")]]
    assert picked.fn(choices.MORE, "pictures")[model]["value"] == "pictures" and "pgModels" in picked.js
    assert picked.fn("hub", "pictures")[model]["value"] == "pictures", "it is not ready"
    store.here.add("hub")
    assert model not in picked.fn("hub", "pictures")
