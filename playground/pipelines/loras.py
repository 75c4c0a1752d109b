"""The LoRAs that a loaded pipeline wears: put on by name and weight, taken off again without a trace."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.catalog import ModelCard
from playground.errors import BadRequest
from playground.pipelines.denoising import denoiser
from playground.wording import say

if TYPE_CHECKING:
    from playground.lora_files import Lora

OWN_NAME = "lora_{}"  # a name of a file may hold dots, which peft does not take


class Worn:
    """What one loaded model wears. Sister pipelines share its networks, so all of them wear the same.

    now: file, time of the file and weight of each that is worn.
    """

    def __init__(self, *, card: ModelCard) -> None:
        self.now: tuple[tuple[str, int, float], ...] = ()
        self._card = card
        self._loaded: dict[tuple[str, int], str] = {}  # the adapter's name in the networks by path and time of the file

    def wear(
        self, pipe: Any, wanted: tuple[tuple[str, float], ...], *, known: Mapping[str, Lora],
    ) -> tuple[str, ...]:
        """Puts these LoRAs on and takes all others off; what was loaded stays while the same are asked for. known: the
        LoRAs of this computer by name. Gives a word on each. BadRequest where one cannot be worn; the pipeline then wears
        none."""
        wanted = tuple((name, weight) for name, weight in wanted if weight)
        try:
            files = {self._file(pipe, name, known): (name, weight) for name, weight in wanted}
        except BadRequest:
            self.take_off(pipe)
            raise
        files = dict(sorted(files.items()))  # sums depend on the order, and the picture must not
        now = tuple((*file, weight) for file, (_, weight) in files.items())
        if now == self.now:
            return words(wanted)
        if files.keys() != self._loaded.keys():
            with unhooked(pipe):
                self.take_off(pipe)
                for number, (file, (name, _)) in enumerate(files.items(), 1):
                    self._load(pipe, file, name, OWN_NAME.format(number))
        if wanted:
            try:
                pipe.set_adapters([self._loaded[file] for file in files], [weight for _, weight in files.values()])
            except Exception:
                self.take_off(pipe)
                raise
        self.now = now
        return words(wanted)

    def take_off(self, pipe: Any) -> None:
        """Leaves the networks as they were without any LoRA."""
        self.now = ()
        if self._loaded:
            self._loaded.clear()
            with unhooked(pipe):
                unload(pipe)

    def _file(self, pipe: Any, name: str, known: Mapping[str, Lora]) -> tuple[str, int]:
        """A LoRA's file, after a look at whether this model can wear it."""
        if not hasattr(pipe, "load_lora_weights"):
            raise BadRequest(say("loras.none", model=self._card.title), field="loras")
        if narrow(denoiser(pipe)):
            raise BadRequest(say("loras.narrow", model=self._card.title), field="loras")
        if name not in known:
            raise BadRequest(say("loras.unknown", name=name), field="loras")
        lora = known[name]
        if lora.base and self._card.base and lora.base != self._card.base:
            sentence = say("loras.other_family", name=name, base=lora.base, model=self._card.title, own=self._card.base)
            raise BadRequest(sentence, field="loras")
        if lora.path.suffix != ".safetensors" or not readable(lora.path):
            raise BadRequest(say("loras.damaged", name=name), field="loras")
        return stamp(lora.path)

    def _load(self, pipe: Any, file: tuple[str, int], name: str, adapter: str) -> None:
        path = Path(file[0])
        self._loaded[file] = adapter
        try:
            pipe.load_lora_weights(
                str(path.parent), weight_name=path.name, adapter_name=adapter, use_safetensors=True, local_files_only=True,
            )
            found = pipe.get_list_adapters()  # a text encoder alone may fit by chance: several families share one
            fits = any(adapter in found.get(part, ()) for part in ("unet", "transformer"))
        except Exception as error:
            self.take_off(pipe)
            if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
                raise
            raise BadRequest(say("loras.no_fit", name=name, model=self._card.title), field="loras") from error
        except BaseException:
            self.take_off(pipe)
            raise
        if not fits:
            self.take_off(pipe)
            raise BadRequest(say("loras.no_fit", name=name, model=self._card.title), field="loras")


def words(worn: tuple[tuple[str, float], ...]) -> tuple[str, ...]:
    """What is said of LoRAs under a result."""
    return tuple(say("loras.used", name=name, weight=f"{weight:.4g}") for name, weight in worn)


def narrow(network: Any) -> bool:
    """Whether weights are kept in 8 bits, in which a LoRA's own layers would be kept too and would not compute."""
    return any("float8" in str(parameter.dtype) for parameter in network.parameters())


def stamp(path: Path) -> tuple[str, int]:
    """A file and when it was last written, 0 where it is gone."""
    try:
        return str(path), path.stat().st_mtime_ns
    except OSError:
        return str(path), 0


def readable(path: Path) -> bool:
    """Whether a file is whole safetensors with at least one tensor."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return bool(file.keys())
    except (OSError, SafetensorError):
        return False


@contextmanager
def unhooked(pipe: Any) -> Iterator[None]:
    """A block in which a pipeline's parts do not take turns on the device: their hooks know the layers by name."""
    if not getattr(pipe, "_all_hooks", None):
        yield
        return
    device = pipe._offload_device
    pipe.remove_all_hooks()
    pipe.to("cpu")
    try:
        yield
    finally:
        pipe.enable_model_cpu_offload(device=device)


def unload(pipe: Any) -> None:
    """Removes every LoRA from a pipeline's networks, and what some kinds of them change beside their own layers."""
    known = inspect.signature(pipe.unload_lora_weights).parameters
    pipe.unload_lora_weights(**({"reset_to_overwritten_params": True} if "reset_to_overwritten_params" in known else {}))
    for network in (getattr(pipe, "unet", None), getattr(pipe, "transformer", None)):
        if network is not None and any(getattr(m, "fused_projections", False) for m in network.modules()):  # by LoKr files
            network.unfuse_qkv_projections()
