"""The HTTP API as its users meet it: a real server, gradio_client, the six endpoints, and every example of the page."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground import api, page
from playground.catalog import ModelCard, cards
from playground.errors import BadRequest
from playground.images import open_image
from playground.requests import AUDIO_FORMATS, REQUESTS, Request
from playground.shelf import Shelf
from playground.sounds import CODECS, encode
from tests import tiny_speech
from tests.fakes import FakeModel, engine_of

SOUNDS = {"text_to_speech"}
SPOKEN = {"voice", "audio_seconds", "real_time_factor", "exact_words", "words"}
DEFAULTLESS = {"prompt", "text", "image", "mask"}
FACTS = {
    "model", "title", "training_data", "licence", "seed", "seconds", "timings", "device", "dtype", "threads", "peak_memory",
    "notices",
}
BY_TASK = {request.task: request for request in REQUESTS}


@pytest.fixture(scope="module")
def served(server, tmp_path_factory):
    """A page like `server`, whose first voice is a tiny one that says it could copy others."""
    from tests.served import serving

    folder = tmp_path_factory.mktemp("served")
    with serving((tiny_voice(folder), *(c for c in cards() if c.id != "voice")), folder, port=49_700) as running:
        yield running


def tiny_voice(folder: Path, **more: Any) -> ModelCard:
    """The card of a tiny random voice under the name of the request's default."""
    return ModelCard(
        id="voice", title="Tiny voice", sentence="Hums.", bad_at="Words.", tasks=frozenset({"text_to_speech"}),
        adapter="speech", licence="none", training_data="nothing", memory=1_000_000, voices=("Ann", "Bea"),
        folder=tiny_speech.vits(folder / "voice"), **{"options": {"clones": True}} | more,
    )


@pytest.fixture(scope="module")
def client(served, tmp_path_factory):
    from gradio_client import Client

    made = Client(served.address, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))
    yield made
    made.close()


def file(path: Path | str) -> Any:
    from gradio_client import handle_file

    return handle_file(str(path))


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(5).integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    return Image.fromarray(values, mode)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Small pictures: image.png, and mask.png with a white box."""
    folder = tmp_path_factory.mktemp("files")
    mask = Image.new("L", (60, 40))
    mask.paste(255, (20, 10, 45, 30))
    made = {"image": noise(60, 40), "mask": mask, "black": Image.new("L", (60, 40)), "other": Image.new("L", (61, 40), 255)}
    for name, picture in made.items():
        picture.save(folder / f"{name}.png")
    (folder / "words.png").write_text("these are words", encoding="utf8")
    (folder / "cut.png").write_bytes((folder / "image.png").read_bytes()[:900])
    (folder / "mine.flac").write_bytes(encode(np.sin(np.arange(32_000) / 9) / 2, 16_000, "flac"))
    return {path.stem: path for path in folder.iterdir()}


def sent(values: dict[str, Any], files: dict[str, Path]) -> dict[str, Any]:
    """Values as the client takes them: a file by its name in `files`."""
    return values | {name: file(files[values[name]]) for name in api.FILES if values.get(name)}


def needed(request: type[Request]) -> dict[str, Any]:
    """Values for the fields that have no default."""
    values = {"prompt": "a red apple", "text": "good morning. the kettle is on.", "image": "image", "mask": "mask"}
    return {f.name: values[f.name] for f in dataclasses.fields(request) if f.default is dataclasses.MISSING}


def test_the_parameters_are_exactly_the_requests_fields(client):
    listed = client.view_api(return_format="dict", print_info=False)
    assert set(listed["named_endpoints"]) == {f"/{task}" for task in BY_TASK}, "a button's handler is public"
    assert not listed["unnamed_endpoints"]
    for task, request in BY_TASK.items():
        told = {p["parameter_name"]: p for p in listed["named_endpoints"][f"/{task}"]["parameters"]}
        fields = {f.name: f for f in dataclasses.fields(request)}
        assert set(told) == set(fields)
        for name, parameter in told.items():
            assert parameter["parameter_has_default"] is (name not in DEFAULTLESS), (task, name)
            if name not in DEFAULTLESS:
                default = fields[name].default
                assert parameter["parameter_default"] == ([] if default == () else default), (task, name)


@pytest.mark.parametrize("name", ["run", "run_1", "chosen", "on_canvas", "lambda", "from_edit"])
def test_handlers_of_the_page_cannot_be_called_by_name(client, name):
    with pytest.raises(ValueError, match="Cannot find a function"):
        client.predict(api_name=f"/{name}")


def check_delivered(task: str, result: Any, facts: dict[str, Any], request: type[Request]) -> None:
    """The result is of its kind, and the facts are about it."""
    drawn = {"sizes", "used", "loras"}
    extra = {"text_generation": {"used"}, "text_to_speech": SPOKEN, "super_resolution": drawn - {"loras"}}.get(task, drawn)
    assert set(facts) == FACTS | extra | ({"changed_outside"} if task == "inpainting" else set())
    assert facts["model"] == next(f for f in dataclasses.fields(request) if f.name == "model").default
    assert facts["seconds"] > 0 and facts["device"] == "CPU" and facts["timings"]
    assert isinstance(facts["seed"], int) and 0 <= facts["seed"] < 2**31
    if task == "text_generation":
        assert isinstance(result, str) and result
    elif task in SOUNDS:
        import soundfile

        samples, rate = soundfile.read(result)
        assert rate == 16_000 and len(samples) and samples.ndim == 1
        assert facts["audio_seconds"] == pytest.approx(len(samples) / rate, abs=0.1)
        assert facts["real_time_factor"] > 0 and facts["voice"] in ("Ann", "Bea")
        check_words(facts)
    else:
        paths = result if isinstance(result, list) else [result]
        assert isinstance(result, list) is (task != "super_resolution")
        for path, size in zip(paths, facts["sizes"], strict=True):
            with Image.open(path) as picture:
                assert picture.format == "PNG" and list(picture.size) == size and not picture.text
    assert facts.get("changed_outside", 0) == 0


def check_words(facts: dict[str, Any]) -> None:
    """All words of the text, one after the other within the speech."""
    words = facts["words"]
    assert [word.strip(".") for word, _, _ in words] == needed(BY_TASK["text_to_speech"])["text"].replace(".", "").split()
    times = [moment for _, start, end in words for moment in (start, end)]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= facts["audio_seconds"] + 0.001
    assert isinstance(facts["exact_words"], bool)


@pytest.mark.parametrize("task", BY_TASK)
def test_an_endpoint_with_defaults_only(client, files, task):
    request = BY_TASK[task]
    result, facts = client.predict(**sent(needed(request), files), api_name=f"/{task}")
    check_delivered(task, result, facts, request)


DRAWN = {
    "model": "pictures", "seed": 3, "negative_prompt": "blurry", "steps": 2, "guidance_scale": 2.5, "width": 128,
    "height": 128, "scheduler": "Euler", "num_images": 2, "loras": [], "acceleration": "fastest",
}
CHANGED = DRAWN | {"strength": 0.9}
ALL_FIELDS = {
    "text_generation": {
        "model": "words", "seed": 3, "max_new_tokens": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 7,
        "repetition_penalty": 1.2, "history": [{"role": "user", "content": "hello"}], "acceleration": "fast",
    },
    "text_to_image": DRAWN | {"variation": 0.3, "to_prompt": "", "to_seed": None, "frames": 3},
    "image_to_image": CHANGED,
    "inpainting": CHANGED | {"feather": 2},
    "super_resolution": {"model": "sharpen", "seed": 3, "scale": 4, "tile": 32},
    "text_to_speech": {
        "model": "voice", "seed": 3, "voice": "Bea", "speed": 1.5, "pitch": 0, "pauses": 2, "format": "flac",
        "reference": "mine", "consent": True,
    },
}


def delivered_bytes(task: str, result: Any) -> Any:
    """What came back, to compare."""
    if task == "text_generation":
        return result
    return [Path(path).read_bytes() for path in (result if isinstance(result, list) else [result])]


@pytest.mark.parametrize("task", BY_TASK)
def test_an_endpoint_with_all_fields_gives_the_same_again(client, files, task):
    request, values = BY_TASK[task], sent(needed(BY_TASK[task]) | ALL_FIELDS[task], files)
    assert set(values) == {f.name for f in dataclasses.fields(request)}
    result, facts = client.predict(**values, api_name=f"/{task}")
    check_delivered(task, result, facts, request)
    assert facts["seed"] == 3
    if "num_images" in values:
        assert len(result) == 2
    if task == "super_resolution":
        assert facts["sizes"] == [[240, 160]]
    again, _ = client.predict(**values, api_name=f"/{task}")
    assert delivered_bytes(task, again) == delivered_bytes(task, result)


@pytest.mark.parametrize("end", [{"to_prompt": "a pear"}, {"to_seed": 9}, {"to_prompt": "a pear", "to_seed": 9}])
def test_a_strip_is_delivered_as_its_frames(client, end):
    strip, facts = client.predict(prompt="a red apple", seed=3, steps=2, frames=3, **end, api_name="/text_to_image")
    check_delivered("text_to_image", strip, facts, BY_TASK["text_to_image"])
    assert facts["seed"] == 3 and len({Path(path).read_bytes() for path in strip}) == 3


BAD = [
    ("text_generation", {"prompt": ""}), ("text_generation", {"prompt": "x" * 2001}), ("text_generation", {"temperature": 5}),
    ("text_generation", {"max_new_tokens": 801}), ("text_generation", {"max_new_tokens": 1.5}),
    ("text_generation", {"history": [["robot", "beep"]]}), ("text_generation", {"history": {"a": 1}}),
    ("text_generation", {"model": "no-such-model"}), ("text_generation", {"model": "../../secrets"}),
    ("text_generation", {"model": "pictures"}), ("text_generation", {"seed": -2}),
    ("text_to_image", {"steps": 0}), ("text_to_image", {"steps": 61}), ("text_to_image", {"width": 256}),
    ("text_to_image", {"scheduler": "Magic"}), ("text_to_image", {"num_images": 5}),
    ("text_to_image", {"num_images": 99}), ("text_to_image", {"loras": [["None such", 1]]}),
    ("inpainting", {"loras": [["a", 3]]}), ("text_generation", {"acceleration": "warp"}),
    ("text_to_image", {"num_images": 2, "to_seed": 5}), ("text_to_image", {"to_seed": -1}),
    ("text_to_image", {"frames": 2}), ("text_to_image", {"variation": 1.1}),
    ("image_to_image", {"image": None}), ("image_to_image", {"steps": 4, "strength": 0.1}),
    ("inpainting", {"mask": None}), ("inpainting", {"mask": "black"}), ("inpainting", {"mask": "other"}),
    ("super_resolution", {"scale": 3}), ("super_resolution", {"tile": 16}),
    ("text_to_speech", {"text": "?!"}), ("text_to_speech", {"voice": "Bob"}), ("text_to_speech", {"speed": 9}),
    ("text_to_speech", {"pitch": 7}), ("text_to_speech", {"pauses": -1}), ("text_to_speech", {"format": "aac"}),
    ("text_to_speech", {"reference": "mine"}), ("text_to_speech", {"reference": "mine", "consent": True, "model": "mms-tts-eng"}),
]


def refusal(client, task: str, values: dict[str, Any]) -> str:
    """The error's sentence, of which nothing is about this machine."""
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError) as caught:
        client.predict(**values, api_name=f"/{task}")
    text = str(caught.value)
    assert not any(sign in text for sign in ("Traceback", "File \"", "/tmp", "/work", "site-packages", ".py", "\n")), text
    return text


@pytest.mark.parametrize(("task", "wrong"), BAD, ids=[f"{t}-{next(iter(w))}-{i}" for i, (t, w) in enumerate(BAD)])
def test_a_bad_value_gives_the_requests_sentence(client, served, files, task, wrong):
    values = needed(BY_TASK[task]) | wrong
    opened = {name: read(files[values[name]]) for name, read in api.FILES.items() if values.get(name)}
    with pytest.raises(BadRequest) as expected:
        served.engine.check(BY_TASK[task](**values | opened))
    sentence = refusal(client, task, sent(values, files))
    assert sentence == f"{expected.value} (field: {expected.value.field})"


@pytest.mark.parametrize(("name", "sentence"), [
    ("words", "This file is not a picture that can be read."), ("cut", "damaged or cut off"),
])
def test_a_file_that_is_no_picture(client, files, name, sentence):
    assert sentence in refusal(client, "super_resolution", {"image": file(files[name])})


def test_a_file_is_named_by_the_field_that_it_was_sent_for(client, files):
    values = {"prompt": "a pear", "image": file(files["image"]), "mask": file(files["words"])}
    assert refusal(client, "inpainting", values).endswith("(field: mask)")


def test_what_was_done_without_being_asked_stands_in_the_facts(client):
    plain = {"prompt": "a red apple", "steps": 1, "seed": 3}
    _, facts = client.predict(**plain, api_name="/text_to_image")
    assert facts["notices"] == []
    _, facts = client.predict(**plain, negative_prompt="blurry", api_name="/text_to_image")
    (notice,) = facts["notices"]
    assert "negative prompt" in notice and "left out" in notice


def test_a_file_that_is_no_recording(client, files):
    values = {"text": "hello", "reference": file(files["words"]), "consent": True}
    assert "not a recording that can be read" in refusal(client, "text_to_speech", values)


@pytest.mark.parametrize("format", AUDIO_FORMATS)
def test_speech_comes_in_the_format_that_was_asked_for(client, format):
    import soundfile

    path, facts = client.predict(text="good morning.", seed=7, format=format, api_name="/text_to_speech")
    assert Path(path).name == f"speech.{format}"
    with soundfile.SoundFile(path) as sound:
        told = sound.copy_metadata()
        assert sound.format == CODECS[format][0] and sound.frames / 16_000 == pytest.approx(facts["audio_seconds"], abs=0.1)
    assert told["title"] == "good morning." and told["artist"] == "Ann" and "seed: 7" in told["comment"]


@pytest.fixture
def strangers(tmp_path):
    """An engine of a page that others can reach, with a voice that could copy others."""
    running = engine_of(lambda card: FakeModel(), cards=(tiny_voice(tmp_path),), shared=True)
    yield running
    running.close()


def test_strangers_cannot_have_a_voice_copied(strangers, files, tmp_path):
    """The engine refuses, whom the page and the API both ask before anything else."""
    import gradio as gr

    values = {"text": "hello", "consent": True}
    request = BY_TASK["text_to_speech"]
    reference = api.FILES["reference"](files["mine"])
    with pytest.raises(BadRequest, match="others can reach"):
        strangers.check(request(**values, reference=reference))
    with pytest.raises(BadRequest, match="others can reach"):
        strangers.run(request(**values, reference=reference), "somebody")
    with pytest.raises(gr.Error, match="others can reach"):
        next(api.endpoint(strangers, Shelf(tmp_path), request)(None, **values, reference=str(files["mine"])))
    assert strangers.check(request(**values))[0].reference is None


def test_a_page_for_strangers_needs_an_engine_that_knows(served, tmp_path):
    with pytest.raises(ValueError, match="shared=True"):
        page.build(served.engine, shelf=Shelf(tmp_path), shared=True)


def test_only_uploads_are_read_and_no_other_path(served, files):
    """Not with gradio_client, which would upload a file that is here."""
    import httpx

    api = f"{served.address}/gradio_api"
    with httpx.Client(timeout=60) as visitor:
        with files["image"].open("rb") as picture:
            (uploaded,) = visitor.post(f"{api}/upload", files={"files": ("image.png", picture)}).json()
        told = []
        for path in (uploaded, str(files["image"])):
            there = {"path": path, "meta": {"_type": "gradio.FileData"}}
            asked = visitor.post(f"{api}/call/super_resolution", json={"data": ["sharpen", 1, there, 2, None]})
            told.append(visitor.get(f"{api}/call/super_resolution/{asked.json()['event_id']}").text)
    assert "event: complete" in told[0] and "picture-1.png" in told[0]
    assert "event: error" in told[1] and "event: complete" not in told[1] and "picture-1.png" not in told[1]


@pytest.mark.parametrize(("task", "wrong", "names"), [
    ("text_generation", {"temperature": "hot"}, "temperature"), ("text_to_image", {"steps": "many"}, "steps"),
    ("text_to_image", {"steps": [1]}, "steps"), ("text_generation", {"history": "[["}, "history"),
    ("text_to_image", {"loras": "[["}, "loras"), ("text_to_image", {"loras": {"name": "a"}}, "loras"),
    ("text_to_speech", {"speed": None}, "speed"), ("super_resolution", {"scale": None}, "scale"),
])
def test_a_value_of_another_type_is_named(client, files, task, wrong, names):
    assert names in refusal(client, task, sent(needed(BY_TASK[task]) | wrong, files))


@pytest.mark.parametrize("kind", ["1003x757", "7x900", "rgba", "turned"])
def test_inpainting_changes_nothing_outside_the_mask(client, tmp_path, kind):
    size = {"1003x757": (1003, 757), "7x900": (7, 900)}.get(kind, (150, 90))
    upload, name, more = noise(*size, mode="RGBA" if kind == "rgba" else "RGB"), "upload.png", {}
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6  # as a phone held upright writes it
        name, more = "upload.jpg", {"exif": exif, "quality": 90}
    upload.save(tmp_path / name, **more)
    seen = open_image(tmp_path / name)  # upright
    assert seen.size == (size if kind != "turned" else size[::-1])
    width, height = seen.size
    mask = Image.new("L", seen.size)
    mask.paste(255, (width // 4, height // 4, max(width // 2, width // 4 + 1), height // 2))
    mask.save(tmp_path / "mask.png")
    (path,), facts = client.predict(
        prompt="a blue heart", image=file(tmp_path / name), mask=file(tmp_path / "mask.png"), steps=1, seed=1, strength=1,
        api_name="/inpainting",
    )
    with Image.open(path) as made:
        assert made.size == seen.size and made.mode == seen.mode
        before, after = np.asarray(seen), np.asarray(made)
    painted = np.asarray(mask) > 0
    assert np.array_equal(before[~painted], after[~painted]) and not np.array_equal(before[painted], after[painted])
    assert facts["changed_outside"] == 0
