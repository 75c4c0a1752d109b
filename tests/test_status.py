"""What is said under a result: what was used, LoRAs with their weights, and the same as facts for the HTTP API."""

from __future__ import annotations

import pytest
from PIL import Image

from playground.catalog import cards
from playground.events import AudioResult, Done, ImagesResult, TextResult
from playground.requests import SuperResolutionRequest, TextGenerationRequest, TextToImageRequest
from playground.status import facts_of, made_by

CARD = cards()[0]
PICTURE = Image.new("RGB", (8, 8))


def done(result):
    return Done(
        result=result, model=CARD.id, seed=1, timings={"denoise": 1.0}, device="CPU", dtype="float32", threads=1,
        peak_memory=1,
    )


def test_what_was_used_is_said_and_told():
    request = TextToImageRequest(prompt="a", loras=[("<ink>", 0.5)])
    ended = done(ImagesResult(images=(PICTURE,), used=("<ink> at 0.5", "first-block cache")))
    assert "Used: &lt;ink&gt; at 0.5, first-block cache." in made_by(CARD, ended)
    facts = facts_of(CARD, ended, request)
    assert facts["used"] == ["<ink> at 0.5", "first-block cache"] and facts["loras"] == [["<ink>", 0.5]]


@pytest.mark.parametrize(("result", "request_", "keys"), [
    (TextResult(text="a", tokens=1), TextGenerationRequest(prompt="a"), {"used"}),
    (ImagesResult(images=(PICTURE,)), TextToImageRequest(prompt="a"), {"used", "loras"}),
    (ImagesResult(images=(PICTURE,)), SuperResolutionRequest(image=PICTURE), {"used"}),
])
def test_nothing_is_said_where_nothing_was_used(result, request_, keys):
    assert "Used" not in made_by(CARD, done(result))
    facts = facts_of(CARD, done(result), request_)
    assert {key: facts[key] for key in ("used", "loras") if key in facts} == {key: [] for key in keys}


def test_speech_is_said_as_before():
    import numpy as np

    assert "Used" not in made_by(CARD, done(AudioResult(samples=np.zeros(8, np.float32), sample_rate=8, timings={"a": 1.0})))
