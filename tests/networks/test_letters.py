"""The network from letters to phones: what it reads from its places, and what it keeps in its folder."""

from __future__ import annotations

import pytest
import torch

from playground.networks import letters
from playground.networks.letters import ALPHABET, FRAMES, Letters, ids_of

PHONES = ("ae1", "k", "s", "t")


def small(**changes) -> Letters:
    torch.manual_seed(0)
    return Letters(**{"phones": PHONES, "width": 16, "layers": 2} | changes).eval()


def test_each_letter_has_places_with_probabilities():
    numbers, lengths = ids_of(["cat", "a"])
    scores = small()(numbers, lengths)
    assert scores.shape == (2, FRAMES * 3, 1 + len(PHONES))
    torch.testing.assert_close(scores.exp().sum(-1), torch.ones(2, FRAMES * 3))


def test_letters_are_numbered_from_one_and_filled_up_with_zero():
    numbers, lengths = ids_of(["az", "b"])
    assert numbers.tolist() == [[1, len(ALPHABET)], [2, 0]]
    assert lengths.tolist() == [2, 1]


@pytest.mark.parametrize(("places", "expected"), [
    ([], ()), ([0, 0], ()), ([2, 1, 0, 4], ("k", "ae1", "t")), ([2, 2, 1, 1], ("k", "ae1")), ([3, 0, 3], ("s", "s")),
])
def test_repeated_places_are_one_phone_and_empty_ones_none(places, expected):
    assert small().read(places) == expected


def test_a_word_is_said_the_same_alone_and_among_others():
    network = small()
    words = ["tack", "a", "scatter", "tack", "x"]
    together = network.say(words)
    assert together == [network.say([word])[0] for word in words]
    assert together[0] == together[3]


def test_what_is_no_letter_is_passed_over():
    network = small()
    assert network.say(["", "'", "123", "é"]) == [(), (), (), ()]
    assert network.say(["Ta-ck's"]) == network.say(["tacks"])
    assert network.say([]) == []


def test_it_can_learn_a_few_words():
    torch.manual_seed(0)
    network = Letters(phones=PHONES, width=32, layers=1)
    words, targets = ["cat", "tack", "sat", "at"], [[2, 1, 4], [4, 1, 2], [3, 1, 4], [1, 4]]
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    numbers, lengths = ids_of(words)
    for _ in range(120):
        loss = torch.nn.functional.ctc_loss(
            network(numbers, lengths).transpose(0, 1), torch.tensor(sum(targets, [])), FRAMES * lengths,
            torch.tensor([len(target) for target in targets]),
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert network.eval().say(words) == [tuple(PHONES[i - 1] for i in target) for target in targets]


def test_it_comes_back_from_its_folder_in_half_precision(tmp_path):
    network = small()
    letters.save(network, tmp_path / "voice")
    again = letters.load(tmp_path / "voice")
    assert (again.phones, again.width, again.layers, again.training) == (PHONES, 16, 2, False)
    for first, second in zip(network.parameters(), again.parameters(), strict=True):
        assert second.dtype == torch.float32
        torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-3)
    size = (tmp_path / "voice" / letters.WEIGHTS).stat().st_size
    assert size < 2.2 * sum(p.numel() for p in network.parameters()) + 4000
