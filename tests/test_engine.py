"""The road of a run: Stop, one run at a time, a fair order, refusals, and errors that people can read.

Nothing here measures speed: the tests look at the order of things and at counters.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from types import SimpleNamespace

import pytest

from playground.catalog import Catalog
from playground.engine import Engine, Turns
from playground.errors import BadRequest, Busy, NoNetwork, NotInstalled, OutOfMemory, PlaygroundError, Unexpected
from playground.events import Done, Loading, Queued, Step, TextResult
from playground.pool import ModelPool
from playground.requests import MAX_SEED, RANDOM_SEED, TextToImageRequest
from playground.residents import Memory
from tests.fakes import CPU, PATIENCE, FakeModel, Gauge, Shop, ask, card, engine_of, events_of, until, wait_until


def settle(engine) -> None:
    """Waits until no run waits or works."""
    wait_until(lambda: engine.in_flight == 0, what="the end of all runs")


def in_line(engine, prompt: str, visitor: str):
    """A run that is in the queue, or past it, when this returns: threads may start in any order."""
    run = engine.run(ask(prompt), visitor)
    next(event for event in run if event is not None)
    return run


@pytest.fixture
def held():
    """An engine whose only model takes each step when the gate is open; the gate is opened at the end."""
    gate, gauge = threading.Event(), Gauge()
    engine = engine_of(lambda card: FakeModel(gate=gate, gauge=gauge))
    yield engine, gate, gauge
    gate.set()
    settle(engine)


def test_a_run_tells_its_road_and_ends_with_what_was_made():
    engine = engine_of(lambda card: FakeModel(steps=2))
    events = events_of(engine.run(ask("hello", seed=7), "a"))
    assert [type(e) for e in events if not isinstance(e, Queued)] == [Loading, Step, Step, Done]
    done = events[-1]
    assert done.result == TextResult(text="hello", tokens=2, timings={"decode": 0.0})
    assert (done.model, done.seed, done.device, done.dtype, done.threads) == ("slow", 7, "CPU", "float32", 1)
    assert set(done.timings) == {"queue", "load", "decode"} and all(v >= 0 for v in done.timings.values())
    assert done.seconds == done.timings["load"] + done.timings["decode"]
    assert done.peak_memory > 1_000_000


def test_a_random_seed_is_drawn_and_reported():
    engine = engine_of(lambda card: FakeModel())
    seeds = {events_of(engine.run(ask(seed=RANDOM_SEED), "a"))[-1].seed for _ in range(5)}
    assert len(seeds) > 1
    assert all(0 <= seed <= MAX_SEED for seed in seeds)


def test_a_wrong_request_is_refused_before_anything_waits():
    engine = engine_of(lambda card: FakeModel())
    with pytest.raises(BadRequest, match="no model of this name"):
        engine.run(ask(model="nobody"), "a")
    with pytest.raises(BadRequest, match="cannot do this task"):
        engine.run(TextToImageRequest(prompt="a fox", model="slow"), "a")
    assert engine.in_flight == 0


def test_heartbeats_come_while_nothing_happens(held):
    engine, _, _ = held
    run = engine.run(ask(), "a")
    until(run, Loading)
    assert [next(run), next(run)] == [None, None]
    run.close()


def test_after_stop_at_most_one_more_step():
    gauge = Gauge()
    engine = engine_of(lambda card: FakeModel(steps=1_000_000, seconds=0.02, gauge=gauge))
    run = engine.run(ask(), "a")
    until(run, Step)
    run.close()
    seen = gauge.steps
    settle(engine)
    assert gauge.steps <= seen + 1
    assert gauge.running == 0


def test_closing_an_iterator_that_nobody_looked_at_stops_its_run():
    gauge = Gauge()
    engine = engine_of(lambda card: FakeModel(steps=1_000_000, seconds=0.001, gauge=gauge))
    engine.run(ask(), "a").close()
    settle(engine)
    run = engine.run(ask(), "a")
    del run
    settle(engine)


def test_a_waiting_run_stops_at_once_and_never_starts(held):
    engine, gate, gauge = held
    first = in_line(engine, "first", "a")
    second = engine.run(ask("second"), "b")
    assert until(second, Queued).ahead == 1
    second.close()
    wait_until(lambda: engine.in_flight == 1, what="the end of the waiting run")
    gate.set()
    assert isinstance(until(first, Done), Done)
    assert gauge.prompts == ["first"]


def test_stop_does_not_wait_for_a_load_and_the_model_stays_for_the_next():
    loaded = threading.Event()
    shop = Shop(lambda card: FakeModel(), gate=loaded)
    engine = engine_of(shop)
    run = engine.run(ask(), "a")
    until(run, Loading)
    assert shop.loading.wait(PATIENCE)
    run.close()  # comes back although the load has not ended
    assert shop.finished == 0
    assert engine.in_flight == 1  # the device is still taken, and counted
    loaded.set()
    settle(engine)
    assert shop.finished == 1
    events = events_of(engine.run(ask(), "a"))
    assert isinstance(events[-1], Done) and not any(isinstance(e, Loading) for e in events)
    assert len(shop.made["slow"]) == 1 and shop.made["slow"][0].gauge.prompts == ["hello"]
    engine.close()
    assert shop.made["slow"][0].closed


def test_forty_stops_and_five_pages_never_put_two_runs_on_the_device():
    before = threading.active_count()
    gauge = Gauge()
    engine = engine_of(lambda card: FakeModel(steps=20, seconds=0.002, gauge=gauge))
    failed: list[BaseException] = []

    def page(visitor: str) -> None:
        try:
            for i in range(40):
                run = engine.run(ask(f"{visitor} {i}"), visitor)
                for seen, _ in enumerate(run):
                    if seen >= i % 7:
                        break
                run.close()
            assert isinstance(events_of(engine.run(ask("last"), visitor))[-1], Done)
        except BaseException as error:
            failed.append(error)

    pages = [threading.Thread(target=page, args=(f"page {i}",)) for i in range(5)]
    for thread in pages:
        thread.start()
    for thread in pages:
        thread.join(2 * PATIENCE)
    assert not failed
    assert not any(thread.is_alive() for thread in pages)
    settle(engine)
    assert gauge.most == 1 and gauge.running == 0
    assert gauge.prompts.count("last") == 5
    assert isinstance(events_of(engine.run(ask("next"), "a"))[-1], Done)
    wait_until(lambda: threading.active_count() <= before, what="the end of all threads")


def test_one_run_of_another_visitor_starts_after_at_most_one_of_many(held):
    engine, gate, gauge = held
    of_a = [in_line(engine, f"a{i}", "a") for i in range(10)]
    of_b = engine.run(ask("b0"), "b")
    assert until(of_b, Queued).ahead == 1  # only the one that is running
    gate.set()
    for run in (*of_a, of_b):
        until(run, Done)
    assert gauge.prompts == ["a0", "b0", *(f"a{i}" for i in range(1, 10))]


def test_visitors_take_turns(held):
    engine, gate, gauge = held
    runs = [in_line(engine, f"{visitor}{i}", visitor) for visitor in "abc" for i in range(3)]
    gate.set()
    for run in runs:
        until(run, Done)
    assert gauge.prompts == ["a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"]


def test_new_visitors_cannot_starve_one_who_waits():
    """Whoever comes under a new name each time still waits behind those who wait already."""
    opened, gauge, strangers = threading.Event(), Gauge(), []

    class Door:
        """While a run works, one more stranger comes and waits."""

        def wait(self, seconds: float) -> bool:
            opened.wait(seconds)
            if len(strangers) < 12:
                strangers.append(engine.run(ask("stranger"), f"stranger {len(strangers)}"))
                until(strangers[-1], Queued)
            return True

    engine = engine_of(lambda card: FakeModel(steps=1, gate=Door(), gauge=gauge))
    mine = [in_line(engine, f"mine {i}", "me") for i in range(2)]
    opened.set()
    until(mine[1], Done)
    settle(engine)
    assert gauge.prompts[:3] == ["mine 0", "stranger", "mine 1"]
    assert len(gauge.prompts) == 14


def test_the_place_in_the_queue_counts_down(held):
    engine, gate, _ = held
    first = in_line(engine, "first", "a")
    second = engine.run(ask("second"), "b")
    assert until(second, Queued).ahead == 1
    third = engine.run(ask("third"), "c")
    assert until(third, Queued).ahead == 2
    second.close()
    assert until(third, Queued).ahead == 1
    gate.set()
    until(third, Done)
    first.close()


def test_too_many_runs_are_refused_and_room_comes_back():
    gate = threading.Event()
    engine = engine_of(lambda card: FakeModel(gate=gate), max_in_flight=3)
    runs = [engine.run(ask(), visitor) for visitor in "abc"]
    with pytest.raises(Busy, match=r"^3 runs are waiting already\. Try again in a minute\.$"):
        engine.run(ask(), "d")
    assert engine.in_flight == 3
    gate.set()
    for run in runs:
        until(run, Done)
    assert isinstance(events_of(engine.run(ask(), "d"))[-1], Done)


def test_too_many_runs_of_one_visitor_are_refused_and_others_get_in():
    gate = threading.Event()
    engine = engine_of(lambda card: FakeModel(gate=gate), max_per_visitor=2)
    runs = [engine.run(ask(), "a") for _ in range(2)]
    with pytest.raises(Busy, match="2 of your runs are waiting already"):
        engine.run(ask(), "a")
    runs.append(engine.run(ask(), "b"))
    gate.set()
    for run in runs:
        until(run, Done)
    settle(engine)


def test_who_has_heard_the_end_may_start_again_at_once():
    class Slow(ModelPool):
        """Takes its time to take a model back."""

        @contextlib.contextmanager
        def lease(self, card, emit, *, others=()):
            with super().lease(card, emit, others=others) as model:
                yield model
            time.sleep(0.05)

    pool = Slow(choose=lambda: CPU, load=lambda card, device: FakeModel())
    engine = Engine(catalog=Catalog((card(),)), pool=pool, max_in_flight=1, max_per_visitor=1)
    for _ in range(3):
        until(engine.run(ask(), "a"), Done)
        assert engine.in_flight == 0


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (RuntimeError("/home/somebody/secret.py: Traceback line 3"), Unexpected, "Slow stopped because of a fault"),
        (MemoryError("/home/somebody"), OutOfMemory, "Slow ran out of memory"),
        (SystemExit(3), Unexpected, "Slow stopped because of a fault"),
        (Busy("Come back later."), Busy, "Come back later."),
    ],
)
def test_an_error_becomes_a_sentence_and_the_next_run_works(error, kind, said):
    broken = {"yes": error}
    engine = engine_of(lambda card: FakeModel(error=broken.get("yes")))
    with pytest.raises(PlaygroundError) as caught:
        events_of(engine.run(ask(), "a"))
    assert type(caught.value) is kind and str(caught.value).startswith(said)
    assert "/home" not in str(caught.value) and "Traceback" not in str(caught.value)
    settle(engine)
    engine.pool.close()
    del broken["yes"]
    assert isinstance(events_of(engine.run(ask(), "a"))[-1], Done)


def test_a_failed_load_is_said_in_words_and_its_cause_is_in_the_log(caplog):
    shop = Shop(lambda card: FakeModel(), fails={"slow": OSError("/home/somebody/model.safetensors is gone")})
    engine = engine_of(shop)
    with caplog.at_level(logging.ERROR), pytest.raises(Unexpected) as caught:
        events_of(engine.run(ask(), "a"))
    assert "/home" not in str(caught.value)
    assert "/home/somebody/model.safetensors is gone" in caplog.text
    assert isinstance(events_of(engine.run(ask(), "a"))[-1], Done)


def test_a_fault_that_is_to_be_expected_is_one_line_in_the_log(caplog):
    shop = Shop(lambda card: FakeModel(), fails={"slow": ConnectionError("no way to the hub\nafter 5 tries" + "." * 500)})
    with pytest.raises(NoNetwork):
        events_of(engine_of(shop).run(ask(), "a"))
    (record,) = caplog.records
    line = record.getMessage()
    assert line.startswith("slow failed in text_generation: ConnectionError: no way to the hub after 5 tries")
    assert record.exc_info is None and "\n" not in line and len(line) < 300


def test_a_refusal_of_our_own_is_not_logged(caplog):
    with pytest.raises(Busy):
        events_of(engine_of(lambda card: FakeModel(error=Busy("Come back later."))).run(ask(), "a"))
    assert not caplog.records


def test_closing_the_engine_ends_every_run_also_for_those_who_listen(held):
    engine, gate, gauge = held
    first, second = in_line(engine, "first", "a"), in_line(engine, "second", "b")
    wait_until(lambda: gauge.running == 1, what="the first run")
    engine.close()
    gate.set()
    for run in (first, second):
        ended, deadline = False, time.monotonic() + PATIENCE
        while not ended and time.monotonic() < deadline:
            try:
                next(run)
            except PlaygroundError as error:
                ended = "Playground ends" in str(error)
        assert ended, "a listener was left waiting"
    assert gauge.prompts == ["first"]


def test_two_models_share_the_device():
    gauge = Gauge()
    cards = (card("one"), card("two"))
    engine = engine_of(lambda card: FakeModel(steps=10, seconds=0.005, gauge=gauge), cards=cards)
    runs = [engine.run(ask(model=name), name) for name in ("one", "two")]
    for run in runs:
        until(run, Done)
    assert gauge.most == 1 and len(gauge.prompts) == 2


def test_a_stopped_wait_leaves_no_trace_in_the_order():
    turns, stopped = Turns(), threading.Event()
    stopped.set()
    assert not turns.wait("a", stopped=stopped, moved=lambda ahead: None)
    assert turns.wait("b", stopped=threading.Event(), moved=lambda ahead: None)
    turns.release()
    assert turns.wait("a", stopped=threading.Event(), moved=lambda ahead: None)


def test_a_model_that_is_not_on_this_computer_is_refused_before_anything_waits():
    there = {"slow"}
    engine = engine_of(lambda card: FakeModel(), cards=(card("slow"), card("other")), ready=lambda card: card.id in there)
    assert isinstance(events_of(engine.run(ask(), "a"))[-1], Done)
    with pytest.raises(NotInstalled, match=r"^Other is not on this computer yet: .* python app\.py --get other\.$"):
        engine.run(ask(model="other"), "a")
    assert engine.in_flight == 0
    there.add("other")  # it was downloaded meanwhile
    assert isinstance(events_of(engine.run(ask(model="other"), "a"))[-1], Done)


PICTURES = dataclasses.replace(card("pictures"), tasks=frozenset({"text_to_image"}), base="sdxl")
LORAS = {name: SimpleNamespace(base=base) for name, base in (("ink", "sdxl"), ("clay", "sd1"), ("unknown", ""))}


@pytest.mark.parametrize(("loras", "message"), [
    ((("ink", 1.0),), None), ((("unknown", 0.5), ("ink", 1.0)), None), ((), None),
    ((("ink", 1.0), ("oil", 1.0)), "^There is no LoRA called 'oil' here"),
    ((("clay", 1.0),), "^The LoRA 'clay' was made for other models than Pictures"),
])
def test_loras_must_be_there_and_fit(loras, message):
    engine = engine_of(lambda card: FakeModel(), cards=(PICTURES,), loras=LORAS)
    request = TextToImageRequest(prompt="a fox", model="pictures", loras=loras, seed=1)
    if message is None:
        assert engine.check(request) == (request, PICTURES)
    else:
        with pytest.raises(BadRequest, match=message) as caught:
            engine.run(request, "a")
        assert caught.value.field == "loras" and engine.in_flight == 0


def test_without_loras_none_is_known():
    engine = engine_of(lambda card: FakeModel(), cards=(PICTURES,))
    with pytest.raises(BadRequest, match="no LoRA called"):
        engine.check(TextToImageRequest(prompt="a fox", model="pictures", loras=(("ink", 1.0),)))


def test_memory_is_told_and_freed():
    engine = engine_of(lambda card: FakeModel(nbytes=7), budget=50)
    assert engine.pool.memory() == Memory(total=50, used=0)
    events_of(engine.run(ask(), "a"))
    settle(engine)
    assert engine.pool.memory().used == 7 and engine.pool.free() == 7 and engine.pool.memory().used == 0


def test_what_a_model_used_stands_behind_what_the_run_did():
    class Placed(FakeModel):
        used = ("whole on the GPU",)

        def run(self, request, emit):
            return dataclasses.replace(super().run(request, emit), used=("fast",))

    result = events_of(engine_of(lambda card: Placed()).run(ask(), "a"))[-1].result
    assert result.used == ("fast", "whole on the GPU")


def test_a_model_that_does_not_fit_names_one_that_is_here_and_does():
    cards = (card("tiny", memory=1), card("middle", memory=4), card("near", memory=5), card("huge", memory=9))
    engine = engine_of(lambda card: FakeModel(), cards=cards, budget=5, ready=lambda card: card.id != "near")
    with pytest.raises(OutOfMemory, match="Choose Middle, which fits"):
        events_of(engine.run(ask(model="huge"), "a"))


def test_a_model_that_was_found_broken_is_not_advised():
    from playground.errors import ModelBroken

    cards = (card("small", memory=10), card("middle", memory=30), card("large", memory=90))
    shop = Shop(lambda card: FakeModel(nbytes=card.memory), fails={"middle": ModelBroken("Middle is damaged.")})
    engine = engine_of(shop, cards=cards, budget=40)
    for expected in ("Choose Middle, which fits.", "Choose Small, which fits.", "Choose Middle, which fits."):
        with pytest.raises(OutOfMemory, match=expected):
            events_of(engine.run(ask(model="large"), "a"))
        with contextlib.suppress(ModelBroken):  # it was mended before its second run
            events_of(engine.run(ask(model="middle"), "a"))


def test_a_model_whose_packages_are_not_here_is_not_advised():
    cards = (dataclasses.replace(card("small", memory=10), needs=("no_such_package",)), card("large", memory=90))
    engine = engine_of(lambda card: FakeModel(), cards=cards, budget=40)
    with pytest.raises(OutOfMemory, match="Choose a smaller model."):
        events_of(engine.run(ask(model="large"), "a"))
