"""The diffusion adapter on tiny checkpoints: every family and task, schedulers, Stop, and inpainting to the byte."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from playground.catalog import PICTURE_TASKS, ModelCard
from playground.device import Device
from playground.errors import BadRequest, Unexpected
from playground.events import Notice, Step, Stopped
from playground.pipelines import diffusion, schedulers
from playground.pipelines.denoising import LinearPreview, decode, pictures, worth_it
from playground.requests import SCHEDULERS, ImageToImageRequest, InpaintingRequest, Limits, TextToImageRequest
from tests import tiny_diffusion

CPU = Device(name="cpu", title="CPU", free_memory=10**10, dtype="float32", threads=1)
FIELDS = {"prompt": "a red apple", "steps": 4, "guidance_scale": 3.0, "width": 64, "height": 64, "seed": 7}
FAMILIES = {
    "sd": (tiny_diffusion.stable_diffusion, PICTURE_TASKS),
    "nine_channels": (lambda folder: tiny_diffusion.stable_diffusion(folder, inpaint=True), {"inpainting"}),
    "z_image": (tiny_diffusion.z_image, PICTURE_TASKS),
    "klein": (tiny_diffusion.flux2_klein, PICTURE_TASKS),
}
NOT_AVOIDED = "Tiny takes no words to avoid (negative prompt), so yours were left out."
SERVED = [(family, task) for family, (_, tasks) in FAMILIES.items() for task in sorted(tasks)]


def card(folder, tasks=PICTURE_TASKS, **values):
    return ModelCard(
        id=folder.name, title="Tiny", sentence="", bad_at="", tasks=frozenset(tasks), adapter="diffusion", licence="",
        training_data="", memory=1, folder=folder, **values,
    )


def photo(width=100, height=75, mode="RGB"):
    bands = len(mode)
    noise = np.random.default_rng(0).integers(0, 256, (height, width, bands), dtype=np.uint8)
    return Image.fromarray(noise, mode)


def mask_of(size, box):
    mask = Image.new("L", size)
    mask.paste(255, box)
    return mask


def request(task, **values):
    values = FIELDS | values
    if task == "text_to_image":
        return TextToImageRequest(**values)
    values = {"strength": 0.8, "image": photo()} | values
    if task == "image_to_image":
        return ImageToImageRequest(**values)
    return InpaintingRequest(**{"mask": mask_of(values["image"].size, (30, 20, 60, 50))} | values)


def run(model, wanted):
    events = []
    result = model.run(wanted, events.append)
    return result, events


def steps_of(events):
    return [event for event in events if isinstance(event, Step)]


def content(result):
    return [image.tobytes() for image in result.images]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    loaded = {}
    for family, (build, tasks) in FAMILIES.items():
        options = {"edits_by_instruction": True} if family == "klein" else {}
        folder = build(tmp_path_factory.mktemp("tiny") / family)
        loaded[family] = diffusion.load(card(folder, tasks, options=options), CPU)
    return loaded


@pytest.fixture
def sd(models):
    return models["sd"]


@pytest.mark.parametrize(("family", "task"), SERVED)
def test_every_family_serves_its_tasks(models, family, task):
    model = models[family]
    result, events = run(model, request(task))
    (image,) = result.images
    expected = {"text_to_image": (64, 64), "image_to_image": (64, 48), "inpainting": (100, 75)}[task]
    assert image.size == expected and image.mode == "RGB"
    assert np.asarray(image).std() > 1
    steps = steps_of(events)
    strength = task != "text_to_image" and (family, task) != ("klein", "image_to_image")
    # of 4 steps at strength 0.8 these run 3.2: SD rounds down, the flow models up
    total = (3 if family in ("sd", "nine_channels") else 4) if strength else 4
    assert [(s.index, s.total) for s in steps] == [(i + 1, total) for i in range(total)]
    assert steps[-1].seconds_left < 5
    assert result.changed_outside == (0 if task == "inpainting" else None)
    assert set(result.timings) == {"encode", "denoise", "preview", "decode"}
    assert all(seconds >= 0 for seconds in result.timings.values())


@pytest.mark.parametrize(("family", "task"), SERVED)
def test_the_same_seed_gives_the_same_bytes_and_stop_leaves_nothing_behind(models, family, task):
    model = models[family]
    before, _ = run(model, request(task))
    seen = []

    def stop_at_two(event):
        seen.append(event)
        if len(steps_of(seen)) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        model.run(request(task, seed=8), stop_at_two)
    assert len(steps_of(seen)) == 2
    after, _ = run(model, request(task))
    fresh, _ = run(diffusion.load(model.card, CPU), request(task))
    assert content(after) == content(before) == content(fresh)
    other, _ = run(model, request(task, seed=9))
    assert content(other) != content(before)


@pytest.mark.parametrize(("family", "task"), SERVED)
def test_four_pictures_have_four_seeds_in_a_row(models, family, task):
    model = models[family]
    result, events = run(model, request(task, num_images=4))
    assert len(set(content(result))) == 4
    alone, _ = run(model, request(task, seed=FIELDS["seed"] + 2))
    third, single = (np.asarray(i).astype(int) for i in (result.images[2], alone.images[0]))
    assert np.abs(third - single).max() <= 2  # the same picture, up to the rounding of sums in a batch
    previews = [s.preview for s in steps_of(events) if s.preview is not None]
    size = {"text_to_image": (128, 128), "image_to_image": (128, 96), "inpainting": (200, 150)}[task]
    assert all(preview.size == size for preview in previews)


@pytest.mark.parametrize("family", FAMILIES)
def test_all_tasks_share_one_copy_of_the_weights(models, family):
    def addresses(pipe):
        parts = [c for c in pipe.components.values() if isinstance(c, torch.nn.Module)]
        return {p.data_ptr() for c in parts for p in c.parameters()}

    model = models[family]
    tasks = sorted(FAMILIES[family][1])
    assert len({frozenset(addresses(model.pipe(task))) for task in tasks}) == 1
    assert {p.dtype for c in model.pipe(tasks[0]).components.values() if isinstance(c, torch.nn.Module)
            for p in c.parameters()} == {torch.float32}


def test_weights_saved_in_float16_are_float32_on_a_cpu_and_close_drops_them(tmp_path):
    import gc
    import weakref

    folder = tiny_diffusion.stable_diffusion(tmp_path / "half", dtype=torch.float16)
    on_disk = sum(p.stat().st_size for p in folder.rglob("*.safetensors"))
    model = diffusion.load(card(folder), CPU)
    assert model.dtype == "float32" and abs(model.nbytes - 2 * on_disk) < 0.2 * model.nbytes
    model.pipe("inpainting")
    unet = weakref.ref(model.pipe("text_to_image").unet)
    model.close()
    gc.collect()
    assert unet() is None


def test_weights_in_bfloat16_stay_so_for_every_task(tmp_path):
    gpu_like = Device(name="cpu", title="CPU", free_memory=10**10, dtype="bfloat16", threads=1)
    model = diffusion.load(card(tiny_diffusion.flux2_klein(tmp_path / "klein")), gpu_like)
    for task in sorted(PICTURE_TASKS):
        assert model.pipe(task).transformer.dtype == model.pipe(task).vae.dtype == torch.bfloat16


def test_loading_and_running_a_starter_is_silent_and_asks_no_network(tmp_path):
    folder = tiny_diffusion.stable_diffusion(tmp_path / "quiet", dtype=torch.float16)
    script = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('network asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from tests.pipelines import test_diffusion as t\n"
        "from pathlib import Path\n"
        f"model = t.diffusion.load(t.card(Path({str(folder)!r})), t.CPU)\n"
        "for task in sorted(t.PICTURE_TASKS): model.run(t.request(task, prompt='word ' * 300), lambda event: None)\n"
    )
    root = Path(__file__).parents[2]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("task", sorted(PICTURE_TASKS))
@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_draws_on_a_schedule_with_v_prediction_and_zero_snr(sd, task, name):
    own = sd.pipe(task).scheduler
    half = {} if task == "text_to_image" else {"strength": 0.5}
    result, events = run(sd, request(task, scheduler=name, steps=10, **half))
    steps = steps_of(events)
    assert [s.index for s in steps] == list(range(1, (10 if task == "text_to_image" else 5) + 1))
    assert all(s.total == len(steps) for s in steps)
    assert np.asarray(result.images[0]).std() > 1
    assert sd.pipe(task).scheduler is own


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_keeps_the_training_noise_schedule(sd, name):
    own = sd.pipe("text_to_image").scheduler
    made = schedulers.build(name, own, title="Tiny")
    assert made is not own
    assert made.config.prediction_type == "v_prediction" and made.config.timestep_spacing == "trailing"
    assert torch.allclose(made.alphas_cumprod, own.alphas_cumprod, rtol=1e-3, atol=1e-6)
    assert made.config.get("use_karras_sigmas", False) is (name == "DPM++ 2M Karras")
    assert not made.config.get("clip_sample", False)


def test_a_flow_model_takes_only_its_own_scheduler(models):
    assert models["sd"].schedulers == SCHEDULERS
    assert models["z_image"].schedulers == models["klein"].schedulers == SCHEDULERS[:1]
    with pytest.raises(BadRequest, match="Tiny does not work with the sampler .* Euler. It takes: model's own.") as error:
        run(models["z_image"], request("text_to_image", scheduler="Euler"))
    assert error.value.field == "scheduler"


def test_a_nine_channel_model_only_inpaints(models):
    with pytest.raises(BadRequest, match="can only inpaint"):
        run(models["nine_channels"], request("text_to_image"))


def test_a_long_prompt_is_cut_with_a_notice(models):
    words = "abcde " * 20  # 100 letters for a tokenizer of 77 places, two of them taken
    _, events = run(models["sd"], request("text_to_image", prompt=words, negative_prompt=words))
    told = [e.text for e in events if isinstance(e, Notice)]
    assert told == [
        f"{field} is too long for this model: its last 5 words had no effect."
        for field in ("The text (prompt)", "What to avoid (negative prompt)")
    ]
    cut, _ = run(models["sd"], request("text_to_image", prompt="abcde " * 15, negative_prompt=words))
    full, _ = run(models["sd"], request("text_to_image", prompt=words, negative_prompt=words))
    assert content(cut) == content(full)
    _, events = run(models["z_image"], request("text_to_image", prompt="abcde " * 100))
    assert "too long for this model" in next(e.text for e in events if isinstance(e, Notice))
    _, events = run(models["sd"], request("text_to_image"))
    assert not [e for e in events if isinstance(e, Notice)]


def test_what_a_model_cannot_use_is_said(models):
    _, events = run(models["klein"], request("text_to_image", negative_prompt="blue"))
    assert NOT_AVOIDED in [e.text for e in events if isinstance(e, Notice)]
    result, events = run(models["z_image"], request("text_to_image", width=72, height=88))
    assert result.images[0].size == (64, 80)
    assert [e.text for e in events if isinstance(e, Notice)] == [
        "The picture is 64x80: this model needs sides that are multiples of 16."
    ]


def test_a_run_that_loses_its_numbers_ends_in_a_sentence(tmp_path):
    model = diffusion.load(card(tiny_diffusion.stable_diffusion(tmp_path / "broken")), CPU)
    with torch.no_grad():
        model.pipe("text_to_image").unet.conv_out.bias.fill_(float("nan"))
    with pytest.raises(Unexpected, match="Try another sampler"):
        run(model, request("text_to_image"))


@pytest.mark.parametrize("family", ["sd", "z_image"])
def test_a_preview_is_decoded_from_that_steps_latents(tmp_path, family):
    model = diffusion.load(card(FAMILIES[family][0](tmp_path / family)), CPU)
    result, events = run(model, request("text_to_image", num_images=2))
    first = steps_of(events)[0]  # nobody knows yet what a preview costs, so the first step has one
    pipe, latents = model.pipe("text_to_image"), {}

    def keep(pipe, i, timestep, tensors):
        latents[i] = tensors["latents"].clone()
        return tensors

    pipe.scheduler = schedulers.build(None, pipe.scheduler, title="Tiny")
    pipe(
        prompt="a red apple", num_inference_steps=4, guidance_scale=3.0, width=64, height=64, num_images_per_prompt=2,
        generator=[torch.Generator().manual_seed(7 + i) for i in range(2)], callback_on_step_end=keep,
        negative_prompt="",
    )
    with torch.no_grad():
        left, right = pictures(decode(pipe, latents[0]))
        ends = pictures(decode(pipe, latents[3]))
    assert first.preview.size == (128, 64)
    assert first.preview.crop((0, 0, 64, 64)).tobytes() == left.tobytes() != ends[0].tobytes()
    assert first.preview.crop((64, 0, 128, 64)).tobytes() == right.tobytes()
    assert [e.tobytes() for e in ends] == content(result)
    assert steps_of(events)[-1].preview is None


def test_previews_cost_at_most_a_quarter():
    cheap = {"cost": 1.0, "expected": 100.0, "total": 50}
    assert worth_it(spent=0, since=2, **cheap)
    assert not worth_it(spent=1, since=3, **cheap)
    assert worth_it(spent=1, since=4, **cheap)
    assert not worth_it(spent=24.5, since=50, **cheap)
    assert not worth_it(cost=1.0, expected=3.0, spent=0, since=3, total=10)
    assert worth_it(cost=None, expected=1.0, spent=0, since=1, total=4)
    assert not worth_it(cost=None, expected=1.0, spent=0, since=1, total=2)


FIXED = {side: Limits(low=128, high=128, multiple_of=8) for side in ("width", "height")}


@pytest.fixture(scope="module")
def fixed(tmp_path_factory):
    folder = tiny_diffusion.stable_diffusion(tmp_path_factory.mktemp("fixed") / "sd")
    return diffusion.load(card(folder, limits=FIXED), CPU)


@pytest.mark.parametrize(("size", "expected"), [
    ((1003, 757), (128, 97)), ((7, 900), (1, 128)), ((128, 128), (128, 128)), ((40, 20), (128, 64)),
    ((1, 1), (128, 128)),
])
def test_a_model_of_one_size_keeps_the_shape_of_the_upload(fixed, size, expected):
    result, _ = run(fixed, request("image_to_image", image=photo(*size), width=128, height=128))
    assert result.images[0].size == expected


@pytest.mark.parametrize(("size", "expected"), [
    ((1003, 757), (144, 109)), ((757, 1003), (109, 144)), ((7, 900), (2, 256)), ((21, 16), (144, 110)),
    ((128, 128), (128, 128)), ((40, 20), (160, 80)),
])
def test_other_models_keep_the_shape_and_about_the_area(sd, size, expected):
    result, _ = run(sd, request("image_to_image", image=photo(*size), width=128, height=128))
    assert result.images[0].size == expected


def test_transparency_is_white_to_the_model(sd):
    clear = photo(80, 80, "RGBA")
    clear.putalpha(0)
    white, _ = run(sd, request("image_to_image", image=Image.new("RGB", (80, 80), "white")))
    assert content(run(sd, request("image_to_image", image=clear))[0]) == content(white)


MASKS = {
    (1003, 757): [(400, 300, 401, 301), (0, 0, 1003, 757), (900, 0, 1003, 90), (0, 700, 40, 757), (300, 200, 700, 500)],
    (7, 900): [(0, 0, 7, 900), (3, 450, 4, 451), (0, 880, 7, 900)],
    (64, 64): [(0, 0, 1, 1), (20, 20, 40, 40)],
    (1, 1): [(0, 0, 1, 1)],
}


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize(("size", "box"), [(size, box) for size, boxes in MASKS.items() for box in boxes])
@pytest.mark.parametrize("which", ["fixed", "sd", "klein"])
def test_inpainting_changes_nothing_outside_the_mask(models, fixed, which, size, box, mode):
    model = fixed if which == "fixed" else models[which]
    upload = photo(*size, mode)
    mask = mask_of(size, box)
    wanted = request("inpainting", image=upload, mask=mask, width=128, height=128, steps=2, strength=1.0, feather=3)
    result, _ = run(model, wanted)
    (image,) = result.images
    old, new, inside = np.asarray(upload), np.asarray(image), np.asarray(mask) > 0
    assert (image.size, image.mode, result.changed_outside) == (size, mode, 0)
    assert (new[~inside] == old[~inside]).all()
    assert (new[inside] != old[inside]).any()
    if mode == "RGBA":
        assert (new[..., 3] == old[..., 3]).all()


@pytest.mark.parametrize("steps", [1, 2, 5, 8, 20])
def test_painting_anew_forgets_what_was_there_and_does_all_steps(sd, steps):
    mask, one, other = mask_of((96, 96), (30, 30, 60, 60)), Image.new("RGB", (96, 96), "teal"), Image.new("RGB", (96, 96), "teal")
    one.paste("red", (36, 36, 54, 54))
    other.paste("yellow", (32, 40, 58, 50))
    made = []
    for upload in (one, other):
        result, events = run(sd, request("inpainting", image=upload, mask=mask, steps=steps, strength=1.0, seed=3, feather=0))
        assert [(e.index, e.total) for e in steps_of(events)] == [(i, steps) for i in range(1, steps + 1)]
        made.append(np.asarray(result.images[0])[30:60, 30:60])
    assert (made[0] == made[1]).all()


def test_a_lower_strength_still_sees_what_was_there(sd):
    mask, upload = mask_of((96, 96), (30, 30, 60, 60)), Image.new("RGB", (96, 96), "teal")
    other = upload.copy()
    other.paste("yellow", (32, 40, 58, 50))
    made = [
        run(sd, request("inpainting", image=i, mask=mask, steps=5, strength=0.6, seed=3))[0].images[0] for i in (upload, other)
    ]
    assert (np.asarray(made[0]) != np.asarray(made[1]))[30:60, 30:60].any()


@pytest.mark.parametrize("mode", ["L", "P", "LA", "CMYK", "I;16", "1"])
def test_inpainting_takes_pictures_of_any_mode(sd, mode):
    upload = photo(90, 60).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        upload = Image.fromarray(np.asarray(upload).astype(np.uint16) * 257)
    result, _ = run(sd, request("inpainting", image=upload, mask=mask_of((90, 60), (10, 10, 30, 30))))
    assert result.images[0].mode == ("RGBA" if mode == "LA" else "RGB")
    assert result.changed_outside == 0
    if mode == "I;16":
        assert (np.asarray(result.images[0])[40:, :, 0] == (np.asarray(upload) // 257)[40:]).all()


@pytest.fixture(scope="module")
def distilled(tmp_path_factory):
    folder = tiny_diffusion.distilled(tmp_path_factory.mktemp("distilled") / "sd")
    return diffusion.load(card(folder), CPU)


@pytest.mark.parametrize("task", sorted(PICTURE_TASKS))
def test_a_network_that_reads_the_guidance_scale_takes_no_negative_prompt(distilled, task):
    calls = []
    hook = distilled.pipe(task).unet.register_forward_pre_hook(lambda net, given: calls.append(given[0].shape[0]))
    plain, _ = run(distilled, request(task))
    hook.remove()
    negative, events = run(distilled, request(task, negative_prompt="blue " * 60))
    assert [e.text for e in events if isinstance(e, Notice)] == [NOT_AVOIDED]
    assert content(negative) == content(plain)
    assert set(calls) == {1} and len(calls) == len(steps_of(events))  # one evaluation a step, none of them unguided
    assert content(run(distilled, request(task, guidance_scale=9.0))[0]) != content(plain)


@pytest.mark.parametrize("task", sorted(PICTURE_TASKS))
@pytest.mark.parametrize("name", SCHEDULERS)
def test_with_a_linear_layer_every_step_has_a_preview(distilled, task, name):
    result, events = run(distilled, request(task, num_images=2, scheduler=name, steps=5))
    sheet = {"text_to_image": (128, 64), "image_to_image": (128, 48), "inpainting": (200, 75)}[task]
    previews = [s.preview for s in steps_of(events)]
    assert len(previews) >= 4 and {p.size for p in previews} == {sheet} and len(result.images) == 2
    assert len({p.tobytes() for p in previews}) == len(previews)
    assert all(np.asarray(p).std() > 1 for p in previews)
    assert result.timings["preview"] > 0 and min(result.timings.values()) >= 0


def test_a_linear_preview_shows_the_clean_picture_that_the_model_expects(distilled):
    layer, pipe = distilled._preview, distilled.pipe("text_to_image")
    kept = []

    def keep(pipe, i, timestep, tensors):
        kept.append((tensors["latents"].clone(), pipe.scheduler.model_outputs[-1].clone()))
        return tensors

    _, events = run(distilled, request("text_to_image"))
    pipe.scheduler = schedulers.build(None, pipe.scheduler, title="Tiny")
    pipe(
        prompt="a red apple", num_inference_steps=4, guidance_scale=3.0, width=64, height=64,
        generator=torch.Generator().manual_seed(7), callback_on_step_end=keep,
    )
    assert torch.allclose(*kept[-1], atol=1e-5)  # at the end nothing is left but the clean picture
    for step, (_, expected) in zip(steps_of(events), kept, strict=True):
        (picture,) = pictures(layer(expected))
        assert picture.size == (32, 32)
        assert step.preview.tobytes() == picture.resize((64, 64), Image.Resampling.BICUBIC).tobytes()
    assert layer(kept[0][0]).tobytes() != layer(kept[0][1]).tobytes()


def test_a_linear_preview_places_colours_and_rows_as_trained():
    weight, bias = torch.zeros(48, 4, 3, 3), torch.zeros(48)
    weight[0:16, 0, 1, 1] = 1.0  # red follows the first channel
    bias[16:32] = torch.linspace(-1, 1, 16)  # green runs over a latent's 4x4 pixels, row by row
    bias[32:48] = 5.0  # blue is past white
    latents = torch.tensor([[-1.0, 1.0]]).repeat(1, 4, 1, 1)  # (1, 4, 1, 2)
    pixels = LinearPreview(weight=weight, bias=bias)(latents)
    assert pixels.shape == (1, 4, 8, 3)
    assert (pixels[0, :, :4, 0] == 0).all() and (pixels[0, :, 4:, 0] == 1).all()
    assert np.allclose(pixels[0, :, :4, 1].ravel(), np.linspace(0, 1, 16), atol=1e-6)
    assert (pixels[0, ..., 2] == 1).all()
    assert np.isfinite(LinearPreview(weight=weight, bias=bias)(latents * float("nan"))).all()


def test_words_that_a_starter_never_read_are_said(tmp_path):
    folder = tiny_diffusion.stable_diffusion(tmp_path / "sd")
    known = {"things": ("red apple",), "grounds": ("red",), "vocabulary": frozenset({"red", "apple"})}
    model = diffusion.load(card(folder, **known), CPU)
    _, events = run(model, request("text_to_image", prompt="a red apple in Paris", to_prompt="a red aple"))
    (told,) = [e.text for e in events if isinstance(e, Notice)]
    assert told == 'Tiny does not know the words "paris" and "aple", so something that it knows will appear. It knows "apple".'
    _, events = run(model, request("inpainting", prompt="red apples"))
    assert not [e for e in events if isinstance(e, Notice)]
