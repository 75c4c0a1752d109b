"""Cards for models that are in no catalogue: what a model_index.json or a config.json tells of a folder or a repository.

It takes parsed JSON and names of files only, and refuses what would need code or pickles from elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playground.catalog import ModelCard, folder_bits, named_bits
from playground.catalog.families import FAMILIES, picture
from playground.errors import BadRequest, ModelBroken, NotInstalled
from playground.lora_files import tidy
from playground.requests import Limits, TextGenerationRequest, TextToImageRequest
from playground.wording import say

INDEX, CONFIG = "model_index.json", "config.json"
PICKLED = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
LIBRARIES = ("diffusers", "transformers", "stable_diffusion")  # of the parts of a pipeline; others are programs
WEIGHTLESS = re.compile(r"Scheduler|Tokenizer|Processor|FeatureExtractor")
WEIGHTS = re.compile(r"[^.]+(?:\.(?P<variant>\w+))?(?:-\d{5}-of-\d{5})?\.safetensors")  # of a part, whole or in shards
QUICK = re.compile(r"turbo|lightning|schnell|lcm|hyper", re.I)  # a name that promises few steps
OTHERS_TEXT = ("qwen3_5", "qwen3_5_moe", "gemma3", "gemma4", "mistral3", "llama4")  # read pictures too, and load as text
SPEECH = ("vits", "bark", "pocket_tts", "gradium_phonon_tts", "csm", "dia", "vibevoice")  # SpeechT5 needs more than its folder
OWN_VOICE = "the model's voice"
CLONING = ("pocket_tts", "gradium_phonon_tts", "vibevoice")
PERMISSIVE = ("apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "cc0-1.0", "cc-by-4.0")  # all uses
LONGEST_NAME = 80
LARGE = 8e9  # bytes that no laptop computes with in a time that people wait


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a class of pipeline is best asked. quick: steps and guidance where the model's name promises few steps."""

    steps: int
    guidance: float
    size: int = 1024
    strength: float = 0.75
    quick: tuple[int, float] = (4, 0.0)


ASKED = {
    "StableDiffusionPipeline": Asked(steps=25, guidance=7.5, size=512),
    "StableDiffusionInpaintPipeline": Asked(steps=25, guidance=7.5, size=512, strength=1.0),
    "StableDiffusionInstructPix2PixPipeline": Asked(steps=25, guidance=7.5, size=512),
    "StableDiffusionXLPipeline": Asked(steps=28, guidance=6.0, strength=0.6),
    "StableDiffusionXLInpaintPipeline": Asked(steps=25, guidance=8.0, strength=0.95),
    "FluxPipeline": Asked(steps=28, guidance=3.5),
    "FluxFillPipeline": Asked(steps=30, guidance=20.0, strength=1.0),
    "FluxKontextPipeline": Asked(steps=28, guidance=2.5),
    "Flux2KleinPipeline": Asked(steps=4, guidance=1.0, strength=0.8, quick=(4, 1.0)),
    "ZImagePipeline": Asked(steps=30, guidance=4.0, strength=0.6, quick=(9, 0.0)),
    "QwenImagePipeline": Asked(steps=40, guidance=4.0, quick=(8, 1.0)),
    "QwenImageEditPlusPipeline": Asked(steps=40, guidance=4.0, quick=(8, 1.0)),
    "SanaSprintPipeline": Asked(steps=2, guidance=4.5, strength=0.6, quick=(2, 4.5)),
    "ErnieImagePipeline": Asked(steps=30, guidance=4.0, quick=(8, 1.0)),
    "Krea2Pipeline": Asked(steps=30, guidance=4.0, quick=(8, 0.0)),
}

Read = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a model is: a hub repository or a folder on this computer. name: for people; place: its path below the folder
    of models, the name where it is ""; files: their sizes in bytes by path, empty where they are not known; read: gives the
    JSON of a further file, {} where there is none."""

    name: str
    place: str = ""
    repository: str = ""
    folder: Path | None = None
    files: Mapping[str, int] = field(default_factory=dict)
    read: Read = lambda path: {}

    @property
    def is_hub(self) -> bool:
        """Whether it is a repository of the hub."""
        return bool(self.repository)

    def lacks(self, part: str) -> NotInstalled:
        """The refusal where a part of it is missing."""
        return NotInstalled(say("own.hub_incomplete" if self.is_hub else "own.incomplete", name=self.name, part=tidy(part)))


def card_of(
    repository: str, settings: Mapping[str, Any], *, files: Mapping[str, int] | None = None, read: Read | None = None,
    licence: str = "", gated: bool = False, commit: str = "",
) -> ModelCard:
    """The card of a hub repository that is not in the catalogue, from its parsed model_index.json, or else config.json.

    files: the repository's, with their sizes; read: gives the JSON of another of its files, {} where it has none. A model
    that would need code of its own, pickles, or a class that no adapter knows is refused with NotInstalled.
    """
    check_name(repository)
    source = Source(name=repository, repository=repository, files=files or {}, read=read or (lambda path: {}))
    card = described(source, settings)
    bits = 16 if card.variant == "fp16" else named_bits(settings.get("dtype") or settings.get("torch_dtype"))
    return replace(
        card, licence=tidy(licence)[:LONGEST_NAME] or say("own.licence_unknown"), gated=gated, commit=commit,
        commercial=licence.lower() in PERMISSIVE, bits=bits,
    )


def check_name(repository: str) -> None:
    """Refuses with BadRequest what is no owner/name."""
    if not re.fullmatch(r"[\w][\w.-]{0,95}/[\w][\w.-]{0,95}", repository, re.ASCII) or ".." in repository:
        raise BadRequest(say("own.no_repository"), field="model")


def described(source: Source, settings: Mapping[str, Any]) -> ModelCard:
    """The card of what a source's settings describe, else NotInstalled in a sentence."""
    if "_class_name" in settings and "model_type" not in settings:
        return pipeline_card(source, settings)
    if "auto_map" in settings:
        raise NotInstalled(say("own.own_code", name=source.name))
    kind, architectures = settings.get("model_type", ""), settings.get("architectures") or []
    if not isinstance(kind, str) or not isinstance(architectures, list):
        raise ModelBroken(say(
            "own.hub_broken_settings" if source.is_hub else "own.broken_settings", name=f"{source.name}/{CONFIG}"
        ))
    architectures = [str(name) for name in architectures]
    if not kind and not architectures:
        raise NotInstalled(say("own.no_kind", name=source.name))
    if kind == "swin2sr":
        return upscale_card(source, scale=whole(settings.get("upscale"), 2))
    if kind in SPEECH:
        return speech_card(source, settings, kind)
    if kind in OTHERS_TEXT or any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures):
        return text_card(source)
    raise NotInstalled(say("own.other_kind", name=source.name, kind=tidy(kind or ", ".join(architectures))[:LONGEST_NAME]))


def blank(source: Source, *, adapter: str, tasks: frozenset[str], **values: Any) -> ModelCard:
    """A card with all that is the same for models of one's own."""
    sentence = say("own.from_hub") if source.is_hub else say("own.from_folder")
    here = source.folder is not None and source.folder.is_dir()
    return ModelCard(**{
        "id": identity(source), "title": tidy(source.name)[:LONGEST_NAME], "adapter": adapter, "tasks": tasks,
        "folder": source.folder, "repository": source.repository, "sentence": sentence, "bad_at": say("own.bad_at"),
        "languages": (), "licence": say("own.licence"), "training_data": say("own.training_data"),
        "on_cpu": True, "memory": 1_000_000, "commercial": False,
        "bits": folder_bits(source.folder, variant=values.get("variant", "")) if here else 0,
    } | values)


def identity(source: Source) -> str:
    """The id of a model of one's own: its name, and where that leaves anything of its place unsaid, a short sum of it."""
    plain = "--".join(slug(part) for part in (source.name.split("/") if source.is_hub else (source.name,)))
    exact = source.place or source.name
    if plain == (exact.replace("/", "--") if source.is_hub else exact):
        return f"own-{plain}"
    return f"own-{plain}-{hashlib.sha256(exact.encode('utf8', 'surrogateescape')).hexdigest()[:6]}"


def slug(name: str) -> str:
    """A name as a part of an id: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:LONGEST_NAME] or "model"


def pipeline_card(source: Source, settings: Mapping[str, Any]) -> ModelCard:
    """A diffusers pipeline of a class that the catalogue knows."""
    name = settings["_class_name"]
    parts = {part: value for part, value in settings.items() if isinstance(value, list) and len(value) == 2}
    if not isinstance(name, str) or any(library not in (*LIBRARIES, None) for library, _ in parts.values()):
        raise NotInstalled(say("own.own_code", name=source.name))
    family = FAMILIES.get(name)
    if family is None:
        raise NotInstalled(say("own.other_kind", name=source.name, kind=tidy(name)[:LONGEST_NAME]))
    variant, sizes = weights(source, [
        part for part, (library, made) in parts.items() if library and made and not WEIGHTLESS.search(str(made))
    ])
    size, asked = sum(sizes.values()), ASKED.get(name, Asked(steps=28, guidance=4.0))
    steps, guidance = asked.quick if QUICK.search(source.name) else (asked.steps, asked.guidance)
    return blank(
        source, adapter="diffusion", tasks=family.tasks, pipeline=name, variant=variant, memory=max(size, 1_000_000),
        largest=max(sizes.values(), default=0), download=size if source.is_hub else 0, on_cpu=size < LARGE,
        sisters=family.sisters, options=family.options, base=base_of(source, family.base),
        defaults=picture(
            steps=steps, guidance_scale=guidance, size=native_size(source, asked.size), strength=asked.strength
        ),
    )


def weights(source: Source, parts: list[str]) -> tuple[str, dict[str, int]]:
    """The variant to read and the bytes of each part's weights; NotInstalled where a part has none in safetensors."""
    if not source.files:
        return "", {}
    found: dict[str, dict[str, int]] = {}
    for part in parts:
        found[part] = {}
        for path, size in inside(source.files, part).items():
            if match := WEIGHTS.fullmatch(path):
                variant = match["variant"] or ""
                found[part][variant] = found[part].get(variant, 0) + size
        if not found[part]:
            pickled = any(path.endswith(PICKLED) for path in inside(source.files, part))
            raise NotInstalled(say("own.pickled", name=source.name)) if pickled else source.lacks(part)
    only = {variant for sizes in found.values() if "" not in sizes for variant in sizes}
    variant = "fp16" if "fp16" in only else next(iter(sorted(only)), "")
    return variant, {part: sizes.get(variant, sizes.get("", max(sizes.values()))) for part, sizes in found.items()}


def inside(files: Mapping[str, int], part: str) -> dict[str, int]:
    """The files that stand directly in a folder, "" for the top one, without its name."""
    start = f"{part}/" if part else ""
    return {path[len(start):]: n for path, n in files.items() if path.startswith(start) and "/" not in path[len(start):]}


def native_size(source: Source, size: int) -> int:
    """The side of the pictures that a U-Net was trained on, in pixels; `size` where its settings do not say."""
    latents = whole(source.read("unet/config.json").get("sample_size"), 0)
    blocks = source.read("vae/config.json").get("block_out_channels")
    if not latents or not isinstance(blocks, list) or not blocks:
        return size
    limits = TextToImageRequest.limits("width")
    side = latents * 2 ** (len(blocks) - 1) // limits.multiple_of * limits.multiple_of
    return int(min(max(side, limits.low), limits.high))


def base_of(source: Source, base: str) -> str:
    """The family that LoRAs must be for; Stable Diffusion's two generations differ in how wide the text is."""
    wide = base == "sd1" and source.read("unet/config.json").get("cross_attention_dim") == 1024
    return "sd2" if wide else base


def whole(value: Any, otherwise: int) -> int:
    """A whole number above 0 that stood in somebody's file."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000 else otherwise


def top_weights(source: Source) -> int:
    """Bytes of the safetensors at the top of a transformers folder; NotInstalled where there are none."""
    top = inside(source.files, "")
    sizes = [size for path, size in top.items() if path.endswith(".safetensors") and not path.startswith("consolidated")]
    if source.files and not sizes:
        pickled = any(path.endswith(PICKLED) for path in top)
        raise NotInstalled(say("own.pickled", name=source.name)) if pickled else source.lacks("model.safetensors")
    return sum(sizes)


def sized(source: Source) -> dict[str, Any]:
    """What the bytes of a transformers folder say on a card."""
    size = top_weights(source)
    return {
        "memory": max(size, 1_000_000), "largest": size, "download": size if source.is_hub else 0, "on_cpu": size < LARGE,
    }


def text_card(source: Source) -> ModelCard:
    """A causal language model; it chats where its tokenizer has a template."""
    top, known = inside(source.files, ""), sized(source)
    tokenizer = source.read("tokenizer_config.json")
    if "auto_map" in tokenizer:
        raise NotInstalled(say("own.own_code", name=source.name))
    if top and not {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"} & top.keys():
        raise NotInstalled(say("own.hub_no_tokenizer" if source.is_hub else "own.no_tokenizer", name=source.name))
    chat = bool(tokenizer.get("chat_template")) or bool({"chat_template.jinja", "chat_template.json"} & top.keys())
    defaults = {"max_new_tokens": 256, "temperature": 0.7, "top_p": 0.95, "top_k": 50, "repetition_penalty": 1.05}
    for name, value in source.read("generation_config.json").items():
        if name in ("temperature", "top_p", "top_k", "repetition_penalty"):
            try:
                defaults[name] = TextGenerationRequest.limits(name).check(name, value)
            except BadRequest:
                continue
    return blank(
        source, adapter="text", tasks=frozenset({"text_generation"}), chat=chat, defaults=defaults, **known
    )


def upscale_card(source: Source, *, scale: int) -> ModelCard:
    """A Swin2SR, or a compact upscaler."""
    return blank(
        source, adapter="upscale", tasks=frozenset({"super_resolution"}), defaults={"tile": 128}, options={"scale": scale},
        **sized(source),
    )


def speech_card(source: Source, settings: Mapping[str, Any], kind: str) -> ModelCard:
    """A voice of one of the families; what it is called inside is all that is known of its voices."""
    limits = {"pitch": Limits(low=0, high=0, step=0.5)}
    if kind != "vits":
        limits["speed"] = Limits(low=1, high=1, step=0.05)
    speakers = whole(settings.get("num_speakers"), 1)
    if kind == "vits" and speakers > 1:
        voices = tuple(f"speaker {number + 1}" for number in range(min(speakers, 200)))
    elif kind == "csm":
        voices = ("speaker 0", "speaker 1")
    elif kind == "bark":
        presets = source.read("speaker_embeddings_path.json")
        voices = tuple(tidy(name) for name in presets if name != "repo_or_path")[:200] or (OWN_VOICE,)
    else:
        voices = (OWN_VOICE,)
    return blank(
        source, adapter="speech", tasks=frozenset({"text_to_speech"}), voices=voices, limits=limits,
        options={"clones": True} if kind in CLONING else {}, **sized(source),
    )
