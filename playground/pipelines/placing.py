"""Where a loaded model's weights stand: put on the device, to rest in RAM and back, eased where memory runs out.

It decides nothing: which placement is wanted stands in the Device, and the pool says when a model rests or eases off.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from playground.device import Device, give_back
from playground.events import Emit, Notice
from playground.placement import FP8, IN_TURN, OFFLOAD, TILED, WHOLE
from playground.wording import say

BLACK = 4 / 255  # a picture of one shade that is not lighter than this was probably not drawn
KEPT_WIDE = (
    "pos_embed", "patch_embed", "norm", "^proj_in$", "^proj_out$", "embed", "shared", "relative_attention_bias", "lm_head",
    "lora",
)


class PlacedNetwork:
    """A loaded model of torch modules, whole on its device. What inherits gives `parts()` and calls `placed_on` once."""

    placement = WHOLE
    _home = "cpu"
    _eased: tuple[str, ...] = ()

    def parts(self) -> tuple[Any, ...]:
        """The torch modules with the weights; () once the model is closed."""
        network = getattr(self, "network", None)
        return () if network is None else (network,)

    def placed_on(self, device: str) -> None:
        """Remembers the device on which the weights stand and to which they come back after a rest."""
        self._home = device

    @property
    def part_bytes(self) -> int:
        """Bytes that stand on the device at once: all of the weights, or the largest part where parts take turns."""
        sizes = [weight_bytes(part) for part in self.parts()]
        return sum(sizes) if self.placement == WHOLE else max(sizes, default=0)

    @property
    def used(self) -> tuple[str, ...]:
        """In a few words each: where the weights stand, and what was eased. A CPU's whole model is not worth a word."""
        place = () if self._home == "cpu" and self.placement == WHOLE else (say(f"placing.place.{self.placement}"),)
        return place + self._eased

    def rest(self, *, pin: bool = False) -> None:
        """Moves the weights to RAM; pin: to pages that the GPU reads directly, which makes waking several times faster."""
        for part in self.parts():
            if pin and self._home.startswith("cuda"):
                to_pinned(part, self._home)
            else:
                part.to("cpu")
        give_back()

    def wake(self) -> None:
        """Moves the weights back to the device."""
        for part in self.parts():
            part.to(self._home, non_blocking=True)
        if self._home.startswith("cuda"):
            sys.modules["torch"].cuda.synchronize(self._home)

    def ease(self, level: int) -> str | None:
        """Takes the next measure against running out of memory, TILED or IN_TURN; its sentence, or None where there is
        none to take. It stays until the model is put away."""
        return None


class PlacedPipeline(PlacedNetwork):
    """A pipeline of diffusers and its sisters, which share their networks. What inherits has the loaded one in `_pipe`,
    its torch dtype in `_dtype`, and that dtype's name in `dtype`."""

    _hooked: Any = None
    _loaded: tuple[Any, ...] = ()

    def parts(self) -> tuple[Any, ...]:
        """The networks that were loaded, and those that stand in for one of them now."""
        pipe = getattr(self, "_pipe", None)
        now = () if pipe is None else networks(pipe)
        return tuple({id(network): network for network in (*self._loaded, *now)}.values())

    def place(self, device: Device) -> None:
        """Puts the loaded pipeline where the device's placement says. With hooks that move its parts, nothing may call
        `.to(device)` on it any more."""
        self.placed_on(device.name)
        self.placement = device.placement
        self._loaded = tuple(networks(self._pipe))
        if self.placement == FP8:
            for part in self.parts():
                if part is not getattr(self._pipe, "vae", None):
                    narrow(part, self._dtype)
            self.count()
        if self.placement == WHOLE:
            self._pipe.to(device.name)
        else:
            self.attach(self._pipe)

    def count(self) -> None:
        """Counts the bytes of the weights anew."""
        self.nbytes = sum(weight_bytes(part) for part in self.parts())

    def attach(self, pipe: Any) -> Any:
        """The pipeline, ready to be called: where parts take turns, their hooks are its own and no longer a sister's."""
        if self.placement != WHOLE and self._hooked is not pipe:
            if self._hooked is not None:
                self._hooked._all_hooks = []  # they are on the same networks, from which the new ones replace them
            for part in self.parts() if self.placement == FP8 else ():
                narrow_again(part)  # a sister's making may have widened them
            pipe.enable_model_cpu_offload(device=self._home)
            self._hooked = pipe
        return pipe

    def rest(self, *, pin: bool = False) -> None:
        """Where parts take turns they rest in RAM between runs anyway."""
        if self.placement == WHOLE:
            super().rest(pin=pin)

    def wake(self) -> None:
        if self.placement == WHOLE:
            super().wake()

    def ease(self, level: int) -> str | None:
        vae, title = getattr(self._pipe, "vae", None), self.card.title
        if level == TILED and hasattr(vae, "enable_tiling") and not getattr(vae, "use_tiling", False):
            vae.enable_tiling()
            self._eased += (say("placing.tiled"),)
            return say("placing.tiles", model=title)
        if level == IN_TURN and self.placement == WHOLE and self._home != "cpu" and self._pipe.model_cpu_offload_seq:
            self.placement = OFFLOAD
            self.attach(self._pipe)
            return say("placing.takes_turns", model=title)
        return None

    def sound(self, pipe: Any, arguments: dict[str, Any], step: Callable, emit: Emit) -> Any:
        """The output of the pipeline's call, made again with the model's own parts, and then in another dtype, where there
        are no numbers in it or it is all black: float16 ends at 65504, and some models go beyond. A picture that stays
        black was meant so."""
        begun = {id(g): g.get_state() for g in arguments.get("generator", ())}
        latents: list[Any] = [None]

        def seen(*of_step: Any) -> dict[str, Any]:
            latents[0] = of_step[-1].get("latents")
            return step(*of_step)

        output, before = pipe(**arguments, callback_on_step_end=seen), self._dtype
        for mended in (self.own_parts, self._in_another_dtype):
            if not lost(output.images, getattr(output, "nsfw_content_detected", None)):
                break
            sentence = mended(pipe, decoder_is_to_blame=bool(latents[0] is not None and latents[0].isfinite().all()))
            if sentence is None:
                continue
            emit(Notice(text=sentence))
            for generator in arguments.get("generator", ()):
                generator.set_state(begun[id(generator)])
            renewed = {
                name: value.to(self._dtype) if getattr(value, "dtype", None) == before else value
                for name, value in arguments.items()
            }
            output = pipe(**renewed, callback_on_step_end=seen)
        return output

    def own_parts(self, pipe: Any, *, decoder_is_to_blame: bool) -> str | None:
        """Puts a network of the model's own back where another one stands in for it, and says so; None where none does."""
        return None

    def _in_another_dtype(self, pipe: Any, *, decoder_is_to_blame: bool) -> str | None:
        """Changes the weights to a wider dtype and says so; None where there is none."""
        import torch

        vae, title, half = getattr(self._pipe, "vae", None), self.card.title, (torch.float16, torch.bfloat16)
        if self.placement == FP8 or self._dtype not in half:
            return None
        if decoder_is_to_blame and vae is not None and vae.config.get("force_upcast") and vae.dtype in half:
            widen_decoder(vae)
            self._eased += (say("placing.decoder_float32"),)
            self.count()
            return say("placing.again_decoder", model=title)
        there = not self._home.startswith("cuda") or torch.cuda.is_bf16_supported(including_emulation=False)
        wider = torch.bfloat16 if self._dtype == torch.float16 and there else torch.float32
        for part in self.parts():
            for tensor in tensors(part):
                if tensor.dtype == self._dtype:  # what a model keeps in float32 on purpose stays so
                    tensor.data = tensor.data.to(wider)
        self._dtype, self.dtype = wider, str(wider).removeprefix("torch.")
        self.count()
        self.forget()
        self._eased += (self.dtype,)
        return say("placing.again", model=title, dtype=self.dtype)

    def forget(self) -> None:
        """Called when the weights have changed: what else was made with the old ones is not to be used again."""

    def let_go(self) -> None:
        """Forgets the networks and their hooks; the first thing that close() does."""
        if self._hooked is not None:
            self._hooked.remove_all_hooks()
        self._hooked, self._loaded = None, ()


def networks(pipe: Any) -> Iterator[Any]:
    """A pipeline's torch modules, each once."""
    there = {id(c): c for c in pipe.components.values() if hasattr(c, "parameters") and hasattr(c, "buffers")}
    yield from there.values()


def tensors(network: Any) -> Iterator[Any]:
    """A network's parameters and buffers, shared ones once."""
    yield from {id(t): t for t in (*network.parameters(), *network.buffers())}.values()


def weight_bytes(network: Any) -> int:
    """Bytes of a network's parameters and buffers."""
    return sum(t.nbytes for t in tensors(network))


def to_pinned(network: Any, device: str) -> None:
    """Moves a network's tensors into page-locked memory, all copies under way at once."""
    import torch

    for tensor in tensors(network):
        host = torch.empty_like(tensor.data, device="cpu", pin_memory=True)
        tensor.data = host.copy_(tensor.data, non_blocking=True)
    torch.cuda.synchronize(device)


def narrow(network: Any, compute_dtype: Any) -> None:
    """Keeps the weights of a network's layers in 8 bits and widens each while it works. Networks of transformers have no
    method for it, but the hooks of diffusers work on any."""
    import torch
    from diffusers.hooks import apply_layerwise_casting

    if hasattr(network, "enable_layerwise_casting"):
        network.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=compute_dtype)
    else:
        # T5 looks at the dtype of these layers' weights before it calls them.
        asked = tuple(rf"(^|\.){name}(\.|$)" for name in getattr(network, "_keep_in_fp32_modules", None) or ())
        apply_layerwise_casting(
            network, storage_dtype=torch.float8_e4m3fn, compute_dtype=compute_dtype, skip_modules_pattern=KEPT_WIDE + asked
        )


def narrow_again(network: Any) -> None:
    """Brings back to 8 bits the layers that `narrow` chose."""
    for module in network.modules():
        registry = getattr(module, "_diffusers_hook", None)
        hook = registry.get_hook("layerwise_casting") if registry is not None else None
        if hook is not None:
            module.to(dtype=hook.storage_dtype)


def widen_decoder(vae: Any) -> None:
    """Makes an autoencoder work in float32 between networks of half precision: it takes and gives what they use."""
    import torch
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    half, encode, decode = vae.dtype, vae.encode, vae.decode

    def widened() -> None:
        if vae.dtype != torch.float32:  # pipelines of SDXL cast it back behind each use
            vae.to(torch.float32)

    def encoded(pixels: Any, *args: Any, **kwargs: Any) -> Any:
        widened()
        made = encode(pixels.float(), *args, **kwargs)
        if (spread := getattr(made, "latent_dist", None)) is not None:
            made.latent_dist = DiagonalGaussianDistribution(spread.parameters.to(half))
        return made

    def decoded(latents: Any, *args: Any, **kwargs: Any) -> Any:
        widened()
        return decode(latents.float(), *args, **kwargs)

    widened()
    vae.encode, vae.decode = encoded, decoded


def lost(pixels: np.ndarray, filtered: Any = None) -> bool:
    """Whether pictures (B, H, W, 3) of 0..1 hold something that is no number, or one of them is all the same black though
    no safety filter blackened it."""
    if not np.isfinite(pixels).all():
        return True
    flags = filtered or [False] * len(pixels)
    return any(not flag and np.ptp(one) < 1 / 255 and one.max() < BLACK for one, flag in zip(pixels, flags, strict=False))
