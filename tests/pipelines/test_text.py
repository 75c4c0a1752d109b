"""The text adapter on tiny models: completion and chat, streaming, Stop, and what does not fit into the context."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from playground.catalog import ModelCard
from playground.errors import BadRequest
from playground.events import Notice, Stopped, Text, TextResult
from playground.pipelines import text
from playground.requests import TextGenerationRequest
from tests import tiny_text
from tests.fakes import CPU


def card(folder, *, chat=False):
    return ModelCard(
        id="tiny", title="Tiny", sentence="", bad_at="", tasks=frozenset({"text_generation"}), adapter="text",
        licence="", training_data="", memory=1, folder=folder, chat=chat,
    )


def ask(prompt="Once upon a time", **values):
    fields = {"seed": 1, "max_new_tokens": 20, "temperature": 1.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0}
    return TextGenerationRequest(prompt=prompt, **fields | values)


def run(model, request):
    events = []
    return model.run(request, events.append), events


def notices(events):
    return [event.text for event in events if isinstance(event, Notice)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    model = text.load(card(tiny_text.llama(tmp_path_factory.mktemp("llama"))), CPU)
    yield model
    model.close()
    assert model.network is None


@pytest.fixture(scope="module")
def chatting(tmp_path_factory):
    return text.load(card(tiny_text.chat_llama(tmp_path_factory.mktemp("chat")), chat=True), CPU)


@pytest.fixture
def seen(chatting, monkeypatch):
    """What the chat model was given to read, as text, run by run."""
    read = []
    generate = chatting.network.generate

    def listening(*, input_ids, **values):
        read.append(chatting.tokenizer.decode(input_ids[0]))
        return generate(input_ids=input_ids, **values)

    monkeypatch.setattr(chatting.network, "generate", listening)
    return read


def test_half_precision_weights_are_loaded_as_the_device_wants_them(tiny):
    assert tiny.dtype == "float32"
    assert {p.dtype for p in tiny.network.parameters()} == {torch.float32}
    assert tiny.nbytes >= sum(4 * p.numel() for p in tiny.network.parameters())


def test_a_run_streams_growing_text_and_ends_with_all_of_it(tiny):
    result, events = run(tiny, ask(max_new_tokens=60))
    assert isinstance(result, TextResult)
    assert result.tokens == 60
    assert {type(event) for event in events} == {Text}
    assert all(b.text.startswith(a.text) and b.tokens >= a.tokens for a, b in zip(events, events[1:], strict=False))
    assert (events[-1].text, events[-1].tokens) == (result.text, 60)
    assert set(result.timings) == {"encode", "generate"}
    assert min(result.timings.values()) > 0


def test_the_same_seed_gives_the_same_text_and_another_one_another(tiny):
    first, again, other = (run(tiny, ask(seed=seed))[0].text for seed in (3, 3, 4))
    assert first == again != other


def test_temperature_zero_takes_the_likeliest_whatever_the_seed(tiny):
    texts = {run(tiny, ask(temperature=0, top_p=0.9, top_k=5, seed=seed))[0].text for seed in (1, 2, 3)}
    assert len(texts) == 1
    assert texts == {run(tiny, ask(top_k=1))[0].text}


def test_top_k_zero_draws_from_all_tokens(tiny):
    drawn = run(tiny, ask(max_new_tokens=200, temperature=2, top_k=0))[0].text
    assert len(set(drawn)) > len(set(run(tiny, ask(max_new_tokens=200, temperature=2, top_k=2))[0].text))


def test_a_request_that_leaves_all_to_the_model_runs(tiny):
    result, _ = run(tiny, TextGenerationRequest(prompt="The", seed=1))
    assert result.tokens == text.NEW_TOKENS


def test_spaces_after_the_prompt_change_nothing_but_line_ends_do(tiny):
    plain, spaces, line = (tiny.completion(f"Once{end}").tolist() for end in ("", "  ", "\n"))
    assert plain == spaces != line
    assert run(tiny, ask("Once"))[0].text == run(tiny, ask("Once  "))[0].text


def test_stop_passes_through_and_the_next_run_is_as_if_nothing_had_been(tiny):
    calm, _ = run(tiny, ask())

    def stop(event):
        raise Stopped

    with pytest.raises(Stopped):
        tiny.run(ask(), stop)
    assert run(tiny, ask())[0].text == calm.text


def test_a_long_prompt_is_cut_at_its_beginning_and_said(tiny):
    result, events = run(tiny, ask("x" * 400 + " and the end", max_new_tokens=100))
    assert result.tokens == 100
    assert notices(events) == ["The text is longer than Tiny can read, so its first 257 tokens were left out."]
    ids, new = tiny.fitted(tiny.completion("x" * 400 + " and the end"), 100, events.append)
    assert ids.shape == (1, tiny_text.CONTEXT - 100) and new == 100
    assert tiny.tokenizer.decode(ids[0]).startswith("<|story|>xx")
    assert tiny.tokenizer.decode(ids[0]).endswith(" and the end")


def test_more_new_tokens_than_the_context_holds_are_cut_and_said(tiny):
    result, events = run(tiny, ask("Once", max_new_tokens=2_000))
    assert result.tokens == tiny_text.CONTEXT - len("Once") - 1
    assert notices(events) == ["Tiny can keep 256 tokens in mind, so at most 251 new ones are made."]


def test_learned_positions_are_never_passed(tmp_path):
    model = text.load(card(tiny_text.gpt2(tmp_path)), CPU)
    result, events = run(model, ask("y" * 700, max_new_tokens=500))
    assert result.tokens == tiny_text.CONTEXT // 2
    assert len(notices(events)) == 2


def test_the_space_before_the_first_new_word_is_kept_where_the_tokenizer_would_drop_it(tmp_path):
    model = text.load(card(tiny_text.llama(tmp_path, tokenizer=tiny_text.metaspace_tokenizer())), CPU)
    result, _ = run(model, ask("once upon a", temperature=0, max_new_tokens=4))
    assert result.text.startswith(" ")
    assert len(result.text.split()) == 4


class Ticking:
    """A clock that moves a second at every look, so that every token is told."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        self.now += 1
        return self.now


def test_a_character_is_held_back_until_all_its_bytes_are_there(monkeypatch):
    monkeypatch.setattr(text, "time", Ticking())
    tokenizer, told = tiny_text.byte_tokenizer(opens=False), []
    stream = text.Stream(tokenizer=tokenizer, emit=told.append)
    stream.put(tokenizer("Der Bär", return_tensors="pt").input_ids)
    for token in tokenizer(" mag €, 🍯").input_ids[:-1]:
        stream.put(torch.tensor([token]))
    stream.end()
    grown = [event.text for event in told]
    assert grown[5:9] == [" mag ", " mag ", " mag €", " mag €,"]
    assert stream.text == " mag €, "
    assert not any("\N{REPLACEMENT CHARACTER}" in part for part in grown)
    assert [event.tokens for event in told[:-1]] == list(range(1, len(told)))


def test_bytes_that_are_no_character_do_not_stop_the_text():
    tokenizer, told = tiny_text.byte_tokenizer(opens=False), []
    stream = text.Stream(tokenizer=tokenizer, emit=told.append)
    stream.put(torch.tensor([[1]]))
    bad = tokenizer("🍯").input_ids[:2]
    for token in [*bad, *bad, *bad, *bad, *tokenizer("ok").input_ids]:
        stream.put(torch.tensor([token]))
    stream.end()
    assert stream.text.endswith("ok")


def test_a_chat_is_given_with_its_turns_and_without_thinking(chatting, seen):
    result, events = run(chatting, ask("And you?", history=(("user", "Hi"), ("assistant", "Hello."))))
    assert seen == [
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"
        "<|im_start|>user\nAnd you?<|im_end|>\n<|im_start|>assistant\n[calm]"
    ]
    assert result.tokens == 20 and notices(events) == []


def test_an_answer_that_was_begun_is_gone_on_with(chatting, seen):
    request = ask("Hi", history=(("user", "Hi"), ("assistant", "Hello, I")))
    assert request.continues
    run(chatting, request)
    assert seen == ["<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello, I"]


def test_an_answer_that_was_stopped_before_its_first_word_is_begun_anew(chatting, seen):
    request = ask("Hi", history=(("user", "Hi"), ("assistant", " ")))
    assert not request.continues
    run(chatting, request)
    assert seen == ["<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n[calm]"]


def test_of_a_long_chat_the_oldest_turns_are_left_out_and_that_is_said(chatting, seen):
    history = [turn for i in range(5) for turn in (("user", f"question {i}"), ("assistant", f"answer {i}"))]
    _, events = run(chatting, ask("last one", history=tuple(history), max_new_tokens=128))
    assert notices(events) == ["Tiny cannot keep so long a chat in mind, so its first 6 turns were left out."]
    assert seen[0].startswith("<|im_start|>user\nquestion 3<|im_end|>")
    assert seen[0].endswith("last one<|im_end|>\n<|im_start|>assistant\n[calm]")


def test_a_single_question_that_is_too_long_is_cut(chatting):
    result, events = run(chatting, ask("z" * 900, max_new_tokens=50))
    assert result.tokens == 50
    assert len(notices(events)) == 1


def test_turns_that_the_template_refuses_are_a_sentence(chatting, monkeypatch):
    monkeypatch.setattr(chatting.tokenizer, "chat_template", "{{ raise_exception('roles must alternate') }}")
    with pytest.raises(BadRequest, match="out of order"):
        run(chatting, ask("Hi"))


def test_a_chat_card_without_a_template_completes(tiny):
    bare = dataclasses.replace(tiny.card, chat=True)
    model = text.TextModel(card=bare, network=tiny.network, tokenizer=tiny.tokenizer, dtype="float32")
    assert run(model, ask())[0].text == run(tiny, ask())[0].text


def test_loading_and_running_say_nothing_on_stderr(tmp_path, capfd):
    model = text.load(card(tiny_text.llama(tmp_path)), CPU)
    capfd.readouterr()
    run(model, ask())
    run(model, ask(temperature=0))
    text.load(card(tmp_path), CPU)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("family", ["gpt2", "qwen", "gemma", "gpt_oss"])
def test_other_families_stream_and_repeat_themselves_for_a_seed(tmp_path, family):
    model = text.load(card(getattr(tiny_text, family)(tmp_path)), CPU)
    result, events = run(model, ask())
    assert result.tokens == 20 and events[-1] == Text(text=result.text, tokens=20)
    assert run(model, ask())[0].text == result.text != run(model, ask(seed=2))[0].text


@pytest.fixture
def made(tiny, monkeypatch):
    """The ids that the tiny model was given and those that it made, run by run."""
    kept, generate = [], tiny.network.generate

    def listening(*, input_ids, **values):
        whole = generate(input_ids=input_ids, **values)
        kept.append((input_ids[0].tolist(), whole[0].tolist()[input_ids.shape[1] :]))
        return whole

    monkeypatch.setattr(tiny.network, "generate", listening)
    return kept


def test_a_long_run_told_token_by_token_equals_its_tokens_decoded_at_once(tiny, made, monkeypatch):
    monkeypatch.setattr(text, "EMIT_SECONDS", 0.0)
    result, events = run(tiny, ask(max_new_tokens=240, temperature=1.5))
    assert [event.tokens for event in events if isinstance(event, Text)] == [*range(1, 240), 239]
    whole = tiny.tokenizer.decode(made[0][1], skip_special_tokens=True)
    assert result.text == whole.rstrip(text.UNFINISHED)
    assert text.UNFINISHED in result.text  # random bytes are often no characters: hard ones were seen
    told = [event.text for event in events if isinstance(event, Text)]
    assert not any(part.endswith(text.UNFINISHED) for part in told)
    assert all(b.startswith(a) for a, b in zip(told, told[1:], strict=False))


@pytest.mark.parametrize("answer", [
    "crème brûlée, naïve", "漢字かな交じり文", "👩‍👩‍👧‍👦 and 🏳️‍🌈.", "  two  blanks \n\n lines\t", "don 't , .",
])
def test_pieces_of_text_add_up_to_it(answer, monkeypatch):
    monkeypatch.setattr(text, "EMIT_SECONDS", 0.0)
    tokenizer, told = tiny_text.byte_tokenizer(opens=False), []
    stream = text.Stream(tokenizer=tokenizer, emit=told.append)
    stream.put(tokenizer("Ünd dann", return_tensors="pt").input_ids)
    for token in tokenizer(answer).input_ids:
        stream.put(torch.tensor([token]))
    stream.end()
    assert stream.text == answer
    assert all(answer.startswith(event.text) for event in told)


def test_temperature_zero_is_the_networks_likeliest_token(tiny, made):
    run(tiny, ask(temperature=0, max_new_tokens=1))
    given, new = made[0]
    with torch.inference_mode():
        assert new == [int(tiny.network(torch.tensor([given])).logits[0, -1].argmax())]


def test_the_repetition_penalty_reaches_the_network(tiny):
    plain, pushed = (run(tiny, ask(temperature=0, repetition_penalty=p, max_new_tokens=60))[0].text for p in (1, 2))
    assert plain != pushed


def test_an_end_of_the_networks_own_gives_fewer_tokens(tiny, made, monkeypatch):
    run(tiny, ask(max_new_tokens=10))
    end = made[0][1][4]
    monkeypatch.setattr(tiny.network.generation_config, "eos_token_id", end)
    assert run(tiny, ask(max_new_tokens=10))[0].tokens == made[0][1].index(end) + 1


@pytest.mark.parametrize("prompt", ["a", "é", "👍", "\u200bx", "中文", "<|im_start|> and on", "{{ x }}", "two\n\n"])
def test_odd_prompts_are_read_to_their_end(tiny, made, prompt):
    assert run(tiny, ask(prompt, max_new_tokens=3))[0].tokens == 3
    assert tiny.tokenizer.decode(made[0][0]) == "<|story|>" + prompt


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("context", [2, 8])
def test_a_tiny_context_still_answers(tmp_path, family, context):
    model = text.load(card(getattr(tiny_text, family)(tmp_path, context=context)), CPU)
    for length in range(1, context + 3):
        result, events = run(model, ask("x" * length, max_new_tokens=50))
        assert 1 <= result.tokens <= max(context - length, context // 2)
        assert notices(events)


def test_the_same_question_after_another_answer_is_a_new_turn(chatting, seen):
    history = (("user", "Hi"), ("assistant", "Hello."), ("user", "More"), ("assistant", "No."))
    run(chatting, ask("Hi", history=history))
    assert seen[0].count("<|im_start|>user\nHi<|im_end|>") == 2


@pytest.fixture
def on_gpu(monkeypatch):
    """The models act as on a graphics card; the library compiles on none here."""
    monkeypatch.setattr(text.TextModel, "takes_static", True)


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen", "gemma", "gpt_oss"])
def test_a_static_cache_gives_the_same_tokens(tmp_path, on_gpu, family):
    model = text.load(card(getattr(tiny_text, family)(tmp_path)), CPU)
    for seed in (1, 2):
        exact, events = run(model, ask(seed=seed))
        assert exact.used == () and not notices(events)
        fast, events = run(model, ask(seed=seed, acceleration="fast"))
        assert fast.text == exact.text and fast.tokens == exact.tokens == 20
        if model.static:
            assert fast.used == ("static cache, compiled",)
            assert notices(events) == (["Tiny is being made faster for this computer, so this first run takes longer."
                                        " The next ones are quicker."] if seed == 1 else [])
    assert model.static or family == "qwen", "linear attention may have no such cache"


def test_caches_come_in_few_sizes(on_gpu, tmp_path, monkeypatch):
    assert [text.bucket(n, 10_000) for n in (1, 512, 513, 1024, 5000, 9000)] == [512, 512, 1024, 1024, 8192, 10_000]
    model, asked = text.load(card(tiny_text.llama(tmp_path, context=700)), CPU), []
    generate = model.network.generate
    monkeypatch.setattr(model.network, "generate", lambda **values: (asked.append(values), generate(**values))[1])
    for length in (10, 300, 600):
        run(model, ask("x" * length, acceleration="fastest"))
    assert [values["max_cache_len"] for values in asked] == [512, 512, 700]
    assert {values["cache_implementation"] for values in asked} == {"static"}
    run(model, ask())
    assert not {"cache_implementation", "max_cache_len"} & asked[-1].keys()


def test_where_a_static_cache_fails_the_text_is_written_all_the_same(tmp_path, on_gpu, monkeypatch):
    model = text.load(card(tiny_text.llama(tmp_path)), CPU)
    exact = run(model, ask())[0]
    generate = model.network.generate

    def failing(*, streamer, input_ids, **values):
        if values.get("cache_implementation"):
            streamer.put(input_ids)
            streamer.put(torch.tensor([7]))
            raise ValueError("no static cache")
        return generate(streamer=streamer, input_ids=input_ids, **values)

    monkeypatch.setattr(model.network, "generate", failing)
    result, events = run(model, ask(acceleration="fast"))
    assert (result.text, result.used, model.static) == (exact.text, (), False)
    assert notices(events)[-1] == "Tiny cannot write with a static cache here, so it writes as usual."


@pytest.mark.parametrize("error", [Stopped(), torch.OutOfMemoryError("full")])
def test_stop_and_a_full_memory_are_no_fault_of_the_cache(tmp_path, on_gpu, monkeypatch, error):
    model = text.load(card(tiny_text.llama(tmp_path)), CPU)

    def ending(**values):
        raise error

    monkeypatch.setattr(model.network, "generate", ending)
    with pytest.raises(type(error)):
        run(model, ask(acceleration="fast"))
    assert model.static is not False


def test_on_a_cpu_fast_is_exact(tiny):
    exact, fast = (run(tiny, ask(acceleration=speed))[0] for speed in ("exact", "fast"))
    assert not tiny.takes_static and (exact.text, exact.used) == (fast.text, fast.used)


def test_of_a_text_in_channels_only_the_answer_is_told():
    """The marks come as special tokens; what is shown only grows, and the thinking never shows."""
    pieces = [
        "<|start|>", "assistant", "<|channel|>", "analysis", "<|message|>", "Hm,", " two?", "<|end|>", "<|start|>", "assistant",
        "<|channel|>", "final", "<|message|>", "Two", " and", " two.", "<|return|>",
    ]

    class Marked:
        def decode(self, ids, *, skip_special_tokens, clean_up_tokenization_spaces):
            return "".join(pieces[i] for i in ids if not (skip_special_tokens and pieces[i].startswith("<|")))

    told = []
    stream = text.Stream(tokenizer=Marked(), emit=told.append, channels=True)
    stream.put(torch.tensor([[0, 1]]))  # the prompt ends as the chat template does
    for token in range(2, len(pieces)):
        stream._told = None  # as if time enough had passed since the last event
        stream.put(torch.tensor([token]))
    stream.end()
    shown = [event.text for event in told]
    assert stream.text == shown[-1] == "Two and two." and not any("Hm" in one for one in shown)
    assert shown[-4:] == ["Two and", "Two and two.", "Two and two.", "Two and two."] and "Two" in shown
