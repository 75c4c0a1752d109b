"""Which models stay in memory: the least recently used goes, a busy one never, and a failed load harms nobody."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from playground.errors import ModelBroken, OutOfMemory, PlaygroundError
from playground.events import Loading, Notice, Stopped
from playground.footprints import Footprints
from playground.residents import Memory, Resident
from tests.fakes import CPU, GPU, PATIENCE, FakeMemory, FakeModel, PlacedModel, Shop, card, pool_of, wait_until

SIZES = {"one": 10, "two": 20, "three": 30, "four": 40}
CARDS = {name: card(name, memory=size) for name, size in SIZES.items()}


def shop_of(**options) -> Shop:
    """Models whose weights are as large as their cards say."""
    return Shop(lambda card: FakeModel(nbytes=card.memory), **options)


def use(pool, *names: str) -> list:
    """Leases models one after the other; what the pool said meanwhile."""
    said = []
    for name in names:
        with pool.lease(CARDS[name], said.append):
            pass
    return said


def test_a_model_is_loaded_once_and_said_so_once():
    shop = shop_of()
    pool = pool_of(shop, budget=100)
    assert pool.loaded() == {}
    assert use(pool, "one", "one") == [Loading(title="One")]
    assert len(shop.made["one"]) == 1


def test_the_longest_unused_goes_first_and_no_more_than_needed():
    shop = shop_of()
    pool = pool_of(shop, budget=60)
    use(pool, "one", "two", "three")
    use(pool, "one")  # now two is the longest unused
    said = use(pool, "four")
    assert list(pool.loaded()) == ["one", "four"]  # 10 + 40; without three (30) it would not fit, two (20) went first
    assert [type(event) for event in said] == [Loading, Notice, Notice]
    assert shop.made["two"][0].closed and shop.made["three"][0].closed
    assert not shop.made["one"][0].closed


def test_a_busy_model_never_goes():
    shop = shop_of()
    pool = pool_of(shop, budget=60)
    with pool.lease(CARDS["one"], lambda event: None) as busy:  # the longest unused, but busy
        use(pool, "two", "three", "four")
        assert not busy.closed
        assert list(pool.loaded()) == ["one", "four"]
        assert not pool.unload("one")
        pool.close()
        assert list(pool.loaded()) == ["one"]
    assert pool.unload("one") and busy.closed
    assert not pool.unload("one")
    assert not pool.unload("nobody")


def test_the_budget_is_kept_at_every_moment():
    shop = shop_of()
    pool = pool_of(shop, budget=60)
    for name in ("four", "one", "three", "two", "four", "two", "one", "three"):
        with pool.lease(CARDS[name], lambda event: None):
            assert sum(pool.loaded().values()) <= 60


def test_room_is_made_for_what_a_model_really_takes():
    shop = Shop(lambda card: FakeModel(nbytes=3 * card.memory))
    pool = pool_of(shop, budget=60)
    said = use(pool, "one", "two")  # 30 and then 60, where 20 was expected
    assert pool.loaded() == {"two": 60}
    assert [type(event) for event in said] == [Loading, Loading, Notice]


def test_a_failing_load_leaves_the_others_usable_and_the_next_one_works():
    shop = shop_of(fails={"two": OSError("/home/somebody/model.safetensors is broken")})
    pool = pool_of(shop, budget=100)
    use(pool, "one")
    with pytest.raises(PlaygroundError) as caught:
        use(pool, "two")
    assert "/home" not in str(caught.value) and str(caught.value).startswith("Two ")
    assert list(pool.loaded()) == ["one"]
    assert use(pool, "one") == []
    assert use(pool, "two") == [Loading(title="Two")]
    assert pool.unload("one") and pool.unload("two")  # nothing is held by the load that failed


def test_a_sentence_of_the_adapter_comes_through_as_it_is():
    broken = ModelBroken("Two has a damaged file.")
    pool = pool_of(shop_of(fails={"two": broken}), budget=100)
    with pytest.raises(ModelBroken) as caught:
        use(pool, "two")
    assert caught.value is broken


def test_a_model_too_large_for_the_machine_is_refused_before_anything_is_put_away():
    shop = shop_of()
    pool = pool_of(shop, budget=5_000_000_000)
    use(pool, "one")
    with pytest.raises(OutOfMemory, match=r"^Giant needs 7\.0 GB of memory and this machine can give 5\.0 GB\. Choose"):
        with pool.lease(card("giant", memory=7_000_000_000), lambda event: None):
            raise AssertionError("a model that does not fit was leased")
    assert "giant" not in shop.made
    assert list(pool.loaded()) == ["one"]


def test_a_model_that_does_not_fit_beside_a_busy_one_is_refused_until_that_is_done():
    pool = pool_of(shop_of(), budget=60)
    with pool.lease(CARDS["four"], lambda event: None):
        with pytest.raises(OutOfMemory, match="^Three does not fit beside the models that work now"):
            use(pool, "three")
        assert pool.loaded() == {"four": 40}
    use(pool, "three")
    assert pool.loaded() == {"three": 30}


def test_a_model_is_not_loaded_again_before_its_old_copy_is_gone():
    closing, go = threading.Event(), threading.Event()

    class Slow(FakeModel):
        def close(self) -> None:
            closing.set()
            assert go.wait(PATIENCE)
            super().close()

    order = []

    def make(card):
        order.append([model.closed for model in shop.made.get("one", [])])
        return Slow()

    shop = Shop(make)
    pool = pool_of(shop, budget=60)
    use(pool, "one")
    away = threading.Thread(target=pool.unload, args=("one",))
    away.start()
    assert closing.wait(PATIENCE)
    again = threading.Thread(target=use, args=(pool, "one"))
    again.start()
    wait_until(lambda: pool._entries["one"].users == 1, what="the second lease")
    again.join(0.1)  # time in which a pool that does not wait would load
    go.set()
    away.join(PATIENCE)
    again.join(PATIENCE)
    assert order == [[], [True]]


def test_the_device_gives_the_budget_where_none_is_set():
    pool = pool_of(shop_of())
    assert pool.budget == pool.device.budget == 4_000_000_000


def test_idle_models_are_put_away_and_fresh_or_busy_ones_stay():
    use(pool := pool_of(shop_of(), budget=100), "one")
    assert pool.unload_idle() == []
    pool.idle_seconds = -1
    with pool.lease(CARDS["two"], lambda event: None):
        assert pool.unload_idle() == ["one"]
        assert list(pool.loaded()) == ["two"]
    assert pool.unload_idle() == ["two"]


def test_a_model_loaded_for_somebody_who_left_stays_for_the_next():
    """Stop comes while the model loads, and room must be made again because it is larger than its card said."""
    shop = Shop(lambda card: FakeModel(nbytes=3 * card.memory))
    pool = pool_of(shop, budget=60)
    use(pool, "one")

    def leave(event) -> None:
        if isinstance(event, Notice):
            raise Stopped

    with pytest.raises(Stopped):
        with pool.lease(CARDS["two"], leave):
            raise AssertionError("nobody listens any more")
    assert pool.loaded() == {"two": 60}
    assert use(pool, "two") == []
    assert len(shop.made["two"]) == 1


def test_leases_and_unloads_from_many_threads_never_meet():
    shop = Shop(lambda card: FakeModel(nbytes=card.memory))
    pool = pool_of(shop, budget=1_000, idle_seconds=-1)
    cards = [card(f"card-{i}", memory=1) for i in range(200)]
    wrong: list[BaseException] = []
    ended = threading.Event()

    def lease() -> None:
        try:
            for one in cards:
                with pool.lease(one, lambda event: None) as model:
                    assert not model.closed
        except BaseException as error:
            wrong.append(error)

    def sweep() -> None:
        try:
            while not ended.is_set():
                pool.unload_idle()
                pool.loaded()
        except BaseException as error:
            wrong.append(error)

    leasing = [threading.Thread(target=lease) for _ in range(4)]
    sweeping = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in leasing + sweeping:
        thread.start()
    for thread in leasing:
        thread.join(PATIENCE)
    ended.set()
    for thread in sweeping:
        thread.join(PATIENCE)
    assert not wrong
    assert sum(not m.closed for made in shop.made.values() for m in made) == len(pool.loaded())


# On a GPU: what must leave waits in RAM


def placed(memory: FakeMemory, **sizes) -> Shop:
    """Models of their cards' sizes in fake memory."""
    return Shop(lambda card, device: PlacedModel(memory, device.placement, nbytes=card.memory, **sizes), placed=True)


def places(pool) -> dict[str, str]:
    """Where each model is."""
    return {resident.id: resident.place for resident in pool.memory().residents}


@pytest.fixture
def gpu():
    """A pool on a GPU that gives 80 bytes beside 140 of RAM, its memory, and the shop."""
    memory = FakeMemory(100)
    shop = placed(memory)
    return pool_of(shop, device=GPU), memory, shop


def test_the_longest_unused_goes_to_ram_and_comes_back_without_a_load(gpu):
    pool, memory, shop = gpu
    use(pool, "one", "three", "four")
    assert places(pool) == {"one": "device", "three": "device", "four": "device"} and memory.taken == 80
    said = use(pool, "two")
    assert [type(event) for event in said] == [Loading, Notice, Notice] and "waits in RAM" in said[1].text
    assert places(pool) == {"one": "ram", "three": "ram", "four": "device", "two": "device"} and memory.taken == 60
    said = use(pool, "one")
    assert said == [Loading(title="One")] and places(pool)["one"] == "device"
    assert shop.made["one"][0].moves == ["pinned", "wake"] and len(shop.made["one"]) == 1


def test_ram_is_page_locked_only_while_there_is_twice_the_room():
    """Three times 40 bytes fit into 140, and beside the second one twice the third does not."""
    shop = placed(FakeMemory(100))
    pool = pool_of(shop, device=GPU)
    cards = [card(name, memory=40) for name in "abcde"]
    for one in cards:
        with pool.lease(one, lambda event: None):
            pass
    moves = {name: made[0].moves for name, made in shop.made.items()}
    assert moves == {"a": ["pinned"], "b": ["pinned"], "c": ["rest"], "d": [], "e": []}


def test_what_waits_in_ram_leaves_for_what_was_used_later(gpu):
    pool, memory, shop = gpu
    cards = {name: card(name, memory=60) for name in "abcd"}
    for name in "abcd":
        with pool.lease(cards[name], lambda event: None):
            pass
    assert places(pool) == {"b": "ram", "c": "ram", "d": "device"} and shop.made["a"][0].closed
    with pool.lease(cards["b"], lambda event: None):  # while d comes, b is still there, and there is no room for c
        assert places(pool) == {"d": "ram", "b": "device"} and memory.taken == 60


def test_a_model_too_large_for_ram_goes_away_and_a_newer_one_stays():
    shop = placed(FakeMemory(100))
    pool = pool_of(shop, device=replace(GPU, ram=50))  # 35 bytes for those that wait
    said = use(pool, "four", "three", "two", "one")
    assert places(pool) == {"three": "device", "two": "device", "one": "device"} and shop.made["four"][0].closed
    assert [event.text for event in said if isinstance(event, Notice)] == ["Another model was put away to make room for Two."]


def test_a_model_that_cannot_rest_or_wake_is_put_away_and_loaded_anew(gpu):
    pool, memory, shop = gpu
    use(pool, "one", "four")
    shop.made["one"][0].rest = lambda pin: 1 / 0
    use(pool, "three", "two")
    assert "one" not in pool.loaded() and shop.made["one"][0].closed
    memory.fails["wake"] = 1
    use(pool, "four")
    assert len(shop.made["four"]) == 2 and shop.made["four"][0].closed
    assert sum(model.held for made in shop.made.values() for model in made) == memory.taken


def test_models_that_know_no_rest_are_put_away_on_a_gpu_too():
    shop = shop_of()
    pool = pool_of(shop, device=GPU)
    use(pool, "one", "three", "four", "two")
    assert shop.made["one"][0].closed and set(places(pool).values()) == {"device"}


def test_a_model_whose_parts_take_turns_stands_in_ram_and_its_part_on_the_device_while_it_runs():
    memory = FakeMemory(100)
    pool = pool_of(placed(memory, part=50), device=GPU)
    large = replace(card("large", memory=120), adapter="diffusion", largest=50)
    with pool.lease(large, lambda event: None) as model:
        assert model.placement == "offload"
        assert pool.memory() == Memory(total=80, used=50, residents=(
            Resident(id="large", bytes=50, place="device", busy=True), Resident(id="large", bytes=120, place="ram", busy=True),
        ))
    assert pool.memory().used == 0 and places(pool) == {"large": "ram"}
    use(pool, "four")
    assert pool.memory().used == 40
    with pool.lease(large, lambda event: None):
        assert pool.memory().used == 50 and "four" not in pool.loaded()  # 120 + 40 are more than RAM gives


def test_memory_says_what_is_where_before_during_and_after():
    pool = pool_of(shop := shop_of(gate=(gate := threading.Event())), budget=60)
    assert pool.memory() == Memory(total=60, used=0)
    thread = threading.Thread(target=use, args=(pool, "two"))
    thread.start()
    assert shop.loading.wait(PATIENCE)
    assert pool.memory() == Memory(total=60, used=20, residents=(Resident(id="two", bytes=20, place="device", busy=True),))
    gate.set()
    thread.join(PATIENCE)
    use(pool, "one")
    assert [(r.id, r.bytes, r.busy) for r in pool.memory().residents] == [("two", 20, False), ("one", 10, False)]
    with pool.lease(CARDS["two"], lambda event: None):
        assert pool.free() == 10
        assert pool.memory().used == 20
    assert pool.free() == 20 and pool.free() == 0 and pool.memory() == Memory(total=60, used=0)


def test_memory_asks_for_no_device():
    pool = pool_of(shop_of())
    assert pool.memory() == Memory(total=0, used=0) and pool.known_device is None
    assert pool.device.budget == pool.memory().total


def test_free_empties_ram_too(gpu):
    pool, memory, _ = gpu
    use(pool, "one", "three", "four", "two")
    assert pool.free() == 100 and memory.taken == 0 and pool.loaded() == {}


def test_what_other_programs_took_is_seen_before_each_load():
    free = [100]
    shop = placed(memory := FakeMemory(100))
    pool = pool_of(shop, device=GPU, measure=lambda device: replace(device, free_memory=free[0]))
    use(pool, "one", "three")
    free[0] = 55  # of which 44 may be taken
    use(pool, "two")
    assert pool.memory().total == 44 and places(pool) == {"one": "ram", "three": "ram", "two": "device"}
    assert memory.taken == 20


def test_measured_footprints_replace_what_the_card_says(tmp_path):
    kept = tmp_path / "footprints.json"
    shop = Shop(lambda card: FakeModel(nbytes=3 * card.memory))
    pool = pool_of(shop, budget=100, footprints=Footprints(kept))
    use(pool, "two")
    pool = pool_of(shop, budget=29, footprints=Footprints(kept))  # half of what there is
    with pytest.raises(OutOfMemory, match="^Two needs 60 bytes of memory and this machine can give 29 bytes"):
        use(pool, "two")
    said = use(pool, "one")
    assert said[0] == Loading(title="One") and pool.loaded() == {"one": 30}


def test_what_is_larger_than_its_card_said_is_told_and_works_again():
    shop = Shop(lambda card: FakeModel(nbytes=2 * card.memory))
    pool = pool_of(shop, budget=60)
    use(pool, "one")
    told = Notice(
        text="Four takes 80 bytes of memory, more than the 60 bytes set aside for models here, so no other one stays beside it."
    )
    for _ in range(2):
        said = use(pool, "four")
        assert said[-1] == told and pool.loaded() == {"four": 80}
        assert pool.memory().total == 60
        assert pool.free() == 80
    with pool.lease(CARDS["one"], lambda event: None):
        with pytest.raises(OutOfMemory, match="beside the models that work now"):
            use(pool, "four")


def test_a_model_of_half_precision_that_loads_in_full_is_seen_before():
    shop = Shop(lambda card: FakeModel(nbytes=2 * card.memory))
    own = replace(card("own-llama", memory=67_700_000), bits=16)
    with pytest.raises(OutOfMemory, match=r"needs 135 MB of memory and this machine can give 90 MB\."):
        with pool_of(shop, budget=90_000_000).lease(own, lambda event: None):
            raise AssertionError("leased")
    with pool_of(shop, budget=140_000_000).lease(own, lambda event: None) as model:
        assert model.nbytes == 135_400_000


def test_what_other_programs_took_of_the_ram_is_seen_and_what_models_hold_is_not_counted_twice():
    available = [70]
    computer = replace(CPU, free_memory=120)  # of which models may take 60
    pool = pool_of(shop_of(), device=computer, measure=lambda device: replace(device, available=available[0]))
    use(pool, "one", "two")
    assert pool.loaded() == {"one": 10, "two": 20} and pool.budget == 60
    available[0] = 5
    use(pool, "three")  # 5 and the 30 that are held already
    assert pool.loaded() == {"three": 30} and pool.budget == 35 and pool.memory().total == 60


@pytest.mark.parametrize(("others", "advice"), [
    ((), "Choose a smaller model."), (("four",), "Choose a smaller model."),
    (("one", "three", "two"), "Choose Three, which fits."),
])
def test_where_nothing_fits_the_largest_other_that_does_is_named(others, advice):
    pool = pool_of(shop_of(), budget=35)
    with pytest.raises(OutOfMemory) as caught:
        with pool.lease(CARDS["four"], lambda event: None, others=[CARDS[name] for name in others]):
            raise AssertionError("leased")
    assert str(caught.value).startswith("Four needs 40 bytes") and str(caught.value).endswith(advice)


def test_ram_that_is_too_small_for_taking_turns_is_said():
    pool = pool_of(shop_of(), device=replace(GPU, free_memory=10_000_000_000, ram=10_000_000_000))
    large = replace(card("large", memory=20_000_000_000), adapter="diffusion", largest=6_000_000_000)
    with pytest.raises(OutOfMemory, match=r"^Large needs 20\.0 GB of RAM beside the GPU and this machine can give 7\.0 GB\."):
        with pool.lease(large, lambda event: None):
            raise AssertionError("leased")


def test_two_loads_at_once_do_not_take_the_same_room():
    gate = threading.Event()
    pool = pool_of(shop := shop_of(gate=gate), budget=60)
    first = threading.Thread(target=use, args=(pool, "four"))
    first.start()
    assert shop.loading.wait(PATIENCE)
    with pytest.raises(OutOfMemory, match="beside the models that work now"):
        use(pool, "three")
    gate.set()
    first.join(PATIENCE)
    assert list(pool.loaded()) == ["four"]


def test_leases_rests_and_unloads_from_many_threads_keep_an_exact_account():
    """Four threads want five models of which two fit on the device and three more into RAM, while others free and look."""
    memory = FakeMemory(1_000)  # the budget is the pool's own matter here; what is taken must add up at the end
    shop = placed(memory)
    pool = pool_of(shop, device=GPU, idle_seconds=-1)
    cards = [card(f"card-{i}", memory=30) for i in range(5)]
    wrong: list[BaseException] = []
    ended = threading.Event()

    def lease(first: int) -> None:
        try:
            for turn in range(60):
                try:
                    with pool.lease(cards[(first + turn) % 5], lambda event: None) as model:
                        assert not model.closed and model.held == 30
                except OutOfMemory:  # the others work with what is there
                    pass
        except BaseException as error:
            wrong.append(error)

    def look() -> None:
        try:
            while not ended.is_set():
                known = pool.memory()
                assert known.used == sum(r.bytes for r in known.residents if r.place == "device") <= 80
                pool.unload_idle()
        except BaseException as error:
            wrong.append(error)

    leasing = [threading.Thread(target=lease, args=(i,)) for i in range(4)]
    looking = threading.Thread(target=look)
    for thread in (*leasing, looking):
        thread.start()
    for thread in leasing:
        thread.join(PATIENCE)
    ended.set()
    looking.join(PATIENCE)
    assert not wrong
    assert memory.taken == sum(m.held for made in shop.made.values() for m in made) == pool.memory().used
    pool.close()
    assert memory.taken == 0 and pool.loaded() == {}
