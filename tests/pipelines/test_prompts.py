"""The token counter says what the models really read: the same number, limit and cut as the loaded pipelines."""

from __future__ import annotations

import shutil

import pytest
import torch

from playground import pipelines
from playground.catalog import ModelCard, cards
from playground.pipelines import prompts
from playground.pipelines.prompts import Tokens, count, what_is_cut
from tests import tiny_diffusion, tiny_flow, tiny_text
from tests.pipelines.test_loras import CPU, card

LIMITS = {  # of the tiny tokenizers: a family's limit, and how many tokens stand around the words
    "sd": (tiny_diffusion.stable_diffusion, 77, 2), "sdxl": (tiny_diffusion.stable_diffusion_xl, 77, 2),
    "flux": (tiny_flow.flux, None, None), "z_image": (tiny_diffusion.z_image, 512, None),
    "qwen_image": (tiny_flow.qwen_image, 512, None), "klein": (tiny_diffusion.flux2_klein, 512, None),
}


@pytest.fixture(scope="module", params=LIMITS)
def family(request, tmp_path_factory):
    build, limit, around = LIMITS[request.param]
    return build(tmp_path_factory.mktemp(request.param) / "model"), limit, around


def test_the_count_is_the_loaded_pipelines_own(family):
    folder, limit, around = family
    given = card(folder, "")
    empty = count(given, "")
    assert empty.cut == "" and (limit is None or empty.limit == limit) and (around is None or empty.used == around)
    pipe = pipelines.load(given, CPU).pipe("text_to_image")
    for words in (1, 20, 150):
        text = "abcd " * words
        found = count(given, text)
        told = what_is_cut(pipe, text, field="prompt")
        assert found.limit == empty.limit and found.used > empty.used
        assert bool(found.cut) == (found.used > found.limit) == bool(told)
        assert text.endswith(found.cut)
        if found.cut:
            lost = len(found.cut.split())
            assert told == f"The text (prompt) is too long for this model: its last {lost} words had no effect."
            kept = count(given, text.removesuffix(found.cut))
            assert kept.cut == "" and kept.used <= kept.limit


def test_the_tokenizer_that_reads_the_most_counts(tmp_path):
    folder = tiny_flow.flux(tmp_path / "model")
    text = "a " * 60  # 60 tokens for CLIP, more for the other, which reads as many as the pipeline lets it
    found = count(card(folder, ""), text)
    pipe = pipelines.load(card(folder, ""), CPU).pipe("text_to_image")
    own = pipe.tokenizer_2(text, add_special_tokens=True).input_ids
    widest = max(77, min(pipe.tokenizer_2.model_max_length, 512))
    assert found.limit == widest
    assert found.used == (len(own) if widest != 77 else len(pipe.tokenizer(text).input_ids))


@pytest.mark.parametrize("chat", [False, True])
def test_a_text_model_counts_to_its_context_less_the_answer(tmp_path, chat):
    build = tiny_text.chat_llama if chat else tiny_text.llama
    given = ModelCard(
        id="tiny", title="Tiny", sentence="", bad_at="", tasks=frozenset({"text_generation"}), adapter="text", licence="",
        training_data="", memory=1, folder=build(tmp_path), chat=chat, defaults={"max_new_tokens": 56},
    )
    model = pipelines.load(given, CPU)
    if chat:
        whole = model.templated([{"role": "user", "content": "x" * 50}], False)
    else:
        whole = model.completion("x" * 50)
    assert count(given, "x" * 50) == Tokens(used=whole.shape[1], limit=tiny_text.CONTEXT - 56, cut="")
    around = whole.shape[1] - 50
    long = count(given, "y" * 5 + "x" * (200 - around))
    assert long == Tokens(used=205, limit=200, cut="y" * 5)
    if not chat:
        told = []
        model.fitted(torch.zeros(1, 205, dtype=torch.long), 56, told.append)
        assert told[0].text == "The text is longer than Tiny can read, so its first 5 tokens were left out."


def test_other_models_and_models_that_are_not_here_have_no_count(tmp_path):
    nothing = Tokens(used=0, limit=0, cut="")
    elsewhere = card(tmp_path, "", repository="a/b")
    for given in (
        *(c for c in cards() if c.adapter in ("upscale", "speech")), card(tmp_path / "nowhere", ""), elsewhere,
        card(None, ""),
    ):
        assert count(given, "words") == nothing


def test_the_starters_count():
    starters = {c.id: c for c in cards() if c.starter}
    assert count(starters["pictures"], "a red apple") == Tokens(used=5, limit=32, cut="")
    words = count(starters["words"], "Once upon a time")
    assert 0 < words.used < words.limit and not words.cut


def test_a_tokenizer_is_read_once(tmp_path):
    given = card(tiny_diffusion.stable_diffusion(tmp_path / "model"), "")
    first = count(given, "a red apple")
    shutil.rmtree(tmp_path / "model")
    assert count(given, "a red apple") == first
    assert prompts.reader_of.cache_info().maxsize == prompts.KEPT


def test_a_folder_that_is_mended_counts(tmp_path):
    folder = tiny_diffusion.stable_diffusion(tmp_path / "model")
    index = (folder / "model_index.json").read_text()
    (folder / "model_index.json").write_text(index[:-30])
    assert count(card(folder, ""), "a red apple").limit == 0
    (folder / "model_index.json").write_text(index)
    assert count(card(folder, ""), "a red apple").limit == 77
