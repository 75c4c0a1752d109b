"""What can be done with a result in another tab: which ways there are, which picture is meant, which words are carried."""

from __future__ import annotations

import dataclasses

import gradio as gr
import pytest
from PIL import Image

from playground.catalog import cards
from playground.requests import REQUESTS
from playground.site import Door
from playground.tabs import use_in
from playground.tabs.image import ILLUSTRATED, illustration
from playground.tabs.use_in import WAYS, Made
from tests.fake_site import site_of
from tests.fakes import FakeModel, engine_of

TASKS = {request.task for request in REQUESTS}
PICTURES = next(card for card in cards() if card.id == "pictures")
KNOWS = dataclasses.replace(PICTURES, things=("fox", "apple", "tree", "pine tree", "umbrella", "scissors", "box", "c++"))
KNOWS_NO_LIST = dataclasses.replace(PICTURES, id="free", things=())


@pytest.fixture
def site(tmp_path):
    """A site with a door for every tab, as the tabs would make them."""
    others = tuple(card for card in cards() if card.id != "pictures")
    made = site_of(engine_of(lambda card: FakeModel(), cards=(KNOWS, KNOWS_NO_LIST, *others)), tmp_path)
    with made.demo:
        for task in TASKS:
            model = gr.Dropdown([made.engine.catalog.serving(task)[0].id])
            if task in ("image_to_image", "inpainting", "super_resolution"):
                made.doors[task] = Door(model=model, status=gr.HTML(), picture=gr.Image())
            elif task == "text_to_image":
                made.doors[task] = Door(model=model, status=gr.HTML(), words=gr.Textbox(), worded=illustration)
            else:
                made.doors[task] = Door(model=model, status=gr.HTML(), words=gr.Textbox())
    return made


def test_every_way_leads_to_another_tab_and_every_tab_but_text_can_be_reached():
    assert set(WAYS) <= TASKS and set().union(*WAYS.values()) == TASKS - {"text_generation"}
    for task, ways in WAYS.items():
        assert task not in ways and len(set(ways)) == len(ways)


@pytest.mark.parametrize("task", WAYS)
def test_each_way_has_a_button_that_opens_its_tab(site, task):
    with site.demo:
        offers = use_in.offers(task)
        use_in.connect(site, offers)
    assert tuple(offers.ways) == WAYS[task]
    for way, button in offers.ways.items():
        (handler,) = [fn for fn in site.demo.fns.values() if (button._id, "click") in fn.targets]
        door = site.doors[way]
        assert set(handler.outputs) == {site.tabs, door.status, door.picture or door.words}


def test_which_picture_is_asked_only_where_there_are_several(site):
    with site.demo:
        offers = use_in.offers("text_to_image")
    one, four = offers.updates(Made(pictures=("a",))), offers.updates(Made(pictures=tuple("abcd")), chosen=3)
    assert not one[offers.which]["visible"] and one[offers.which]["value"] == 1
    assert four[offers.which]["visible"] and four[offers.which]["value"] == 3
    assert [value for _, value in four[offers.which]["choices"]] == [1, 2, 3, 4]
    assert not offers.updates(Made(words="a story"))[offers.which]["visible"]
    assert set(four) == set(offers.outputs())


@pytest.fixture
def three(site) -> Made:
    """Three pictures on the shelf, each of another grey."""
    addresses = tuple(site.shelf.picture(Image.new("L", (8, 8), 50 * number))[1] for number in (1, 2, 3))
    return Made(pictures=addresses, words="three greys")


@pytest.mark.parametrize(("which", "grey"), [(1, 50), (2, 100), (3, 150), (9, 150), (None, 50)])
def test_the_chosen_picture_is_carried(site, three, which, grey):
    updates = use_in.carry_picture(site, "inpainting")(three, which)
    assert updates[site.tabs].selected == "inpainting"
    with Image.open(updates[site.doors["inpainting"].picture]) as carried:
        assert carried.getpixel((0, 0)) == grey


def test_a_picture_that_was_swept_away_is_said_in_words(site):
    gone = Made(pictures=("made/gone/picture.png",))
    with pytest.raises(gr.Error, match="Make it again"):
        use_in.carry_picture(site, "inpainting")(gone, 1)


def test_without_a_result_nothing_is_carried(site):
    assert list(use_in.carry_picture(site, "inpainting")(None, 1)) == [site.tabs]
    assert list(use_in.carry_words(site, "text_to_speech")(None, "a story", "voice")) == [site.tabs]


def test_speech_gets_the_story_before_the_prompt(site):
    box = site.doors["text_to_speech"].words
    carry = use_in.carry_words(site, "text_to_speech")
    assert carry(Made(words="a fox"), "Once there was a fox.", "voice")[box] == "Once there was a fox."
    assert carry(Made(words="a fox"), "", "voice")[box] == "a fox"
    assert carry(Made(words="a fox"), "", "voice")[site.tabs].selected == "text_to_speech"


def test_a_story_becomes_a_prompt_that_the_chosen_model_can_draw(site):
    box = site.doors["text_to_image"].words
    carry = use_in.carry_words(site, "text_to_image")
    told = Made(words="Once there was a fox. It lived under an umbrella.")
    assert carry(told, told.words, "pictures")[box] == "an umbrella"
    assert carry(told, told.words, "free")[box] == told.words


@pytest.mark.parametrize(("story", "prompt"), [
    ("The fox ate an apple.", "an apple"), ("The apple fell on the fox.", "a fox"), ("FOXES everywhere", "a fox"),
    ("It stood by the pine tree.", "a pine tree"), ("two apples in boxes", "a box"), ("He lost his scissors.", "scissors"),
    ("A foxglove in a toolbox, and one umbrella.", "an umbrella"),
])
def test_the_thing_that_is_named_last_and_known_is_drawn(story, prompt):
    assert illustration(story, KNOWS) == prompt


def test_a_story_of_nothing_known_is_drawn_from_its_beginning():
    assert illustration("  Nothing\n\n here. ", KNOWS) == "Nothing here."
    long = illustration("word " * 200, KNOWS)
    assert len(long) <= ILLUSTRATED and long.endswith("word") and not illustration("", KNOWS)
    assert len(illustration("x" * 500, KNOWS)) <= ILLUSTRATED
