"""Prompts that were encoded already: another seed for the same words does not wake the text encoders again."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image

KEPT = 8  # prompts
LARGEST = 64_000_000  # bytes of all embeddings that are kept; they are a few megabytes a prompt as a rule


class Unknown(Exception):
    """Something that cannot be told from another or kept."""


class Encoded:
    """The last prompts of one loaded model with what its encoders made of them, byte for byte; kept in the computer's own
    memory, so that it takes no room on a graphics card and outlives a model's way there and back."""

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, Any] = OrderedDict()

    @contextmanager
    def remembered(self, pipe: Any, *, loras: Hashable = ()) -> Iterator[None]:
        """A block in which the pipeline asks its encoders only for prompts that are not known. loras: what it wears, since
        encoders can wear them too."""
        if not hasattr(pipe, "encode_prompt") or "encode_prompt" in vars(pipe):
            yield
            return
        pipe.encode_prompt = self._remembering(pipe, pipe.encode_prompt, loras)
        try:
            yield
        finally:
            del pipe.encode_prompt

    def forget(self) -> None:
        """Forgets all prompts."""
        self._made.clear()

    def _remembering(self, pipe: Any, encode: Callable[..., Any], loras: Hashable) -> Callable[..., Any]:
        signature = inspect.signature(encode)
        state = (type(pipe).__name__, loras, *(
            (name, str(part.dtype)) for name, part in pipe.components.items()
            if name.startswith("text_encoder") and hasattr(part, "dtype")
        ))

        @functools.wraps(encode)
        def encode_prompt(*args: Any, **kwargs: Any) -> Any:
            try:
                given = signature.bind(*args, **kwargs)
                given.apply_defaults()
                key = (state, told_apart(list(given.arguments.items())))
            except (Unknown, TypeError):
                return encode(*args, **kwargs)
            if key not in self._made:
                made = encode(*args, **kwargs)
                try:
                    self._keep(key, copied(made, to="cpu"))
                except Unknown:
                    pass
                return made
            self._made.move_to_end(key)
            return brought(self._made[key])

        return encode_prompt

    def _keep(self, key: Hashable, made: Any) -> None:
        if size(made) <= LARGEST:
            self._made[key] = made
            while len(self._made) > KEPT or sum(size(one) for one in self._made.values()) > LARGEST:
                self._made.popitem(last=False)


def told_apart(value: Any) -> Hashable:
    """What a value is known by: two that differ in a byte differ here. Raises Unknown where that cannot be said."""
    import torch

    match value:
        case None | bool() | int() | float() | str() | torch.device() | torch.dtype():
            return type(value).__name__, str(value)
        case list() | tuple():
            return type(value).__name__, tuple(told_apart(one) for one in value)
        case torch.Tensor():
            raw = value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
            return "tensor", tuple(value.shape), str(value.dtype), str(value.device), hashlib.blake2b(raw).digest()
        case Image.Image():
            return "picture", value.mode, value.size, hashlib.blake2b(value.tobytes()).digest()
    raise Unknown


def copied(made: Any, *, to: str) -> Any:
    """Tensors in tuples and lists, each copied to a device beside the name of its own. Raises Unknown for other things."""
    import torch

    match made:
        case None:
            return None
        case torch.Tensor():
            return {"tensor": made.detach().to(to, copy=True), "device": made.device}
        case list() | tuple() if type(made) in (list, tuple):
            return type(made)(copied(one, to=to) for one in made)
    raise Unknown


def brought(kept: Any) -> Any:
    """A copy of what copied() made, on the devices where it was."""
    match kept:
        case None:
            return None
        case dict():
            return kept["tensor"].to(kept["device"], copy=True)
    return type(kept)(brought(one) for one in kept)


def size(kept: Any) -> int:
    """Bytes of what copied() made."""
    match kept:
        case None:
            return 0
        case dict():
            return kept["tensor"].nbytes
    return sum(size(one) for one in kept)
