"""Texts in channels, as gpt-oss writes them (OpenAI's harmony format): it thinks in one channel and answers in another."""

from __future__ import annotations

import re

MARK = re.compile(r"<\|(start|channel|message|end|return|call|constrain)\|>")
BEGUN = re.compile(r"<(?:\|(?:\w+\|?)?)?\Z")  # what may become a mark with the next tokens
SHOWN = "final"


def answer(text: str, *, done: bool = False) -> str:
    """What readers are shown of a new text that was decoded with its special tokens: the final channel's words, without
    marks; "" as long as the model only thinks. A text without channels is all answer. done: whether nothing more comes.

    What is shown of a text is the beginning of what is shown of any longer one, so that it can be streamed.
    """
    if not done:
        text = BEGUN.sub("", text)
    before, *rest = MARK.split(text)
    shown, channel = [before], SHOWN
    for mark, words in zip(rest[::2], rest[1::2], strict=True):
        if mark == "start":
            channel = SHOWN  # a message that names no channel is meant for readers
        elif mark == "channel":
            channel = words.strip().partition(" ")[0]
        elif mark == "message" and channel == SHOWN:
            shown.append(words)
    return "".join(shown)
