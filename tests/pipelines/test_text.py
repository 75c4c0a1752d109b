"""The text adapter on tiny random models: completion, chat, streaming, sampling, Stop, and texts that are too long."""

import pytest
import torch

from playground.catalog import ModelCard
from playground.device import Device
from playground.errors import BadRequest
from playground.events import Notice, Stopped, Text
from playground.pipelines import text
from playground.requests import TextGenerationRequest
from tests import tiny_text

CPU = Device(name="cpu", title="CPU", free_memory=10**10, dtype="float32", threads=1)
FAMILIES = ("llama", "gpt2", "qwen", "gemma", "gpt_oss")
UNFINISHED = "\N{REPLACEMENT CHARACTER}"


def loaded(folder, *, chat=False):
    card = ModelCard(
        id="tiny", title="Tiny", sentence="", bad_at="", tasks=frozenset({"text_generation"}), adapter="text",
        licence="", training_data="", memory=1, folder=folder, chat=chat,
    )
    return text.load(card, CPU)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Each family's folder by name, made when first asked for."""
    made, root = {}, tmp_path_factory.mktemp("text")

    def folder(name, **changes):
        key = name + "".join(f"_{k}_{v}" for k, v in changes.items())
        if key not in made:
            made[key] = getattr(tiny_text, name)(root / key, **changes)
        return made[key]

    return folder


@pytest.fixture(scope="module")
def llama(folders):
    return loaded(folders("llama"))


@pytest.fixture(scope="module")
def talker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("talker")
    return loaded(tiny_text.llama(folder, made=tiny_text.tokenizer(chat=True)), chat=True)


def ask(prompt="Once upon a time", **values):
    values = {
        "max_new_tokens": 24, "temperature": 0.8, "top_p": 0.95, "top_k": 50, "repetition_penalty": 1.0, "seed": 5,
    } | values
    return TextGenerationRequest(prompt=prompt, model="tiny", **values)


def run(model, request):
    events = []
    return model.run(request, events.append), events


def notices(events):
    return [e.text for e in events if isinstance(e, Notice)]


class Recorder:
    """Stands before a network's generate and keeps the ids that it was given and the ids that came back."""

    def __init__(self, monkeypatch, model):
        generate = model.network.generate

        def kept(**values):
            self.values, self.given = values, values["input_ids"][0].tolist()
            out = generate(**values)
            self.made = out[0].tolist()[len(self.given):]
            return out

        monkeypatch.setattr(model.network, "generate", kept)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_streams_its_text_and_repeats_itself_for_a_seed(folders, family):
    model = loaded(folders(family))
    result, events = run(model, ask())
    told = [e for e in events if isinstance(e, Text)]
    assert result.tokens == 24 and result.text
    assert told[-1] == Text(text=result.text, tokens=24)
    assert set(result.timings) == {"encode", "generate"} and min(result.timings.values()) > 0
    assert run(model, ask())[0].text == result.text
    assert run(model, ask(seed=6))[0].text != result.text
    assert model.nbytes > 1000 and model.dtype == "float32"


def test_text_grows_and_is_never_cut_within_a_character(llama, monkeypatch):
    monkeypatch.setattr(text, "EMIT_SECONDS", 0.0)
    result, events = run(llama, ask(max_new_tokens=200, temperature=1.5))
    told = [e for e in events if isinstance(e, Text)]
    assert len(told) == 201  # once a token, and the end
    assert [e.tokens for e in told] == [*range(1, 201), 200]
    for earlier, later in zip(told, told[1:], strict=False):
        assert later.text.startswith(earlier.text)
        assert not later.text.endswith(UNFINISHED)
    assert told[-1].text == result.text
    assert UNFINISHED in result.text  # random bytes are mostly no characters: the test has seen hard ones


@pytest.mark.parametrize("answer", [
    "plain words, and more of them.", "crème brûlée, naïve", "漢字かな交じり文", "👩‍👩‍👧‍👦 family 🏳️‍🌈", "  two  blanks \n\n lines\t",
    "don 't stop , please .",
])
@pytest.mark.parametrize("kind", ["bytes", "merges", "sentencepiece"])
def test_pieces_add_up_to_the_text_decoded_at_once(answer, kind):
    tokenizer = {
        "bytes": tiny_text.tokenizer, "merges": lambda: tiny_text.tokenizer(words="plain words and more of them " * 9),
        "sentencepiece": tiny_text.sentencepiece_tokenizer,
    }[kind]()
    prompt = "the other words"
    asked, whole = tokenizer(prompt).input_ids, tokenizer(prompt + answer).input_ids
    assert whole[: len(asked)] == asked or kind == "merges"
    asked, made = whole[: len(asked)], whole[len(asked):]
    told = []
    stream = text.Stream(tokenizer=tokenizer, emit=told.append)
    stream.put(torch.tensor([asked]))
    for token in made:
        stream._told = None  # every token is told
        stream.put(torch.tensor([token]))
    stream.end()
    before = tokenizer.decode(asked, clean_up_tokenization_spaces=False)
    assert stream.text == tokenizer.decode(whole, clean_up_tokenization_spaces=False)[len(before):]
    assert stream.count == len(made)
    assert not any(e.text.endswith(UNFINISHED) for e in told)


def test_a_space_at_the_start_of_an_answer_stays():
    tokenizer = tiny_text.sentencepiece_tokenizer()
    stream = text.Stream(tokenizer=tokenizer, emit=lambda event: None)
    stream.put(torch.tensor([tokenizer("the").input_ids]))
    stream.put(torch.tensor([tokenizer.convert_tokens_to_ids("▁the")]))
    stream.end()
    assert stream.text == " the"


def test_words_that_come_fast_are_told_together(llama):
    events = run(llama, ask(max_new_tokens=100))[1]
    assert len(events) < 100


def test_a_long_run_equals_its_tokens_decoded_at_once(llama, monkeypatch):
    seen = Recorder(monkeypatch, llama)
    result, _ = run(llama, ask(max_new_tokens=230, temperature=1.2))
    assert len(seen.made) == 230
    assert result.text == llama.tokenizer.decode(seen.made, skip_special_tokens=True).rstrip(UNFINISHED)


def test_temperature_0_takes_the_likeliest_token_whatever_the_seed(llama, monkeypatch):
    first, second = (run(llama, ask(temperature=0, seed=seed))[0].text for seed in (1, 2))
    assert first == second
    seen = Recorder(monkeypatch, llama)
    run(llama, ask(temperature=0, max_new_tokens=1))
    with torch.inference_mode():
        logits = llama.network(torch.tensor([seen.given])).logits
    assert seen.made == [int(logits[0, -1].argmax())]


def test_top_k_0_turns_that_cut_off_and_1_leaves_one_choice(llama):
    greedy = run(llama, ask(temperature=0))[0].text
    assert run(llama, ask(top_k=1, temperature=2.0, top_p=1.0))[0].text == greedy
    free = {run(llama, ask(top_k=0, top_p=1.0, temperature=2.0, seed=s))[0].text for s in range(3)}
    assert len(free) == 3


def test_fields_left_open_are_the_models_own(llama):
    open_fields = dict.fromkeys(("max_new_tokens", "temperature", "top_p", "top_k", "repetition_penalty"))
    result, _ = run(llama, ask(**open_fields))
    assert result.tokens == text.NEW_TOKENS


def test_the_repetition_penalty_reaches_the_network(llama):
    plain, pushed = (run(llama, ask(temperature=0, repetition_penalty=p, max_new_tokens=60))[0].text for p in (1.0, 2.0))
    assert plain != pushed


class Stop:
    """An emit that stops at a Text of `after` tokens and more."""

    def __init__(self, after):
        self.after = after

    def __call__(self, event):
        if isinstance(event, Text) and event.tokens >= self.after:
            raise Stopped


@pytest.mark.parametrize("after", [1, 5])
def test_stop_ends_the_run_and_the_next_one_is_as_ever(llama, monkeypatch, after):
    monkeypatch.setattr(text, "EMIT_SECONDS", 0.0)
    expected = run(llama, ask())[0].text
    with pytest.raises(Stopped):
        llama.run(ask(), Stop(after))
    assert run(llama, ask())[0].text == expected


@pytest.mark.parametrize("ending", [" ", "   ", "\t"])
def test_blanks_at_the_end_of_a_prompt_change_nothing(llama, ending):
    assert run(llama, ask("Once upon a time" + ending))[0].text == run(llama, ask("Once upon a time"))[0].text


def test_a_line_end_at_the_end_of_a_prompt_is_read(llama, monkeypatch):
    seen = Recorder(monkeypatch, llama)
    run(llama, ask("Chapter 1\n\n"))
    assert llama.tokenizer.decode(seen.given).endswith("Chapter 1\n\n")


def test_one_letter_and_odd_letters_work(llama):
    for prompt in ("a", "é", "👍", "\u200bx", "中文", "<|endoftext|> and on", "{{ x }}"):
        assert run(llama, ask(prompt, max_new_tokens=3))[0].tokens == 3


def test_an_early_end_gives_fewer_tokens_and_no_mark(llama, monkeypatch):
    seen = Recorder(monkeypatch, llama)
    result = run(llama, ask(temperature=0, max_new_tokens=10))[0]
    third = seen.made[2]
    position = seen.made.index(third)
    monkeypatch.setattr(llama.network.generation_config, "eos_token_id", third)
    assert run(llama, ask(temperature=0, max_new_tokens=10))[0].tokens == position + 1 <= 3 < result.tokens


def test_a_prompt_longer_than_the_context_loses_its_beginning_and_says_so(llama, monkeypatch):
    seen = Recorder(monkeypatch, llama)
    prompt = "".join(chr(97 + i % 26) for i in range(1000))
    result, events = run(llama, ask(prompt))
    assert result.tokens == 24
    assert len(seen.given) == 256 - 24
    assert prompt.endswith(llama.tokenizer.decode(seen.given))
    assert notices(events) == [f"The text is longer than Tiny can read, so its first {1000 - 232} tokens were left out."]


def test_more_new_tokens_than_the_context_holds_are_capped_and_said(llama):
    result, events = run(llama, ask("abc", max_new_tokens=2000))
    assert result.tokens == 256 - 3
    assert notices(events) == ["Tiny can keep 256 tokens in mind, so at most 253 new ones are made."]


def test_a_long_prompt_and_a_long_answer_share_the_context(llama, monkeypatch):
    seen = Recorder(monkeypatch, llama)
    result, events = run(llama, ask("x" * 1000, max_new_tokens=2000))
    assert (len(seen.given), result.tokens) == (128, 128)
    assert len(notices(events)) == 2


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("context", [2, 8])
def test_a_tiny_context_still_answers(folders, family, context):
    model = loaded(folders(family, context=context))
    for length in range(1, context + 3):
        result, events = run(model, ask("x" * length, max_new_tokens=50))
        assert 1 <= result.tokens <= max(context - length, context // 2)
        assert notices(events)


def test_the_mark_of_the_beginning_survives_a_cut(tmp_path, monkeypatch):
    made = tiny_text.sentencepiece_tokenizer()
    from tokenizers.processors import TemplateProcessing

    made.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", made.bos_token_id)])
    model = loaded(tiny_text.llama(tmp_path, made=made, context=32))
    seen = Recorder(monkeypatch, model)
    run(model, ask("the other " * 30, max_new_tokens=8))
    assert len(seen.given) == 24 and seen.given[0] == made.bos_token_id
    assert made.bos_token_id not in seen.given[1:]


def templated(model, turns, **values):
    return model.tokenizer.apply_chat_template(turns, tokenize=False, **values)


def test_a_chat_is_told_with_its_history(talker, monkeypatch):
    seen = Recorder(monkeypatch, talker)
    history = (("user", "Hello."), ("assistant", "Good day."))
    result, events = run(talker, ask("Who are you?", history=history))
    expected = templated(talker, [
        {"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": "Who are you?"},
    ], add_generation_prompt=True)
    assert talker.tokenizer.decode(seen.given) == expected
    assert expected.endswith("<|im_start|>assistant\n")
    assert result.tokens == 24 and not notices(events)


def test_going_on_with_an_answer_reads_on_from_it(talker, monkeypatch):
    seen = Recorder(monkeypatch, talker)
    history = (("user", "Count."), ("assistant", "One, two,"))
    run(talker, ask("Count.", history=history))
    read = talker.tokenizer.decode(seen.given)
    assert read.endswith("<|im_start|>assistant\nOne, two,")
    assert read.count("Count.") == 1


def test_the_same_question_again_after_another_answer_is_a_new_turn(talker, monkeypatch):
    seen = Recorder(monkeypatch, talker)
    history = (("user", "Count."), ("assistant", "One."), ("user", "Again."), ("assistant", "Two."))
    run(talker, ask("Count.", history=history))
    assert talker.tokenizer.decode(seen.given).count("Count.") == 2


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_an_answer_that_was_stopped_before_its_first_word_is_begun_again(talker, monkeypatch, empty):
    seen = Recorder(monkeypatch, talker)
    run(talker, ask("Count.", history=(("user", "Count."), ("assistant", empty))))
    assert talker.tokenizer.decode(seen.given) == templated(
        talker, [{"role": "user", "content": "Count."}], add_generation_prompt=True
    )


def test_a_chat_too_long_for_the_context_loses_its_oldest_turns(talker, monkeypatch):
    seen = Recorder(monkeypatch, talker)
    history = tuple(turn for i in range(9) for turn in (("user", f"Question {i}?"), ("assistant", f"Answer {i}.")))
    result, events = run(talker, ask("And now?", history=history))
    read = talker.tokenizer.decode(seen.given)
    assert read.startswith("<|im_start|>user\nQuestion ")
    assert "Question 8?" in read and "Question 0?" not in read and read.count("And now?") == 1
    kept = read.count("<|im_start|>") - 2
    assert notices(events) == [f"Tiny cannot keep so long a chat in mind, so its first {18 - kept} turns were left out."]
    assert result.tokens == 24


def test_a_question_longer_than_the_context_is_cut(talker, monkeypatch):
    seen = Recorder(monkeypatch, talker)
    result, events = run(talker, ask("why " * 400))
    assert result.tokens == 24 and len(seen.given) == 232
    assert talker.tokenizer.decode(seen.given).endswith("<|im_start|>assistant\n")
    assert len(notices(events)) == 1


def test_turns_out_of_order_are_refused_in_words(talker):
    with pytest.raises(BadRequest, match="out of order") as caught:
        run(talker, ask("And?", history=(("user", "One."),)))
    assert caught.value.field == "history"


def test_a_model_without_a_template_only_goes_on(folders, monkeypatch):
    model = loaded(folders("llama"), chat=True)
    seen = Recorder(monkeypatch, model)
    run(model, ask("Once", history=(("user", "Hello."), ("assistant", "Hi."))))
    assert model.tokenizer.decode(seen.given) == "Once"


def test_closing_frees_the_weights(folders):
    model = loaded(folders("llama"))
    model.close()
    assert model.network is None and model.tokenizer is None
