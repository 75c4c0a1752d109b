"""What happens where memory runs out: at a load, at the first step, while decoding; and a hundred changes of model."""

from __future__ import annotations

import gc
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from playground import pipelines
from playground.catalog import Catalog
from playground.device import give_back
from playground.engine import Engine
from playground.errors import OutOfMemory
from playground.events import Audio, Done, Loading, Notice, TextResult
from tests import tiny_diffusion, tiny_text
from tests.fakes import CPU, FakeMemory, PlacedModel, Shop, ask, card, events_of, pool_of
from tests.test_pool import places

# A GPU that torch is not asked about: 80 bytes for weights, 20 to work in; 140 of RAM
GPU = replace(CPU, name="xpu", title="Small GPU", free_memory=100, dtype="bfloat16", ram=200)
SIZES = {"small": {"nbytes": 20}, "large": {"nbytes": 60, "part": 40, "step": 10, "decode": 20}}
CARDS = tuple(replace(card(name, memory=size["nbytes"]), adapter="diffusion") for name, size in SIZES.items())


@pytest.fixture(autouse=True, scope="module")
def what_is_there_stays():
    """Spares a hundred collections of garbage the objects of the libraries, which take them a quarter of a second each."""
    import torch  # noqa: F401
    from transformers import LlamaForCausalLM  # noqa: F401

    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def there():
    """An engine with a small and a large model on that GPU, its memory, and the shop."""
    memory = FakeMemory(100)
    shop = Shop(lambda card, device: PlacedModel(memory, device.placement, **SIZES[card.id]), placed=True)
    return Engine(catalog=Catalog(CARDS), pool=pool_of(shop, device=GPU)), memory, shop


def run(engine, model: str, prompt: str = "a"):
    """What a run told: the kinds of its events by name with the notices in full, and the result."""
    events = events_of(engine.run(ask(prompt, model=model), "a"))
    assert isinstance(events[-1], Done)
    return [event.text for event in events if isinstance(event, Notice)], events[-1].result


def exact(engine, memory: FakeMemory, shop: Shop) -> bool:
    """Whether the pool, the models and the device agree on what is taken between two runs."""
    held = sum(model.held for made in shop.made.values() for model in made)
    return engine.pool.memory().used == held == memory.taken


def test_a_run_says_where_its_model_stood(there):
    engine, memory, shop = there
    told, result = run(engine, "large")
    assert told == [] and result.used == ("whole",) and exact(*there)


def test_a_load_that_fails_once_is_tried_again_when_the_others_have_left(there):
    engine, memory, shop = there
    run(engine, "small")
    memory.fails["weights"] = 1
    told, result = run(engine, "large")
    assert told == ["Another model waits in RAM to make room for Large."] and result.used == ("whole",)
    assert places(engine.pool) == {"small": "ram", "large": "device"} and exact(*there)


def test_a_load_that_fails_again_takes_less_room(there):
    engine, memory, shop = there
    memory.fails["weights"] = 1
    told, result = run(engine, "large")
    assert told == ["Large does not fit on the GPU as a whole, so its parts will take turns there; that is slower."]
    assert result.used == ("offload",) and exact(*there)
    assert places(engine.pool) == {"large": "ram"}


def test_a_load_that_never_works_is_said_with_what_would_fit_and_the_next_run_works(there):
    engine, memory, shop = there
    run(engine, "small")
    memory.fails["weights"] = 3
    with pytest.raises(OutOfMemory) as caught:
        run(engine, "large")
    assert str(caught.value) == "Large ran out of memory while it was loaded. Choose Small, which fits."
    assert exact(*there)
    memory.fails.clear()
    assert run(engine, "small")[1].used == ("whole",) and run(engine, "large")[1].used == ("whole",)
    assert exact(*there)


def test_the_first_step_out_of_memory_sends_the_idle_away_and_works_at_the_second_try(there):
    """60 and 20 for weights leave 20, and this picture takes 30 a step."""
    engine, memory, shop = there
    run(engine, "small")
    told, result = run(engine, "large", "aaa")
    assert told == ["Another model waits in RAM to make room for Large.", "Tiles from now on."]
    assert result.used == ("whole", "tiles") and exact(*there) and memory.most <= 100
    assert run(engine, "large", "aaa") == ([], result)  # what was eased stays


def test_decoding_out_of_memory_is_done_in_tiles(there):
    engine, memory, shop = there
    memory.fails["decode"] = 1
    told, result = run(engine, "large", "a")
    assert told == ["Tiles from now on.", "Parts take turns from now on."]
    assert result.used == ("offload", "tiles") and exact(*there)
    assert places(engine.pool) == {"large": "ram"}


def test_parts_stay_together_where_the_others_gave_back_enough(there):
    engine, memory, shop = there
    run(engine, "small")
    memory.fails["decode"] = 1
    told, result = run(engine, "large")
    assert told == ["Another model waits in RAM to make room for Large.", "Tiles from now on."]
    assert result.used == ("whole", "tiles") and exact(*there)


def test_a_run_that_never_fits_is_tried_twice_and_offers_something_smaller(there):
    engine, memory, shop = there
    with pytest.raises(OutOfMemory, match="^Large ran out of memory. Try a shorter text"):
        run(engine, "large", "a" * 20)
    model = shop.made["large"][0]
    assert model.used == ("offload", "tiles") and exact(*there)
    with pytest.raises(OutOfMemory):
        run(engine, "large", "a" * 20)  # nothing is left to ease, so it is tried once
    assert run(engine, "large", "a")[0] == [] and exact(*there)
    assert len(shop.made["large"]) == 1


def test_a_sentence_that_was_spoken_already_is_not_told_again(there):
    engine, memory, shop = there
    run(engine, "small")
    tries = []

    def speak(request, emit):
        tries.append(1)
        for index in range(3):
            emit(Audio(samples=np.zeros(1, np.float32), sample_rate=8000, index=index, total=3, text=str(index)))
            if len(tries) == 1 and index == 1:
                raise MemoryError
        return TextResult(text="", tokens=1)

    shop.made["small"][0].run = speak
    events = events_of(engine.run(ask(model="small"), "a"))
    assert len(tries) == 2 and [event.index for event in events if isinstance(event, Audio)] == [0, 1, 2]


def test_an_error_of_another_kind_is_not_tried_again(there):
    engine, memory, shop = there
    run(engine, "small")
    shop.made["small"][0]._error = ValueError("something else")
    with pytest.raises(Exception, match="not foreseen"):
        run(engine, "small")
    assert shop.made["small"][0].gauge.prompts == ["a", "a"]


def test_the_error_that_is_told_holds_nothing_of_the_run(there):
    engine, memory, shop = there
    held = []

    def failing(request, emit):
        class Tensor:
            pass

        tensor = Tensor()
        import weakref

        held.append(weakref.ref(tensor))
        raise MemoryError

    run(engine, "small")
    shop.made["small"][0].run = failing
    with pytest.raises(OutOfMemory) as caught:
        run(engine, "small")
    assert caught.value.__cause__ is None and held and all(one() is None for one in held)


def test_any_order_of_runs_keeps_the_budget_and_an_exact_account(there):
    engine, memory, shop = there
    draw = random.Random(0)
    for _ in range(50):
        memory.fails = {draw.choice(("step", "decode", "wake", "weights")): draw.choice((0, 0, 1, 3))}
        model, length = draw.choice(("small", "large")), draw.choice((1, 2, 9))
        try:
            run(engine, model, "a" * length)
        except OutOfMemory:
            pass
        memory.fails = {}
        if draw.random() < 0.1:
            engine.pool.free()
        assert exact(*there) and memory.taken <= 80
    assert engine.pool.free() >= 0 and memory.taken == 0


# Real networks

def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    give_back()
    return psutil.Process().memory_info().rss


def wide_llama(folder: Path) -> Path:
    """A language model whose weights take some 20 MB."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tiny_text.byte_tokenizer()
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(
        hidden_size=512, intermediate_size=1024, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4,
        vocab_size=len(tokenizer),
    )).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_hundred_changes_of_model_return_the_memory(tmp_path):
    """Two text models of some 20 MB and a picture model in turn, where there is room for one: if only two of a hundred
    copies stayed, that would be more than the limit."""
    folders = {
        "one": wide_llama(tmp_path / "one"), "two": wide_llama(tmp_path / "two"),
        "pictures": tiny_diffusion.stable_diffusion(tmp_path / "pictures"),
    }
    cards = [
        replace(card(name), adapter="diffusion" if name == "pictures" else "text", folder=folder)
        for name, folder in folders.items()
    ]
    shop = Shop(lambda one: pipelines.load(one, CPU))
    pool = pool_of(shop, budget=(folders["one"] / "model.safetensors").stat().st_size + 500_000)
    seen = {}
    for change in range(1, 101):
        said: list = []
        with pool.lease(cards[change % 3], said.append) as model:
            assert model.nbytes > 1_000_000
        assert isinstance(said[0], Loading) and list(pool.loaded()) == [cards[change % 3].id]
        shop.made.clear()
        if change in (20, 100):
            del model
            seen[change] = resident()
    assert seen[100] <= 1.05 * seen[20]
