"""From a click to updates, without a browser: several jobs of a tab that share Stop, the status line and their buttons."""

from __future__ import annotations

import gradio as gr
import numpy as np
import pytest

from playground.errors import BadRequest
from playground.events import Audio, Done
from playground.requests import TextGenerationRequest
from playground.wiring import Job, follow, wire
from tests.fakes import FakeModel, engine_of

VALUES = {"prompt": "hello", "model": "slow"}


@pytest.fixture
def engine():
    running = engine_of(lambda card: FakeModel())
    yield running
    running.close()


@pytest.fixture
def page():
    """A tab of two buttons that start runs."""
    with gr.Blocks(analytics_enabled=False) as demo:
        prompt, model = gr.Textbox(), gr.Textbox()
        demo.go, demo.other, demo.stop, demo.result = gr.Button(), gr.Button(), gr.Button(), gr.HTML()
        demo.seen = []

        def begin(values):
            demo.seen.append(values)
            return lambda event, request: {demo.go: gr.update(value="Again")} if isinstance(event, Done) else {}

        demo.job = Job(
            request=TextGenerationRequest, controls={"prompt": prompt, "model": model}, go=demo.go, stop=demo.stop,
            status=gr.HTML(), made_by=gr.HTML(), begin=begin, starts=(demo.go, demo.other),
        )
    return demo


def after(updates, component, name):
    """A component's property after all updates; None where nothing touched it."""
    value = None
    for update in updates:
        value = update.get(component, {}).get(name, value) if isinstance(update.get(component), dict) else value
    return value


def test_all_buttons_are_off_while_a_run_works_and_on_behind_it(engine, page):
    updates = list(follow(engine, page.job, VALUES, "me"))
    assert [updates[0][b]["interactive"] for b in (page.go, page.other, page.stop)] == [False, False, True]
    assert [after(updates, b, "interactive") for b in (page.go, page.other, page.stop)] == [True, True, False]
    assert "pg-done" in updates[-1][page.job.status] and "Made by" in updates[-1][page.job.made_by]


def test_the_line_under_an_older_result_goes_when_the_first_sound_comes(engine, page, monkeypatch):
    samples = np.zeros(4, np.float32)
    sounds = (Audio(samples=samples, sample_rate=8000, index=index, total=2, text="a") for index in range(2))
    monkeypatch.setattr(engine, "run", lambda *_: sounds)
    lines = [update[page.job.made_by] for update in follow(engine, page.job, VALUES, "me") if page.job.made_by in update]
    assert lines == [""]


def test_what_a_tab_does_to_a_button_at_the_end_is_not_lost(engine, page):
    assert after(follow(engine, page.job, VALUES, "me"), page.go, "value") == "Again"


def test_begin_gets_the_controls_values(engine, page):
    list(follow(engine, page.job, VALUES, "me"))
    assert page.seen == [VALUES]


def test_a_refusal_is_a_sentence_and_switches_the_buttons_back(engine, page):
    def refuse(values):
        raise BadRequest("There is no picture yet.")

    refused = Job(**(vars(page.job) | {"prepare": refuse}))
    (update,) = follow(engine, refused, VALUES, "me")
    assert "There is no picture yet." in update[page.job.status] and "pg-error" in update[page.job.status]
    assert update[page.other]["interactive"] and not update[page.stop]["interactive"]


def test_stop_cancels_every_job_of_the_tab(engine, page):
    second = Job(**(vars(page.job) | {"go": page.other}))
    with page:
        wire(engine, page.job, second, outputs=(page.result,))
    runs = {index for index, fn in page.fns.items() if getattr(fn.fn, "costly", False)}
    stopped = {run for fn in page.fns.values() if (page.stop._id, "click") in fn.targets for run in fn.cancels}
    assert len(runs) == 2 and stopped == runs


def test_a_control_that_is_no_field_is_found_at_start_up(engine, page):
    wrong = Job(**(vars(page.job) | {"controls": {"colour": gr.Textbox(render=False)}}))
    with page, pytest.raises(ValueError, match="no field colour"):
        wire(engine, wrong, outputs=(page.result,))
