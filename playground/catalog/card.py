"""A model's card: what people and the engine need to know about it, and what it makes of a request."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playground.errors import BadRequest
from playground.requests import SCHEDULERS, DiffusionRequest, Limits, Request, check_strength, clip
from playground.wording import say

ASSETS = Path(__file__).parents[2] / "assets"
STARTERS = ASSETS / "starters"
PICTURE_TASKS = frozenset({"text_to_image", "image_to_image", "inpainting"})
SCHEDULER_OWN = "model's own"


@dataclass(frozen=True, kw_only=True)
class Extra:
    """Files of another repository that a model needs. kind: "model" or "dataset"; files: names or patterns, () for all;
    optional: whether the model works without them too, only slower or with fewer choices; revision: a branch or a commit,
    "" for the main branch."""

    repository: str
    kind: str = "model"
    files: tuple[str, ...] = ()
    optional: bool = False
    revision: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One model.

    id: short and stable; adapter: a module of playground.pipelines; folder: where its files are on this computer, None
    for a model of the hub that was not looked up there; repository: a hub repository, else ""; commit: the repository's,
    once it is known; variant: of its files ("fp16"), where the repository has several; extras: what else is fetched for
    it; places: the extras' folders by repository, once they are known; download and memory in bytes (memory: of the
    weights in the precision that `bits` says, an estimate before it was loaded; largest: of its largest part, which
    alone must fit on a graphics card where the parts take turns); bits: of a weight in these figures, 0 where they count
    what is loaded whatever the device; pipeline: its class in the library; sisters: the
    class for a task where the library's own
    table does not know it; base: the family that a LoRA must have been made for; on_cpu: whether a laptop's CPU runs it in
    a time that people wait; languages: that it reads or speaks; needs: packages beyond requirements.txt; commercial:
    whether the licence allows all uses; gated: whether its maker wants to be asked first; defaults: values for request
    fields that the visitor left to the model ("inpainting.strength" for one task only); limits: narrower ranges;
    options: what the adapter must know (for example "guidance": the pipeline's own name of that argument);
    things, styles, grounds: what a starter can draw, its style words and its backgrounds' colours; ground_colours: those
    as red, green and blue of 0..255; vocabulary: every word of its captions, in lower case; all empty where not known.
    """

    id: str
    title: str
    sentence: str
    bad_at: str
    tasks: frozenset[str]
    adapter: str
    licence: str
    training_data: str
    memory: int
    bits: int = 0
    download: int = 0
    folder: Path | None = None
    repository: str = ""
    commit: str = ""
    variant: str = ""
    extras: tuple[Extra, ...] = ()
    places: Mapping[str, Path] = field(default_factory=dict)
    pipeline: str = ""
    sisters: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
    largest: int = 0
    on_cpu: bool = False
    languages: tuple[str, ...] = ("English",)
    needs: tuple[str, ...] = ()
    commercial: bool = True
    gated: bool = False
    chat: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    voices: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    things: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    grounds: tuple[str, ...] = ()
    ground_colours: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    vocabulary: frozenset[str] = frozenset()

    @property
    def starter(self) -> bool:
        """Whether the weights are part of this repository."""
        return self.folder is not None and not self.repository and self.folder.parent == STARTERS

    @property
    def own(self) -> bool:
        """Whether it is a model that somebody brought along, of which the catalogue says nothing."""
        return self.id.startswith("own-")

    @property
    def takes_negative_prompt(self) -> bool:
        """Whether words to avoid have an effect; a model with its guidance distilled into it knows none."""
        return not self.options.get("guidance_distilled")

    @property
    def schedulers(self) -> tuple[str, ...]:
        """The names of requests.SCHEDULERS that suit it."""
        return SCHEDULERS[:1] if self.options.get("own_scheduler") else SCHEDULERS

    @property
    def clones(self) -> bool:
        """Whether it can speak in the voice of a recording."""
        return bool(self.options.get("clones"))

    @property
    def origin(self) -> str:
        """What the libraries' from_pretrained takes."""
        return str(self.folder) if self.folder else self.repository

    def default(self, request: type[Request], name: str) -> Any:
        """This model's default for a field of a request."""
        for key in (f"{request.task}.{name}", name):
            if key in self.defaults:
                return self.defaults[key]
        if name == "voice" and self.voices:
            return self.voices[0]
        return next(f.default for f in dataclasses.fields(request) if f.name == name)

    def range(self, request: type[Request], name: str) -> Limits:
        """This model's limits for a number of a request."""
        return self.limits.get(name) or request.limits(name)

    def complete(self, request: Request) -> Request:
        """The request with every None that this card has a default for filled in, and checked against its limits."""
        if request.task not in self.tasks:
            raise BadRequest(say("catalog.other_task", model=self.title), field="model")
        fields = {f.name: getattr(request, f.name) for f in dataclasses.fields(request)}
        missing = {n: self.default(type(request), n) for n, value in fields.items() if value is None}
        if missing:
            request = dataclasses.replace(request, **missing)
        for name, limits in self.limits.items():
            if name in fields and (value := getattr(request, name)) is not None:
                limits.check(name, value)
        if (name := getattr(request, "scheduler", None)) and name not in self.schedulers:
            names = ", ".join(self.schedulers)
            raise BadRequest(say("pipelines.diffusion.scheduler", model=self.title, name=name, names=names), field="scheduler")
        if isinstance(request, DiffusionRequest) and request.task != "text_to_image":
            check_strength(request.steps, request.strength)
        if (voice := getattr(request, "voice", None)) and voice not in self.voices:
            if not self.voices:
                raise BadRequest(say("catalog.one_voice", model=self.title), field="voice")
            offered, more = ", ".join(self.voices[:6]), len(self.voices) - 6
            if more > 0:
                offered = say("lists.and", first=offered, last=say("lists.more", count=more))
            sentence = say("catalog.no_such_voice", model=self.title, voice=clip(voice), voices=offered)
            raise BadRequest(sentence, field="voice")
        if getattr(request, "reference", None) is not None and not self.clones:
            raise BadRequest(say("catalog.no_cloning", model=self.title), field="reference")
        return request


def gigabytes(value: float) -> int:
    """Bytes of a number of gigabytes."""
    return int(value * 1e9)
