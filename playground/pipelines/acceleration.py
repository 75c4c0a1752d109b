"""Three speeds: exact is what the library does, fast makes the same sooner, fastest leaves out what hardly shows.

Everything is put on for one run and taken off behind it, so that an exact run gives the same bytes before and after.
"""

from __future__ import annotations

import functools
import inspect
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playground.catalog import ModelCard
from playground.device import Device
from playground.events import Emit, Event, Notice
from playground.pipelines.denoising import denoiser
from playground.requests import ACCELERATIONS, DiffusionRequest, TextToImageRequest
from playground.wording import say

log = logging.getLogger(__name__)
CACHED_STEPS = 20  # a cache of steps needs so many: in fewer, none is like the one before it
THRESHOLD = 0.12  # how much the first block may change while the others are left out (ParaAttention's for FLUX)
FASTER = 0.97  # of the library's own time: what another attention may take to be chosen
COMPILERS = ("torch._dynamo", "torch._inductor", "torch._functorch", "torch.fx", "triton")
# the pipelines whose denoiser can cache its first block, and which tell it which half of a guided step it works on
STEP_CACHED = frozenset({
    "FluxPipeline", "Flux2KleinPipeline", "Flux2KleinInpaintPipeline", "QwenImagePipeline", "QwenImageImg2ImgPipeline",
    "QwenImageInpaintPipeline", "QwenImageEditPipeline", "QwenImageEditInpaintPipeline", "QwenImageEditPlusPipeline",
})


def offered(card: ModelCard, device: Device) -> tuple[str, ...]:
    """Which of ACCELERATIONS differ for a model on a device; one alone leaves nothing to choose."""
    exact, fast, fastest = ACCELERATIONS
    on_gpu = device.name.startswith("cuda")
    if card.starter or card.adapter not in ("text", "diffusion"):
        return (exact,)
    if card.adapter == "text":
        return (exact, fast) if on_gpu else (exact,)
    long = card.default(TextToImageRequest, "steps") or 0
    lossy = pipeline_of(card) in STEP_CACHED and long >= CACHED_STEPS or tiny_folder(card) is not None
    return (exact, *((fast,) if on_gpu else ()), *((fastest,) if lossy else ()))


def pipeline_of(card: ModelCard) -> str:
    """The name of a card's pipeline class, "" where it is not known."""
    if card.pipeline or card.folder is None:
        return card.pipeline
    try:
        return json.loads((card.folder / "model_index.json").read_text(encoding="utf8")).get("_class_name", "")
    except (OSError, ValueError, AttributeError):
        return ""


def tiny_folder(card: ModelCard) -> Path | None:
    """Where the card's tiny autoencoder is on this computer: in a repository of its own, or in the model's folder."""
    repository = card.options.get("tiny_autoencoder")
    places = [card.places.get(repository), card.folder and card.folder / "tiny_autoencoder"]
    return next((place for place in places if place is not None and (place / "config.json").exists()), None)


class Acceleration:
    """What makes one loaded diffusion model faster. compiler: torch.compile's backend; on_gpu: whether the measures for a
    graphics card are taken, by default where the pipeline works on one."""

    def __init__(self, *, card: ModelCard, compiler: str = "inductor", on_gpu: bool | None = None) -> None:
        self._card = card
        self._compiler = compiler
        self._on_gpu = on_gpu
        self._compiled: dict[Any, Callable[..., Any]] = {}
        self._compiles = True
        self._attention: tuple[str, list[Any]] | None = None
        self._measured = False
        self._own: Any = None  # the autoencoder for which the tiny one stands in now
        self._tiny_works = True
        self.tiny: Any = None

    @contextmanager
    def during(self, request: DiffusionRequest, pipe: Any, emit: Emit) -> Iterator[list[str]]:
        """A block in which the pipeline runs as fast as was asked for; gives words for what is used, whole behind it."""
        used: list[str] = []
        if request.acceleration == "exact":
            yield used
            return
        on_gpu = pipe._execution_device.type == "cuda" if self._on_gpu is None else self._on_gpu
        told = Told(emit)
        with ExitStack() as stack:
            if on_gpu:
                stack.enter_context(self._faster_attention(pipe, used))
                stack.enter_context(self._compiled_blocks(denoiser(pipe), told, used))
            if request.acceleration == "fastest":
                stack.enter_context(self._cached_steps(request, pipe, used))
                stack.enter_context(self._tiny_autoencoder(request, pipe, told, used))
            if not used and not told.anything:
                emit(Notice(text=say("acceleration.same", model=self._card.title)))
            yield used

    def close(self) -> None:
        """Lets go of what was compiled and of the tiny autoencoder."""
        self._compiled.clear()
        self.tiny = None

    # Attention

    @contextmanager
    def _faster_attention(self, pipe: Any, used: list[str]) -> Iterator[None]:
        """The kernel that measured faster here comes first; what it cannot take is done by the others."""
        if not self._measured:
            self._measured = True
            try:
                self._attention = attention(pipe)
            except Exception as error:  # a card without these kernels: the library's own choice stays
                log.warning("attention was not measured: %s", type(error).__name__)
        if self._attention is None:
            yield
            return
        from torch.nn.attention import sdpa_kernel

        name, order = self._attention
        used.append(say("acceleration.attention", name=name))
        with sdpa_kernel(order, set_priority=True):
            yield

    # Compiled blocks

    @contextmanager
    def _compiled_blocks(self, network: Any, emit: Emit, used: list[str]) -> Iterator[None]:
        """The blocks that a network repeats are compiled once, at their first call, and used by all runs behind it. A
        block whose compiler fails is worked as usual, from the same inputs, and so are all others from then on."""
        import torch

        kinds = getattr(network, "_repeated_blocks", None) or ()
        blocks = [m for m in network.modules() if type(m).__name__ in kinds and "forward" not in vars(m)]
        if not blocks or not self._compiles:
            yield
            return
        if not self._compiled:
            emit(Notice(text=say("acceleration.warming", model=self._card.title)))
        used.append(word := say("acceleration.compiled"))

        def give_up(error: Exception) -> None:
            log.warning("%s could not be compiled: %s", self._card.id, type(error).__name__)
            if self._compiles:
                self._compiles = False
                used.remove(word)
                emit(Notice(text=say("acceleration.no_compile", model=self._card.title)))

        try:
            for block in blocks:
                plain = block.forward
                if block not in self._compiled:
                    self._compiled[block] = torch.compile(plain, fullgraph=True, dynamic=True, backend=self._compiler)
                block.forward = functools.wraps(plain)(guarded(self._compiled[block], plain, self._usable, give_up))
            yield
        finally:
            for block in blocks:
                vars(block).pop("forward", None)
            if not self._compiles:
                self._compiled.clear()

    def _usable(self) -> bool:
        return self._compiles

    # Steps

    @contextmanager
    def _cached_steps(self, request: DiffusionRequest, pipe: Any, used: list[str]) -> Iterator[None]:
        """A step whose first block changes little takes over what the other blocks changed in the step before it
        (first-block cache, after ParaAttention)."""
        network = denoiser(pipe)
        if not caches_steps(pipe) or steps_of(request, pipe) < CACHED_STEPS:
            yield
            return
        from diffusers import FirstBlockCacheConfig

        try:
            network.enable_cache(FirstBlockCacheConfig(threshold=THRESHOLD))
        except (ValueError, IndexError):  # a network of one block, or of a kind that the library does not know yet
            uncached(network)
            yield
            return
        used.append(say("acceleration.step_cache"))
        try:
            yield
        finally:
            network.disable_cache()
            uncached(network)

    # Autoencoder

    @contextmanager
    def _tiny_autoencoder(
        self, request: DiffusionRequest, pipe: Any, emit: Emit, used: list[str],
    ) -> Iterator[None]:
        """A small autoencoder of the same latents draws the picture, where it is here. Pictures that are redrawn keep their
        own, which reads them more exactly."""
        folder, plain = tiny_folder(self._card), isinstance(request, TextToImageRequest) and not request.walks
        in_turn = bool(getattr(pipe, "_all_hooks", None))  # parts that take turns are known to the library by name
        if in_turn:
            self.tiny = None  # nothing would send it off the device
        if folder is None or not plain or in_turn or not self._tiny_works:
            yield
            return
        own = pipe.vae
        try:
            if self.tiny is None:
                from diffusers import AutoencoderTiny

                made = AutoencoderTiny.from_pretrained(folder, dtype=own.dtype, local_files_only=True, use_safetensors=True)
                if made.config.latent_channels != own.config.latent_channels:
                    raise ValueError
                if not all(weight.isfinite().all() for weight in made.parameters()):
                    raise ValueError
                self.tiny = made
            tiny = self.tiny.to(device=pipe._execution_device, dtype=own.dtype)
        except (OSError, ValueError, RuntimeError, AttributeError) as error:
            log.warning("the tiny autoencoder of %s was not loaded: %s", self._card.id, type(error).__name__)
            emit(Notice(text=say("acceleration.no_tiny", model=self._card.title)))
            yield
            return
        used.append(word := say("acceleration.tiny"))
        self._own, pipe.vae = own, tiny
        try:
            yield
        finally:
            pipe.vae, self._own = own, None
            if not self._tiny_works:
                used.remove(word)

    def without_tiny(self, pipe: Any) -> str | None:
        """Puts the own autoencoder back after the tiny one made no picture, for good, and says so; None where it is there."""
        if self.tiny is None or self._own is None:
            return None
        pipe.vae, self.tiny, self._tiny_works = self._own, None, False
        return say("acceleration.bad_tiny", model=self._card.title)


class Told:
    """An emit that remembers whether anything was told through it."""

    def __init__(self, emit: Emit) -> None:
        self.anything = False
        self._emit = emit

    def __call__(self, event: Event) -> None:
        self.anything = True
        self._emit(event)


def guarded(
    fast: Callable[..., Any], plain: Callable[..., Any], usable: Callable[[], bool], give_up: Callable[[Exception], None],
) -> Callable[..., Any]:
    """`fast` while it is usable, else `plain`, from the same inputs where only the compiler failed."""

    def forward(*args: Any, **kwargs: Any) -> Any:
        if usable():
            try:
                return fast(*args, **kwargs)
            except Exception as error:
                if not of_compiler(error):
                    raise
                give_up(error)
        return plain(*args, **kwargs)

    return forward


def of_compiler(error: BaseException) -> bool:
    """Whether an error comes from compiling, not from what was compiled."""
    kinds = [kind.__module__ for kind in type(error).__mro__]
    return any(module == name or module.startswith(f"{name}.") for module in kinds for name in COMPILERS)


def caches_steps(pipe: Any) -> bool:
    """Whether a pipeline's steps can be cached."""
    return type(pipe).__name__ in STEP_CACHED and hasattr(denoiser(pipe), "enable_cache")


def uncached(network: Any) -> None:
    """Takes the cache's hooks off, those of a cache too that could not be put on in whole, and what they leave behind."""
    from diffusers.hooks import HookRegistry
    from diffusers.hooks.first_block_cache import _FBC_BLOCK_HOOK, _FBC_LEADER_BLOCK_HOOK

    registry = HookRegistry.check_if_exists_or_initialize(network)
    for name in (_FBC_LEADER_BLOCK_HOOK, _FBC_BLOCK_HOOK):
        registry.remove_hook(name, recurse=True)
    registry.invalidate_child_registries_cache()
    for module in network.modules():
        hooks, forward = getattr(module, "_diffusers_hook", None), vars(module).get("forward")
        if hooks is not None and not hooks.hooks and getattr(forward, "__self__", None) is module:
            del module.forward  # the class's own, bound to the module
    network._cache_config = None


def steps_of(request: DiffusionRequest, pipe: Any) -> int:
    """The steps that a run really does."""
    share = getattr(request, "strength", None) if "strength" in inspect.signature(pipe.__call__).parameters else None
    return int((request.steps or 0) * (1 if share is None else share) + 1e-9)


def attention(pipe: Any) -> tuple[str, list[Any]] | None:
    """The name of the attention that measures faster than the library's own choice, and all kinds in their order of
    speed; None where none does."""
    import torch
    from torch.nn import functional
    from torch.nn.attention import SDPBackend, sdpa_kernel

    config = denoiser(pipe).config
    width = config.get("attention_head_dim")
    width = width if isinstance(width, int) and width >= 32 else 64
    q, k, v = (torch.randn(1, 16, 4096, width, device=pipe._execution_device, dtype=denoiser(pipe).dtype) for _ in range(3))
    kinds = {
        "flash": SDPBackend.FLASH_ATTENTION, "cuDNN": SDPBackend.CUDNN_ATTENTION, "efficient": SDPBackend.EFFICIENT_ATTENTION,
    }

    def seconds(count: int = 5) -> float:
        functional.scaled_dot_product_attention(q, k, v)
        torch.cuda.synchronize(q.device)
        begun = time.perf_counter()
        for _ in range(count):
            functional.scaled_dot_product_attention(q, k, v)
        torch.cuda.synchronize(q.device)
        return time.perf_counter() - begun

    taken, own = {}, seconds()
    for name, kind in kinds.items():
        try:
            with sdpa_kernel([kind]):
                taken[name] = seconds()
        except RuntimeError:  # this card, or this precision, has no such kernel
            continue
    order = sorted(taken, key=taken.__getitem__)
    if not order or taken[order[0]] > FASTER * own:
        return None
    return order[0], [*(kinds[name] for name in order), SDPBackend.MATH]
