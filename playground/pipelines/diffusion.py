"""Text to image, image to image and inpainting with any pipeline of diffusers, from one copy of the weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from playground.catalog import ModelCard
from playground.device import Device, give_back
from playground.errors import BadRequest, Unexpected
from playground.events import Emit, ImagesResult, Notice
from playground.lora_files import Lora
from playground.pipelines import families, membrane, repaint, schedulers, vocabulary, walk, where
from playground.pipelines.acceleration import Acceleration
from playground.pipelines.denoising import Denoising, LinearPreview, linear_preview, pictures
from playground.pipelines.encoded import Encoded
from playground.pipelines.loras import Worn
from playground.pipelines.placing import PlacedPipeline
from playground.pipelines.prompts import what_is_cut
from playground.requests import DiffusionRequest, ImageToImageRequest, InpaintingRequest, TextToImageRequest
from playground.wording import say

ANEW = 0.9  # the strength that paints anew over the shades of the surroundings; at 1 the ground would be forgotten too
PREVIEW_SIDE = 512  # longest side of an inpainting's preview, which shows the whole upload
AUTO = {
    "text_to_image": "AutoPipelineForText2Image", "image_to_image": "AutoPipelineForImage2Image",
    "inpainting": "AutoPipelineForInpainting",
}


def imports() -> None:
    """Imports the libraries and silences them: their warnings quote prompts, and their bars belong to no page."""
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    for name in ("DiffusionPipeline", "StableDiffusionPipeline", *AUTO.values()):
        getattr(diffusers, name)


def load(card: ModelCard, device: Device) -> DiffusionModel:
    """The card's pipeline in memory, on the device; a starter's files are never asked for on a network."""
    imports()
    import torch
    from diffusers import DiffusionPipeline

    dtype = getattr(torch, device.dtype)
    pipe = DiffusionPipeline.from_pretrained(card.origin, dtype=dtype, **{"variant": card.variant or None} | where(card))
    preview = linear_preview(card.folder, device.name)
    model = DiffusionModel(card=card, pipe=pipe, dtype=dtype, preview=preview)
    model.place(device)
    return model


@dataclass(frozen=True, kw_only=True)
class Job:
    """One call of a pipeline. arguments: for it; size: of the model's pictures; show: what a picture of the model
    becomes in a preview; finish: in the result."""

    arguments: dict[str, Any]
    size: repaint.Size
    show: Callable[[Image.Image], Image.Image]
    finish: Callable[[Image.Image], Image.Image]
    repainting: repaint.Repaint | None = None


class DiffusionModel(PlacedPipeline):
    """A loaded pipeline and its sisters for the other tasks, which share its weights. nbytes: bytes of the weights; loras:
    those of this computer by name."""

    def __init__(self, *, card: ModelCard, pipe: Any, dtype: Any, preview: LinearPreview | None = None) -> None:
        self.card = card
        self.dtype = str(dtype).removeprefix("torch.")
        self.nbytes = weight_bytes(pipe)
        self._dtype = dtype
        self._pipe = pipe
        self._sisters: dict[str, Any] = {}
        self._own_scheduler = pipe.scheduler
        self._decode_rate: float | None = None
        self._preview = preview
        self._known = families.options(card, type(pipe).__name__)
        self.loras: Mapping[str, Lora] = {}
        self._worn = Worn(card=card)
        self._encoded = Encoded()
        self._acceleration = Acceleration(card=card)

    @property
    def schedulers(self) -> tuple[str, ...]:
        """The names of requests.SCHEDULERS that this model takes."""
        return schedulers.names(self._own_scheduler)

    def pipe(self, task: str) -> Any:
        """The pipeline for a task, made from the loaded one without a second copy of anything."""
        if task not in self._sisters:
            network = getattr(self._pipe, "unet", None)
            if network is not None and network.config.in_channels == 9 and task != "inpainting":
                raise BadRequest(say("pipelines.diffusion.only_inpaints", model=self.card.title), field="model")
            made = self._sister(task)
            made.set_progress_bar_config(disable=True)
            self._sisters[task] = made
        return self.attach(self._sisters[task])

    def _sister(self, task: str) -> Any:
        import diffusers

        loaded = type(self._pipe).__name__
        name = families.sister(self.card, loaded, task)
        if task == "text_to_image" or name == loaded:
            return self._pipe
        if not name:
            return getattr(diffusers, AUTO[task]).from_pipe(self._pipe)
        return getattr(diffusers, name).from_pipe(self._pipe, dtype=self._dtype)  # else it casts all to float32

    def run(self, request: DiffusionRequest, emit: Emit) -> ImagesResult:
        """Makes num_images pictures, picture i from seed + i, or variations, or a strip; raises what emit raises."""
        pipe = self.pipe(request.task)
        worn = self._worn.wear(pipe, request.loras, known=self.loras)
        remembered = self._encoded.remembered(pipe, loras=self._worn.now)
        with remembered, self._acceleration.during(request, pipe, emit) as faster:
            self.count()  # a tiny autoencoder may have come
            result = self._made(request, emit)
        return replace(result, used=tuple(dict.fromkeys((*self.used, *result.used, *worn, *faster))))

    def _made(self, request: DiffusionRequest, emit: Emit) -> ImagesResult:
        begun = time.perf_counter()
        pipe = self.pipe(request.task)
        scheduler = schedulers.build(request.scheduler, self._own_scheduler, title=self.card.title)
        for text in self._notices(request, pipe):
            emit(Notice(text=text))
        if isinstance(request, TextToImageRequest):
            said = {name: vocabulary.understood(self.card, getattr(request, name)) for name in ("prompt", "to_prompt")}
            request = replace(request, **said)
        job = self._job(request, pipe, emit)
        watched = Denoising(
            pipe=pipe, emit=emit, show=lambda made: repaint.sheet([job.show(enlarged(p, job.size)) for p in made]),
            pixels=job.size[0] * job.size[1] * walk.count(request), decode_rate=self._decode_rate, begun=begun,
            linear=self._preview,
        )
        try:
            pipe.scheduler = scheduler
            with watched:
                output = self.sound(pipe, job.arguments, watched.step, emit)
        finally:
            pipe.scheduler = self._own_scheduler
            pipe.maybe_free_model_hooks()
            self._decode_rate = watched.decode_rate
        if any(getattr(output, "nsfw_content_detected", None) or ()):
            emit(Notice(text=say("pipelines.diffusion.safety_filter")))
        images = tuple(job.finish(p) for p in self._valid(output.images))
        changed = None
        if job.repainting is not None:
            changed = sum(job.repainting.changed_outside(image) for image in images)
        return ImagesResult(images=images, changed_outside=changed, timings=watched.finish())

    def _notices(self, request: DiffusionRequest, pipe: Any) -> list[str]:
        """What of the visitor's words the model does not read."""
        prompts = {name: text for name in ("prompt", "to_prompt") if (text := getattr(request, name, ""))}
        told = [vocabulary.told(self.card, tuple(prompts.values()))]
        told += [what_is_cut(pipe, text, field=name) for name, text in prompts.items()]
        if families.takes_negative_prompt(pipe, self._known):
            told.append(what_is_cut(pipe, request.negative_prompt, field="negative_prompt"))
        elif request.negative_prompt:
            told.append(say("pipelines.diffusion.no_negative_prompt", model=self.card.title))
        return [text for text in dict.fromkeys(told) if text]

    def _valid(self, pixels: np.ndarray) -> list[Image.Image]:
        """The pipeline's pixels as pictures; a black square would be shown for numbers that are none."""
        if not np.isfinite(pixels).all():
            raise Unexpected(say("pipelines.diffusion.no_numbers", model=self.card.title))
        return pictures(pixels)

    def _job(self, request: DiffusionRequest, pipe: Any, emit: Emit) -> Job:
        """What to call the pipeline with; only arguments that it knows."""
        import torch

        count = request.num_images
        if isinstance(request, InpaintingRequest):
            job = self._inpainting(request, pipe)
        elif isinstance(request, ImageToImageRequest):
            job = self._image_to_image(request, pipe)
        else:
            job = self._text_to_image(request, pipe, emit)
        arguments = families.arguments(request, pipe, self._known) | {
            "width": job.size[0], "height": job.size[1], "num_images_per_prompt": count, "output_type": "np",
            "generator": [torch.Generator("cpu").manual_seed(request.seed + i) for i in range(count)],
            "callback_on_step_end_tensor_inputs": ["latents"],
        } | job.arguments
        return replace(job, arguments=families.taken(arguments, pipe))

    def _text_to_image(self, request: DiffusionRequest, pipe: Any, emit: Emit) -> Job:
        cell = cell_of(pipe)
        size = tuple(side // cell * cell for side in (request.width, request.height))
        if size != (request.width, request.height):
            emit(Notice(text=say("pipelines.diffusion.other_size", size=f"{size[0]}x{size[1]}", multiple=cell)))
        arguments = walk.arguments(request, pipe, size=size, title=self.card.title)
        return Job(arguments=arguments, size=size, show=same, finish=same)

    def _image_to_image(self, request: ImageToImageRequest, pipe: Any) -> Job:
        upload = repaint.on_white(repaint.plain(request.image))
        size = self._canvas(request, pipe, upload.width / upload.height, most=4)
        window = repaint.whole(upload.size, size)
        # one copy a picture, so that each is encoded with its own seed; an editor would take them for a series
        series = self._known.get("edits_by_instruction") and not self._known.get("one_each")
        copies = 1 if series else request.num_images
        arguments = {"image": [window.see(upload)] * copies}
        return Job(arguments=arguments, size=size, show=window.cut, finish=window.cut)

    def _inpainting(self, request: InpaintingRequest, pipe: Any) -> Job:
        upload = repaint.plain(request.image)
        bbox = request.mask.getbbox()
        left, top, right, bottom = repaint.surroundings(bbox, upload.size)
        size = self._canvas(request, pipe, (right - left) / (bottom - top), most=2)
        window = repaint.around(bbox, upload.size, size)
        work = repaint.Repaint(upload=upload, mask=request.mask, window=window, feather=request.feather)
        seen, hole = window.see(repaint.on_white(upload)), window.see_mask(request.mask, cell_of(pipe))
        arguments = {"image": [seen] * request.num_images, "mask_image": [hole] * request.num_images}
        if request.strength == 1 and blends_latents(pipe):
            shaded = membrane.filled(seen, hole)
            arguments |= {
                "image": [shaded] * request.num_images, "strength": ANEW,
                "num_inference_steps": math.ceil(request.steps / ANEW),
                "prompt": vocabulary.on_ground(self.card, request.prompt, membrane.mean_shade(shaded, hole)),
            }
        return Job(
            arguments=arguments, size=size, show=work.small(PREVIEW_SIDE).sketch, finish=work.paste, repainting=work
        )

    def _canvas(self, request: DiffusionRequest, pipe: Any, aspect: float, *, most: float) -> repaint.Size:
        """The size at which the model works: the card's only one, else one of that area and about that aspect."""
        limits = [self.card.limits.get(side) for side in ("width", "height")]
        if all(limit is not None and limit.low == limit.high for limit in limits):
            return request.width, request.height
        multiple = math.lcm(16, cell_of(pipe))
        return repaint.canvas(aspect, area=request.width * request.height, multiple=multiple, most=most)

    def parts(self) -> tuple[Any, ...]:
        """The networks that were loaded, and the tiny autoencoder once it is there."""
        parts, tiny = super().parts(), self._acceleration.tiny
        return parts if tiny is None or any(part is tiny for part in parts) else (*parts, tiny)

    def own_parts(self, pipe: Any, *, decoder_is_to_blame: bool) -> str | None:
        """The own decoder after a tiny one made nothing."""
        return self._acceleration.without_tiny(pipe)

    def forget(self) -> None:
        """Prompts are encoded anew."""
        self._encoded.forget()

    def close(self) -> None:
        """Frees the weights; the model cannot be used after it."""
        self.let_go()
        self._acceleration.close()
        self._sisters.clear()
        self._pipe = self._own_scheduler = self._preview = None
        give_back()


def same(picture: Image.Image) -> Image.Image:
    """The picture itself."""
    return picture


def enlarged(picture: Image.Image, size: repaint.Size) -> Image.Image:
    """A preview in the size of the model's pictures."""
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def blends_latents(pipe: Any) -> bool:
    """Whether an inpainting pipeline's network knows nothing of masks, so that only the latents around it guide it."""
    network = getattr(pipe, "unet", None)
    return network is not None and network.config.in_channels == network.config.out_channels


def cell_of(pipe: Any) -> int:
    """Pixels a side of the smallest piece of a picture that the network sees; transformers here see 2x2 latents."""
    return pipe.vae_scale_factor * (1 if getattr(pipe, "unet", None) is not None else 2)


def weight_bytes(pipe: Any) -> int:
    """Bytes of the parameters and buffers of a pipeline's networks, shared ones counted once."""
    networks = (c for c in pipe.components.values() if hasattr(c, "parameters") and hasattr(c, "buffers"))
    tensors = {id(t): t for n in networks for t in (*n.parameters(), *n.buffers())}
    return sum(t.nbytes for t in tensors.values())
