"""Runs that are left and found again: followed early and late, stopped, forsaken, kept for a while, forgotten."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from playground.errors import BadRequest, Busy, PlaygroundError
from playground.events import (
    Audio,
    AudioResult,
    Done,
    ImagesResult,
    Loading,
    Notice,
    Queued,
    Step,
    Stopped,
    Text,
    TextResult,
)
from playground.requests import ImageToImageRequest
from playground.runs import Run, Runs
from playground.timings import Timings
from tests.fakes import PATIENCE, FakeModel, Gauge, ask, card, engine_of, events_of, wait_until

ME, YOU, PLACE = "visitor:me", "visitor:you", "text_generation"
PICTURE = Image.new("RGB", (8, 8))


class Stage:
    """Runs of fake models. The model "slow" ends at once, "held" takes a step whenever the gate is open, "broken" fails."""

    def __init__(self, **kept: float) -> None:
        self.gate, self.gauge = threading.Event(), Gauge()
        self.engine = engine_of(self._make, cards=(card(), card("held"), card("broken")), max_per_visitor=3)
        self.timings = Timings()
        self.runs = Runs(self.engine, self.timings, **kept)

    def _make(self, one):
        error = OSError("a cable came loose") if one.id == "broken" else None
        return FakeModel(gauge=self.gauge, error=error, gate=self.gate if one.id == "held" else None)

    def start(self, prompt: str = "hello", *, model: str = "slow", visitor: str = ME, place: str = PLACE) -> Run:
        return self.runs.start(ask(prompt, model=model), visitor, place=place)

    def calm(self) -> None:
        """Waits until the device is free."""
        wait_until(lambda: self.engine.in_flight == 0, what="a free device")

    def ended(self, run: Run) -> Run:
        wait_until(lambda: run.ended is not None, what="the end of a run")
        return run

    def let_go(self, *, left: int = 0) -> None:
        """Waits until the engine has been told of every end. left: runs that go on."""
        wait_until(
            lambda: sum(thread.name.startswith("carry") for thread in threading.enumerate()) == left, what="an end",
        )

    def close(self) -> None:
        self.gate.set()
        self.engine.close()


@pytest.fixture
def stage():
    one = Stage()
    yield one
    one.close()


@pytest.fixture
def staged():
    """Makes stages with other settings."""
    made = []

    def make(**kept):
        made.append(Stage(**kept))
        return made[-1]

    yield make
    for one in made:
        one.close()


def plain(**request) -> Run:
    """A run that no engine carries."""
    return Run(request=ask(**request), card=card(), visitor=ME, place=PLACE)


def done(result=None) -> Done:
    return Done(
        result=result or TextResult(text="hello", tokens=3), model="slow", seed=1, timings={"decode": 1.0}, device="CPU",
        dtype="float32", threads=1, peak_memory=1,
    )


def step(index: int, preview: Image.Image | None = None) -> Step:
    return Step(index=index, total=9, preview=preview)


def audio(index: int) -> Audio:
    return Audio(samples=np.zeros(4, np.float32), sample_rate=8000, index=index, total=3, text="a")


def test_a_run_is_followed_from_its_start(stage):
    events = events_of(stage.start().follow())
    assert isinstance(events[-1], Done) and events[-1].result.text == "hello"


def test_a_follower_hears_each_event_once_and_in_order():
    run = plain()
    follower = run.follow()
    told = [Queued(ahead=1), Loading(title="Slow"), step(1), step(2), done()]
    heard = []
    for event in told:
        run.add(event)
        heard.append(next(follower))
    run.end()
    assert heard == told and list(follower) == []


def test_a_run_that_is_over_is_followed_late(stage):
    run = stage.ended(stage.start())
    assert run.done.result.text == "hello"
    assert [type(event) for event in events_of(run.follow())] == [Done]
    assert [type(event) for event in events_of(run.follow())] == [Done], "the second to come late found something else"


def test_a_run_under_way_is_taken_up_where_it_is(stage):
    run = stage.start(model="held")
    first = run.follow()
    wait_until(lambda: stage.gauge.running == 1, what="a run")
    assert {type(event) for event in (next(first), next(first))} <= {Queued, Loading, type(None)}
    stage.gate.set()
    second = events_of(run.follow())
    assert isinstance(second[-1], Done) and isinstance(events_of(first)[-1], Done)


def test_many_follow_one_run_and_hear_the_same_end(stage):
    run = stage.start(model="held")
    together = threading.Barrier(8 + 1)

    def end() -> Done:
        follower = run.follow()
        next(follower)
        together.wait(PATIENCE)
        return events_of(follower)[-1]

    with ThreadPoolExecutor(8) as threads:
        ends = [threads.submit(end) for _ in range(8)]
        together.wait(PATIENCE)
        stage.gate.set()
        assert {id(end.result(PATIENCE)) for end in ends} == {id(stage.ended(run).done)}
    assert stage.gauge.prompts == ["hello"], "the run was made more than once"


def test_who_follows_is_told_now_and_then_that_nothing_is_new():
    assert next(plain().follow()) is None


def test_late_followers_hear_the_last_preview_and_the_last_step():
    run = plain()
    for event in (Queued(ahead=1), Loading(title="Slow"), step(1, PICTURE), step(2, PICTURE), step(3)):
        run.add(event)
    follower = run.follow()
    heard = [next(follower), next(follower)]
    assert [event.index for event in heard] == [2, 3] and heard[0].preview is PICTURE


def test_a_step_with_a_preview_makes_all_steps_before_pointless():
    run = plain()
    for event in (step(1, PICTURE), step(2), step(3), step(4, PICTURE)):
        run.add(event)
    run.end()
    assert [event.index for event in run.follow()] == [4]


def test_late_followers_hear_the_whole_text_once():
    run = plain()
    for number in range(1, 50):
        run.add(Text(text="a" * number, tokens=number))
    run.end()
    assert list(run.follow()) == [Text(text="a" * 49, tokens=49)]


def test_late_followers_hear_every_sentence_and_every_notice():
    run = plain()
    told = [Queued(ahead=0), Loading(title="Slow"), Notice(text="Cut."), audio(0), Notice(text="Left out."), audio(1), audio(2)]
    for event in (*told, done()):
        run.add(event)
    run.end()
    heard = list(run.follow())
    assert [event.text for event in heard if isinstance(event, Notice)] == ["Cut.", "Left out."]
    assert [event.index for event in heard if isinstance(event, Audio)] == [0, 1, 2]
    assert isinstance(heard[-1], Done) and len(heard) == 6


def test_no_follower_misses_what_it_had_not_heard_when_it_was_outdated():
    run = plain()
    follower = run.follow()
    run.add(audio(0))
    assert next(follower).index == 0
    run.add(step(1, PICTURE))
    run.add(audio(1))
    run.add(step(2))
    assert [type(next(follower)) for _ in range(3)] == [Step, Audio, Step]


def test_stop_ends_followers_at_once_and_the_engines_run_behind_its_step(stage):
    run = stage.start(model="held")
    follower = run.follow()
    wait_until(lambda: stage.gauge.running == 1, what="a run")
    stage.runs.stop(ME, PLACE)
    with pytest.raises(Stopped):
        events_of(follower)
    assert stage.gauge.steps == 0, "the follower waited for the step"
    stage.let_go()
    stage.gate.set()
    stage.calm()
    assert stage.gauge.steps == 1 and run.done is None
    assert isinstance(events_of(stage.start("next").follow())[-1], Done)


def test_stop_ends_only_ones_own_runs_at_that_place(stage):
    mine = [stage.start(model="held", place=place) for place in (PLACE, "text_to_image")]
    yours = stage.start(model="held", visitor=YOU)
    stage.runs.stop(ME, PLACE)
    assert [run.ended is None for run in (*mine, yours)] == [False, True, True]


def test_stop_behind_the_end_changes_nothing(stage):
    run = stage.ended(stage.start())
    stage.runs.stop(ME, PLACE)
    assert isinstance(events_of(run.follow())[-1], Done)


def test_stop_of_one_that_waits_lets_it_never_begin(stage):
    stage.start("first", model="held")
    wait_until(lambda: stage.gauge.running == 1, what="a run")
    waiting = stage.start("second", model="held", visitor=YOU)
    stage.runs.stop(YOU, PLACE)
    wait_until(lambda: stage.engine.in_flight == 1, what="one run fewer")
    stage.gate.set()
    stage.calm()
    assert waiting.done is None and stage.gauge.prompts == ["first"]


def test_every_follower_hears_why_a_run_failed(stage):
    run = stage.start(model="broken")
    first = run.follow()
    said = set()
    for follower in (first, run.follow(), run.follow()):
        with pytest.raises(PlaygroundError) as caught:
            events_of(follower)
        said.add(str(caught.value))
    assert len(said) == 1 and "cable" not in said.pop()


def test_a_refusal_starts_nothing(stage):
    with pytest.raises(BadRequest):
        stage.start(model="unknown")
    for _ in range(3):
        stage.start(model="held")
    with pytest.raises(Busy):
        stage.start(model="held")
    assert stage.engine.in_flight == 3
    stage.gate.set()
    stage.calm()
    assert stage.gauge.prompts == ["hello"] * 3


def test_a_refused_run_leaves_the_one_before_to_be_found(stage):
    kept = stage.ended(stage.start())
    with pytest.raises(BadRequest):
        stage.start(model="unknown")
    assert stage.runs.find(ME, PLACE) is kept


def test_a_run_that_nobody_follows_is_not_lost(stage):
    stage.start("unseen")
    stage.calm()
    found = stage.runs.find(ME, PLACE)
    assert events_of(found.follow())[-1].result.text == "unseen"


def test_the_last_run_at_a_place_is_found_by_its_visitor_alone(stage):
    stage.ended(stage.start("first"))
    second = stage.ended(stage.start("second"))
    assert stage.runs.find(ME, PLACE) is second
    assert stage.runs.find(YOU, PLACE) is None and stage.runs.find(ME, "text_to_image") is None


def test_the_last_good_run_is_found_behind_one_that_failed(stage):
    assert stage.runs.last_good(ME, PLACE) is None
    stage.ended(stage.start("first"))
    good = stage.ended(stage.start("second"))
    broken = stage.ended(stage.start(model="broken"))
    assert stage.runs.find(ME, PLACE) is broken and stage.runs.last_good(ME, PLACE) is good
    assert stage.runs.last_good(YOU, PLACE) is None


def test_runs_of_two_visitors_at_one_place_are_kept_apart(stage):
    mine, yours = stage.start("mine"), stage.start("yours", visitor=YOU)
    for run, visitor in ((mine, ME), (yours, YOU)):
        stage.ended(run)
        assert stage.runs.find(visitor, PLACE) is run


def test_what_a_run_was_started_with_is_found_with_it(stage):
    run = stage.runs.start(ask("hello"), ME, place=PLACE, memo={"job": 2})
    assert run.memo == {"job": 2} and run.request.max_new_tokens == 10, "the card's defaults are missing"


def test_a_forsaken_run_ends_where_another_waits(staged):
    stage = staged(unseen_seconds=0.5)
    run = stage.start("forsaken", model="held")
    wait_until(lambda: stage.gauge.running == 1, what="a run")
    other = stage.start("other", model="held", visitor=YOU)
    follower = other.follow()
    next(follower)
    stage.ended(run)
    stage.let_go(left=1)
    stage.gate.set()
    assert isinstance(events_of(follower)[-1], Done) and run.done is None
    assert stage.gauge.prompts == ["forsaken", "other"] and stage.gauge.steps == 1 + 3


def test_a_run_that_is_followed_goes_on_where_another_waits(staged):
    stage = staged(unseen_seconds=0.5)
    run = stage.start("followed", model="held")
    follower = run.follow()
    next(follower)
    other = stage.start("other", model="held", visitor=YOU)
    stage.ended(other)  # forsaken itself, behind which the first was looked at more than once
    assert other.done is None and run.ended is None
    stage.gate.set()
    assert isinstance(events_of(follower)[-1], Done)


def test_a_forsaken_run_goes_on_where_nobody_waits(staged):
    stage = staged(unseen_seconds=0)
    assert stage.ended(stage.start()).done is not None and stage.gauge.steps == 3


def test_how_long_nobody_followed_is_known():
    run = plain()
    follower = run.follow()
    next(follower)
    assert run.unseen_seconds == 0
    second = run.follow()
    next(second)
    follower.close()
    assert run.unseen_seconds == 0
    second.close()
    wait_until(lambda: run.unseen_seconds > 0, what="a moment without a follower")


def test_forget_ends_all_of_a_visitors_runs_and_keeps_none(stage):
    ended = stage.ended(stage.start())
    running = [stage.start(model="held", place=place) for place in (PLACE, "text_to_image")]
    yours = stage.start(model="held", visitor=YOU)
    stage.runs.forget(ME)
    assert all(run.ended is not None for run in running) and yours.ended is None
    assert stage.runs.find(ME, PLACE) is stage.runs.find(ME, "text_to_image") is None
    assert stage.runs.find(YOU, PLACE) is yours and ended.done is not None
    stage.runs.forget("visitor:nobody")


def test_ended_runs_are_forgotten_with_age(staged):
    stage = staged(kept_seconds=0)
    stage.ended(stage.start())
    running = stage.start(model="held", visitor=YOU)
    stage.start(visitor="visitor:third")
    assert stage.runs.find(ME, PLACE) is None
    assert stage.runs.find(YOU, PLACE) is running, "a run under way was forgotten"


def test_the_oldest_are_forgotten_where_they_are_too_large(staged):
    stage = staged(kept_bytes=25_000)  # two runs of text
    kept = [stage.ended(stage.start(place=f"place {number}")) for number in range(4)]
    stage.ended(stage.start(place="one more"))
    assert [stage.runs.find(ME, f"place {number}") for number in range(4)] == [None, None, *kept[2:]]


def test_pictures_and_sounds_are_counted():
    run = Run(
        request=ImageToImageRequest(prompt="a", image=Image.new("RGB", (100, 50)), model="x"), card=card(), visitor=ME,
        place=PLACE,
    )
    asked = run.nbytes
    assert asked >= 4 * 100 * 50
    run.add(done(ImagesResult(images=(Image.new("RGB", (200, 100)),) * 2)))
    run.end()
    assert run.nbytes == asked + 2 * 4 * 200 * 100
    heard = plain()
    heard.add(done(AudioResult(samples=np.zeros(1000, np.float32), sample_rate=8000)))
    heard.end()
    assert heard.nbytes - plain().nbytes == 2 * 4 * 1000


def test_a_new_run_at_a_place_takes_the_ended_ones_place(stage):
    first = stage.ended(stage.start("first"))
    second = stage.start("second", model="held")
    assert stage.runs.find(ME, PLACE) is second
    stage.runs.stop(ME, PLACE)
    assert second.ended is not None and first.done is not None


def test_stop_ends_all_runs_under_way_at_a_place(stage):
    both = [stage.start(prompt, model="held") for prompt in ("first", "second")]
    stage.runs.stop(ME, PLACE)
    assert all(run.ended is not None for run in both)


def test_a_run_that_ends_well_teaches_the_timings_and_a_stopped_one_does_not(stage):
    stage.ended(stage.start())
    known = stage.timings.expect("slow", PLACE, 3)
    assert known is not None
    stage.start(model="held")
    wait_until(lambda: stage.gauge.running == 1, what="a run")
    stage.runs.stop(ME, PLACE)
    stage.gate.set()
    stage.calm()
    assert stage.timings.expect("held", PLACE, 3) is None


def test_the_first_end_counts():
    run = plain()
    run.add(done())
    run.end()
    run.stop()
    run.end(OSError())
    run.add(Notice(text="too late"))
    assert run.done is not None and [type(event) for event in run.follow()] == [Done]


def test_a_hundred_runs_from_many_threads_each_reach_their_own_follower(stage):
    def one(number):
        run = stage.start(str(number), visitor=f"visitor:{number}")
        return events_of(run.follow())[-1].result.text

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(one, range(100))) == [str(number) for number in range(100)]
    stage.calm()
    stage.let_go()
