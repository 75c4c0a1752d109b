"""From a click to updates, without a browser: several jobs of a tab that share Stop, the status line and their buttons."""

from __future__ import annotations

import dataclasses
import threading
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.errors import BadRequest
from playground.events import Audio, Done, Loading, Notice, Queued, Step, Text
from playground.requests import TextGenerationRequest
from playground.runs import Run
from playground.status import Teller, duration
from playground.wiring import Job, Memo, begin, finder, follow, place_of, wire
from playground.wording import say
from tests.fake_site import site_of
from tests.fakes import FakeModel, Gauge, ask, card, engine_of, wait_until

VALUES = {"prompt": "hello", "model": "slow"}
PLACE = "text_generation"


@pytest.fixture
def gate():
    """Opened by tests that hold a run up."""
    one = threading.Event()
    yield one
    one.set()


@pytest.fixture
def gauge():
    return Gauge()


@pytest.fixture
def engine(gate, gauge):
    def make(one):
        error = ValueError("a fault of the model") if one.id == "broken" else None
        return FakeModel(gate=gate if one.id == "held" else None, gauge=gauge, error=error)

    running = engine_of(make, cards=(card(), card("held"), card("broken")))
    yield running
    running.close()


@pytest.fixture
def page(engine, tmp_path):
    """A tab of two buttons that start runs: its site, its jobs, and what `begin` was given."""
    site = site_of(engine, tmp_path)
    with site.demo:
        prompt, model, result = gr.Textbox(), gr.Textbox(), gr.HTML()
        go, other, stop, seen = gr.Button(), gr.Button(), gr.Button(), []

        def start(values):
            seen.append(values)
            return lambda event, request: {go: gr.update(value="Again")} if isinstance(event, Done) else {}

        job = Job(
            place=PLACE, request=TextGenerationRequest, controls={"prompt": prompt, "model": model}, go=go, stop=stop,
            status=gr.HTML(), made_by=gr.HTML(), expect=gr.HTML(), begin=start, starts=(go, other),
        )
    return SimpleNamespace(demo=site.demo, site=site, job=job, go=go, other=other, stop=stop, result=result, seen=seen)


def run(page, values=VALUES, visitor="visitor:me"):
    """The updates of a click on `go`."""
    return begin(page.site, (page.job,), 0, values, visitor)


def after(updates, component, name):
    """A component's property after all updates; None where nothing touched it."""
    value = None
    for update in updates:
        value = update.get(component, {}).get(name, value) if isinstance(update.get(component), dict) else value
    return value


def the_run(page, visitor="visitor:me"):
    return page.site.runs.find(visitor, PLACE)


def test_all_buttons_are_off_while_a_run_works_and_on_behind_it(page):
    updates = list(run(page))
    assert [updates[0][b]["interactive"] for b in (page.go, page.other, page.stop)] == [False, False, True]
    assert [after(updates, b, "interactive") for b in (page.go, page.other, page.stop)] == [True, True, False]
    assert "pg-done" in updates[-1][page.job.status] and "Made by" in updates[-1][page.job.made_by]


def test_the_strip_says_what_the_status_line_says(page):
    updates = list(run(page))
    row = page.site.rows[PLACE]
    told = [(update[page.job.status], update[row]) for update in updates if row in update]
    assert len(told) >= 2
    for line, shown in told:
        assert all(words in shown for words in (f'data-open="{PLACE}"', text_in(line)))
        assert ("data-stop" in shown) == ("pg-busy" in line)


def text_in(line: str) -> str:
    """The sentence in a status line."""
    return line.partition("<span>")[2].partition("</span>")[0]


def test_the_line_under_an_older_result_goes_when_the_first_sound_comes(page):
    samples = np.zeros(4, np.float32)
    carried = Run(request=card().complete(ask()), card=card(), visitor="me", place=PLACE, memo=Memo(job=0, values=VALUES))
    for index in range(2):
        carried.add(Audio(samples=samples, sample_rate=8000, index=index, total=2, text="a"))
    carried.end()
    lines = [update[page.job.made_by] for update in follow(page.site, page.job, carried) if page.job.made_by in update]
    assert lines == [""]


def test_what_a_tab_does_to_a_button_at_the_end_is_not_lost(page):
    assert after(run(page), page.go, "value") == "Again"


def test_begin_gets_the_controls_values(page):
    list(run(page))
    assert page.seen == [VALUES]


def test_an_editors_layers_are_not_kept_with_the_run(page):
    with page.demo:
        editor = gr.ImageEditor()
    job = dataclasses.replace(
        page.job, controls=dict(page.job.controls) | {"editor": editor},
        prepare=lambda values: {name: value for name, value in values.items() if name != "editor"},
    )
    layers = {"layers": [Image.new("RGBA", (8, 8))]}
    list(begin(page.site, (job,), 0, VALUES | {"editor": layers}, "visitor:me"))
    assert the_run(page).memo == Memo(job=0, values=VALUES)


def refuse(values):
    raise BadRequest("There is no picture yet.")


def test_a_refusal_is_a_sentence_and_switches_the_buttons_back(page):
    refused = dataclasses.replace(page.job, prepare=refuse)
    (update,) = begin(page.site, (refused,), 0, VALUES, "visitor:me")
    assert "There is no picture yet." in update[page.job.status] and "pg-error" in update[page.job.status]
    assert update[page.other]["interactive"] and not update[page.stop]["interactive"]


def test_a_refusal_leaves_the_result_and_the_line_under_it(page):
    refused = dataclasses.replace(page.job, prepare=refuse)
    (update,) = begin(page.site, (refused,), 0, VALUES, "visitor:me")
    assert page.job.made_by not in update and page.result not in update


def test_a_fault_of_the_model_is_a_sentence_and_switches_the_buttons_back(page):
    updates = list(run(page, VALUES | {"model": "broken"}))
    assert "pg-error" in updates[-1][page.job.status]
    assert "fault" in text_in(updates[-1][page.job.status])
    assert [after(updates, b, "interactive") for b in (page.go, page.other, page.stop)] == [True, True, False]


def test_a_fault_of_the_page_is_a_sentence_too(page):
    def broken(values):
        raise ZeroDivisionError

    (update,) = begin(page.site, (dataclasses.replace(page.job, prepare=broken),), 0, VALUES, "visitor:me")
    assert "pg-error" in update[page.job.status] and "ZeroDivision" not in update[page.job.status]
    failing = dataclasses.replace(page.job, begin=lambda values: broken)
    updates = list(begin(page.site, (failing,), 0, VALUES, "visitor:me"))
    assert "pg-error" in updates[-1][page.job.status] and after(updates, page.go, "interactive")


def test_a_run_is_the_same_on_a_page_that_comes_later(page):
    first = list(run(page))
    late = found(page, "visitor:me")
    for component in (page.job.status, page.job.made_by):
        assert late[-1][component] == first[-1][component]
    row = page.site.rows[PLACE]
    assert "pg-done" in first[-1][row] and all(update.get(row, "") == "" for update in late), "its end is no news any more"
    assert page.seen == [VALUES, VALUES], "a page that comes later shows the run with the values that it was started with"


def test_stop_ends_every_job_of_the_tab_and_says_so(page, gate):
    second = dataclasses.replace(page.job, go=page.other)
    for job in (page.job, second):
        updates = begin(page.site, (page.job, second), 0, VALUES | {"model": "held"}, "visitor:me")
        next(updates)
        page.site.runs.stop("visitor:me", PLACE)
        last = list(updates)[-1]
        assert "Stopped" in last[job.status] and "pg-calm" in last[job.status] and last[page.site.rows[PLACE]] == ""
        assert last[page.go]["interactive"] and not last[page.stop]["interactive"]


def test_stop_is_wired_to_the_button_and_to_the_strip_and_starts_no_run(page):
    second = dataclasses.replace(page.job, go=page.other)
    with page.demo:
        wire(page.site, page.job, second, outputs=(page.result,))
    row = page.site.rows[PLACE]
    stops = [fn for fn in page.demo.fns.values() if (page.stop._id, "click") in fn.targets]
    assert len(stops) == 1 and (row._id, "stop") in stops[0].targets and not stops[0].cancels
    assert not stops[0].queue, "Stop must not wait behind the run that it ends"
    costly = [fn for fn in page.demo.fns.values() if getattr(fn.fn, "costly", False)]
    assert {target for fn in costly for target in fn.targets} == {(page.go._id, "click"), (page.other._id, "click")}


def test_a_page_that_closes_in_mid_run_leaves_the_run_to_the_next(page, gate, gauge):
    updates = run(page, VALUES | {"model": "held"})
    next(updates)
    wait_until(lambda: gauge.running == 1, what="a run")
    updates.close()
    kept = the_run(page)
    assert kept.ended is None
    gate.set()
    later = list(follow(page.site, page.job, kept))
    assert "pg-done" in later[-1][page.job.status] and gauge.steps == 3


def found(page, visitor):
    """The updates of a page that a visitor loads anew."""
    http = SimpleNamespace(scope={"playground.visitor": visitor, "client": ("127.0.0.1", 1)}, session_hash="anew")
    return list(finder(page.site, (page.job,))(http))


def test_a_visitor_finds_the_last_run_again_and_nobody_else_does(page):
    list(run(page))
    assert "pg-done" in found(page, "visitor:me")[-1][page.job.status]
    for other in ("visitor:you", "address:127.0.0.1"):
        assert [set(update) for update in found(page, other)] == [{page.job.status}]


def test_whoever_has_no_cookie_finds_nothing_again(page):
    list(run(page, visitor="address:127.0.0.1"))
    assert [set(update) for update in found(page, "address:127.0.0.1")] == [{page.job.status}]


def test_those_without_a_cookie_are_told_apart_by_their_pages():
    def http(visitor, page):
        return SimpleNamespace(scope={"playground.visitor": visitor}, session_hash=page)

    assert place_of(http("address:127.0.0.1", "one"), PLACE) != place_of(http("address:127.0.0.1", "two"), PLACE)
    assert place_of(http("visitor:me", "one"), PLACE) == place_of(http("visitor:me", "two"), PLACE) == PLACE


def test_a_control_that_is_no_field_is_found_at_start_up(page):
    wrong = dataclasses.replace(page.job, controls={"colour": gr.Textbox(render=False)})
    with page.demo, pytest.raises(ValueError, match="no field colour"):
        wire(page.site, wrong, outputs=(page.result,))


def test_every_event_has_its_words():
    teller = Teller(card().complete(ask()))
    samples = np.zeros(4, np.float32)
    told = [teller.tell(event) for event in (
        Queued(ahead=2), Queued(ahead=0), Loading(title="Slow"), Step(index=1, total=4), Step(index=1, total=0),
        Text(text="a", tokens=3), Audio(samples=samples, sample_rate=8000, index=0, total=2, text="a"), Notice(text="Cut."),
    )]
    assert told.pop(4) is None
    assert all(said.kind == "busy" and said.text for said in told)
    assert "2 runs" in told[0].text and "Slow" in told[2].text and "1 of 4" in told[3].text and told[6].text == "Cut."
    assert [said.part for said in told if said.part is not None] == [0.25, 0.3, 0.5]


def test_what_was_done_unasked_is_said_at_the_end_too(page):
    carried = Run(request=card().complete(ask()), card=card(), visitor="me", place=PLACE, memo=Memo(job=0, values=VALUES))
    carried.add(Notice(text="The end was cut off."))
    list(run(page))
    carried.add(the_run(page).done)
    carried.end()
    assert "The end was cut off." in list(follow(page.site, page.job, carried))[-1][page.job.status]


@pytest.mark.parametrize(("seconds", "words"), [
    (0.2, "less than a second"), (1, "about a second"), (41.4, "about 41 seconds"), (100, "about 2 minutes"),
])
def test_how_long_it_takes_is_in_words(seconds, words):
    assert duration(seconds) == words


def test_after_the_first_run_it_is_known_how_long_the_next_takes(page):
    updates = list(run(page))
    line = updates[-1][page.job.expect]
    assert say("status.unknown_time") not in line and "on this computer" in line
