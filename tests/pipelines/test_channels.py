"""Thoughts stay hidden: of a text in channels only the final one is shown, however far it has come."""

from __future__ import annotations

import pytest

from playground.pipelines.channels import answer

WHOLE = (
    "<|channel|>analysis<|message|>They greet me. final<|end|><|start|>assistant<|channel|>commentary to=x<|message|>{}<|call|>"
    "<|start|>assistant<|channel|>final<|message|>Hello, 1 < 2 and <b>!<|return|>"
)
SAID = "Hello, 1 < 2 and <b>!"


@pytest.mark.parametrize(("text", "said"), [
    (WHOLE, SAID), ("", ""), ("Plain words <| and all.", "Plain words <| and all."),
    ("<|channel|>analysis<|message|>It goes on", ""), ("<|start|>assistant<|message|>No channel<|end|>", "No channel"),
    ("<|channel|>final <|constrain|>json<|message|>{}<|return|>", "{}"),
])
def test_only_the_answer_is_shown(text: str, said: str) -> None:
    assert answer(text, done=True) == said


def test_what_is_shown_only_grows() -> None:
    told = [answer(WHOLE[:length]) for length in range(len(WHOLE) + 1)]
    assert all(later.startswith(sooner) for sooner, later in zip(told, told[1:], strict=False))
    assert told[WHOLE.index("Hello")] == "" and told[WHOLE.index("Hello") + 5] == "Hello" and told[-1] == SAID


def test_an_unfinished_mark_waits() -> None:
    assert answer("Well <|ret") == answer("Well <") == "Well " and answer("Well <", done=True) == "Well <"
