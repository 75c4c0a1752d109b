"""Which models stay in memory: the least recently used goes, a busy one never, and a failed load harms nobody."""

from __future__ import annotations

import threading

import pytest

from playground.errors import ModelBroken, OutOfMemory, PlaygroundError
from playground.events import Loading, Notice, Stopped
from tests.fakes import PATIENCE, FakeModel, Shop, card, pool_of, wait_until

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
