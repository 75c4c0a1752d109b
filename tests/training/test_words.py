"""The recipe of the starter text model, run on tiny made-up books."""

from __future__ import annotations

import json
import math
import random
import zipfile

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from playground.training import recipe
from playground.training.words import __main__ as words
from playground.training.words import data, evaluate, model


def write_pack(folder):
    """A stories pack with five short books of a few words, the held-out ones among them."""
    rng = random.Random(0)
    nouns = ["king", "fox", "river", "castle", "don't", "Dorothy's", "child", "moon"]
    titles = [*data.HELD_OUT, "The First Book", "The Second Book"]
    (folder / "stories").mkdir(parents=True)
    with zipfile.ZipFile(folder / "stories" / "texts.zip", "w") as archive:
        for number, title in enumerate(titles):
            lines = (
                f'"The {rng.choice(nouns)} saw the {rng.choice(nouns)}—twice," said {rng.choice(nouns)} {i}.'
                for i in range(200)
            )
            archive.writestr(f"texts/{number}.txt", f"{title}\n\n\n" + "\n\n".join(lines))
    rows = [json.dumps({"title": t, "author": f"Author {n}", "file": f"{n}.txt"}) for n, t in enumerate(titles)]
    (folder / "stories" / "metadata.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def options_of(folder, *more):
    return recipe.parse("words", minutes=1, stages=words.STAGES, argv=[
        "--data", str(folder / "pack"), "--work", str(folder / "work"), "--device", "cpu", "--smoke", *more,
    ])


@pytest.fixture
def pack(tmp_path):
    write_pack(tmp_path / "pack")
    return tmp_path


@pytest.fixture
def prepared(pack):
    """Options, training books and their tokenizer."""
    options = options_of(pack)
    training, _ = data.split(data.load_books(options.data))
    return options, training, data.load_tokenizer(options.work / "tokenizer", training, size=320)


def test_smoke_run_writes_a_folder_that_generates(pack):
    words.main(["--data", str(pack / "pack"), "--work", str(pack / "work"), "--device", "cpu", "--smoke"])
    out = pack / "work" / "out"
    facts = json.loads((out / "facts.json").read_text())
    assert facts["steps"] == model.SMOKE_STEPS
    assert facts["data"].startswith("2 public-domain")
    assert facts["measures"]["held_out_books"] == list(data.HELD_OUT)
    assert 0 < facts["measures"]["bits_per_byte"] < 9
    assert len(facts["samples"]) == 3
    tokenizer = AutoTokenizer.from_pretrained(out)
    network = AutoModelForCausalLM.from_pretrained(out)
    assert network.dtype == torch.float16
    assert network.generation_config.do_sample
    inputs = tokenizer("The king", return_tensors="pt")
    assert inputs["input_ids"][0, 0] == tokenizer.bos_token_id
    assert network.float().generate(**inputs, max_new_tokens=5).shape[1] > inputs["input_ids"].shape[1]

    words.main(["--data", str(pack / "pack"), "--work", str(pack / "work"), "--device", "cpu", "--smoke",
                "--stages", "evaluate"])
    assert json.loads((out / "facts.json").read_text()) == facts


def test_training_goes_on_from_the_checkpoint(prepared):
    options, training, tokenizer = prepared
    first, _ = model.train(options, tokenizer, training, most_steps=2)
    again, facts = model.train(options, tokenizer, training, most_steps=2)
    assert facts["steps"] == 2 and facts["loss"] is None
    for mine, other in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, other)
    longer, facts = model.train(options, tokenizer, training, most_steps=4)
    assert facts["steps"] == 4 and facts["tokens_seen"] == 4 * 1024
    assert not torch.equal(longer.model.embed_tokens.weight, first.model.embed_tokens.weight)


def test_text_survives_the_tokenizer(prepared):
    _, training, tokenizer = prepared
    text = 'CHAPTER 12\n\n\n"Don\'t—" he said.\n\n"Why  not?" étude\ttab 🐉'
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_batches_are_the_same_after_an_interruption(prepared):
    _, training, tokenizer = prepared
    corpus = data.load_corpus(tokenizer, training)
    whole = data.Batches(corpus, seed=3)
    steps = [whole(step, tokens=1024, length=64) for step in range(40)]
    assert all(rows.shape == (16, 65) and (rows[:, 0] == corpus.boundary).all() for rows in steps)
    assert np.array_equal(data.Batches(corpus, seed=3)(33, tokens=1024, length=64), steps[33])
    assert not np.array_equal(steps[0], steps[33])


def test_backward_has_the_gradient_of_the_mean_cross_entropy(prepared):
    _, training, tokenizer = prepared
    torch.manual_seed(0)
    network = model.build(tokenizer, smoke=True)
    rows = torch.randint(0, len(tokenizer), (3, 33))
    loss = model.backward(network, rows, scale=1.0)
    found = {name: p.grad.clone() for name, p in network.named_parameters()}
    network.zero_grad()
    logits = network(rows[:, :-1]).logits
    wanted = torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
    wanted.backward()
    assert loss == pytest.approx(wanted.item(), rel=1e-2)
    for name, p in network.named_parameters():
        assert (found[name] - p.grad).norm() <= 0.05 * p.grad.norm() + 1e-6, name


@pytest.mark.parametrize("count", [1, 8, 9, 50])
def test_windows_score_every_token_once(count):
    cuts = evaluate.windows(count, context=8, stride=4)
    assert [i for _, scored, end in cuts for i in range(scored, end)] == list(range(count))
    assert all(end - begin <= 8 and (scored == 0 or scored - begin >= 4) for begin, scored, end in cuts)


def test_a_uniform_model_needs_the_logarithm_of_its_vocabulary(prepared):
    _, training, tokenizer = prepared
    network = model.build(tokenizer, smoke=True).eval()
    torch.nn.init.zeros_(network.model.embed_tokens.weight)
    length, size = evaluate.bits_per_byte(network, tokenizer, training[0])
    tokens = len(tokenizer(training[0].text, add_special_tokens=False)["input_ids"])
    assert size == len(training[0].text.encode())
    assert length == pytest.approx(tokens * math.log2(len(tokenizer)), rel=1e-5)


def test_a_pack_without_the_held_out_books_is_refused():
    with pytest.raises(ValueError, match="The Wind in the Willows"):
        data.split([data.Book(title="Another", author="A", text="B")])
