"""What a .safetensors file is, read from its header alone: a LoRA with its base and words, a compact upscaler, or another."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.errors import ModelBroken
from playground.wording import say

LONGEST_HEADER = 100_000_000  # bytes; the format's own limit
SCALES = range(1, 17)  # of compact upscalers
WORDS = 3  # of the words that a LoRA was taught with, the most frequent
NAMED = (  # what a file's own words about its base look like, without marks, in the order in which they are tried
    ("flux2-klein", r"flux2?klein|flux2"), ("z-image", r"zimage"), ("qwen-image", r"qwenimage"), ("flux1", r"flux"),
    ("sdxl", r"sdxl|stablediffusionxl|illustrious|pony"), ("sd2", r"sdv?2|stablediffusionv?2"),
    ("sd1", r"sdv?1|stablediffusionv?1"),
)
FLUX1_BLOCKS = 19  # double blocks; FLUX.2 klein has 5 or 8
QWEN_IMAGE_BLOCKS = 60
BY_WIDTH = {768: "sd1", 1024: "sd2", 2048: "sdxl"}  # of the text that a U-Net's cross attention reads


@dataclass(frozen=True, kw_only=True)
class Lora:
    """A small addition to a model. base: the family that it was made for, as in ModelCard.base ("" where not known);
    words: what the prompt should hold so that it shows, "" where the file does not say."""

    name: str
    path: Path
    base: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Header:
    """The names and shapes of a file's tensors, and what its maker wrote beside them."""

    shapes: Mapping[str, tuple[int, ...]]
    notes: Mapping[str, str]


def raw_header(path: Path) -> tuple[Any, int]:
    """The JSON at the head of a safetensors file, and the byte at which its tensors begin; OSError or ValueError where it
    cannot be read."""
    if not path.is_file():  # opening a pipe would wait for ever
        raise ValueError
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(LONGEST_HEADER, path.stat().st_size - 8):
            raise ValueError
        try:
            return json.loads(file.read(length)), 8 + length
        except RecursionError:
            raise ValueError from None


def header(path: Path) -> Header:
    """The header of a safetensors file; ModelBroken where it is damaged or cut short. No tensor is read."""
    try:
        found, begins = raw_header(path)
        notes = {str(k): str(v) for k, v in (found.pop("__metadata__", None) or {}).items()}
        shapes = {name: tuple(int(n) for n in entry["shape"]) for name, entry in found.items()}
        ends = max((entry["data_offsets"][1] for entry in found.values()), default=0)
        if begins + ends > path.stat().st_size or any(n < 0 for shape in shapes.values() for n in shape):
            raise ValueError
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError):
        raise ModelBroken(say("own.damaged", name=tidy(path.name))) from None
    return Header(shapes=shapes, notes=notes)


def is_lora(found: Header) -> bool:
    """Whether the tensors are additions to another model's."""
    return any(re.search(r"lora\d?[_.](a|b|up|down)\b|\.hada_w1|\.lokr_w1", name, re.I) for name in found.shapes)


def is_for_text(found: Header) -> bool:
    """Whether a LoRA of no known base belongs to a language model."""
    return any(re.search(r"(^|\.)(model\.layers|transformer\.h)\.\d+\.(self_attn|mlp|attn)\b", name) for name in found.shapes)


def is_compact(found: Header) -> bool:
    """Whether the tensors are a compact upscaler's (SRVGG) for three colours."""
    convs = [shape for name, shape in found.shapes.items() if re.fullmatch(r"body\.\d+\.weight", name) and len(shape) == 4]
    first = found.shapes.get("body.0.weight", ())
    known = len(convs) >= 3 and len(first) == 4 and first[1] == 3 and all(n.startswith("body.") for n in found.shapes)
    return known and outputs(found) in {3 * scale**2 for scale in SCALES}


def outputs(found: Header) -> int:
    """How many channels the last convolution of a compact upscaler makes."""
    numbered = {int(m[1]): shape for n, shape in found.shapes.items() if (m := re.fullmatch(r"body\.(\d+)\.weight", n))}
    convs = {number: shape for number, shape in numbered.items() if len(shape) == 4}
    return convs[max(convs)][0]


def enlarges(found: Header) -> int:
    """How many times a compact upscaler enlarges: its last convolution makes 3 colours times that, squared."""
    return round((outputs(found) / 3) ** 0.5)


def lora(path: Path, found: Header, *, name: str) -> Lora:
    """What the header of a LoRA tells of it."""
    return Lora(name=name, path=path, base=base_of(found), words=words_of(found.notes))


def base_of(found: Header) -> str:
    """The family that a LoRA was made for: what the file says of itself, else what its tensors are called and how wide
    they are; "" where neither tells."""
    notes = found.notes
    for key in ("ss_base_model_version", "modelspec.architecture", "base_model", "ss_sd_model_name"):
        plain = re.sub(r"[^a-z0-9]", "", notes.get(key, "").lower())
        for base, pattern in NAMED:
            if re.search(pattern, plain):
                return base
    return base_by_names(found.shapes)


def base_by_names(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The family by the names and shapes of the tensors."""
    names = "\n".join(shapes)
    if "txt_mlp" in names or "img_mlp" in names and "single" not in names:
        return "qwen-image" if "double_blocks" not in names else flux(names, shapes)
    if "double_blocks" in names or "single_transformer_blocks" in names or "single_blocks" in names:
        return flux(names, shapes)
    if re.search(r"(^|[._])layers[._]\d+[._](attention|feed_forward|adaLN)", names, re.M) or "noise_refiner" in names:
        return "z-image"
    if re.search(r"(^|[._])transformer_blocks[._]\d+[._]attn[._](add_|to_)", names, re.M) and not re.search(
        r"(unet|down_blocks|input_blocks|mid_block|middle_block)", names
    ):
        return "qwen-image" if most(names, "transformer_blocks") >= FLUX1_BLOCKS else ""
    if "lora_te2" in names or re.search(r"^text_encoder_2\.", names, re.M):
        return "sdxl"
    return BY_WIDTH.get(cross_width(shapes), "")


def flux(names: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Which of the two generations: they share their names, not the number of their blocks nor all of the layers."""
    if re.search(r"to_qkv_mlp_proj|linear_in|stream_modulation", names):
        return "flux2-klein"
    if re.search(r"img_mod|proj_mlp|ff_context[._]net|norm1[._]linear", names):
        return "flux1"
    doubles = max(most(names, "double_blocks"), most(names, r"(?<!single_)transformer_blocks"))
    singles = max(most(names, "single_blocks"), most(names, "single_transformer_blocks"))
    if doubles >= 8 or singles >= 24:  # more than klein 9B has
        return "flux1"
    return "flux2-klein" if doubles in (4, 7) or singles in (19, 23) else ""


def most(names: str, block: str) -> int:
    """The highest number of a kind of block; -1 where there is none."""
    return max((int(number) for number in re.findall(rf"{block}[._](\d+)", names)), default=-1)


def cross_width(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """How wide the text is that a U-Net's cross attention reads; 0 where no such tensor is there."""
    pattern = re.compile(r"attn2.*to_k.*(down|lora_a)\b", re.I)
    return next((shape[1] for name, shape in shapes.items() if pattern.search(name) and len(shape) > 1), 0)


def words_of(notes: Mapping[str, str]) -> str:
    """The words that make a LoRA show: those that its maker names, else the most frequent that it was taught with."""
    for key in ("modelspec.trigger_phrase", "trigger_phrase", "trigger_words", "trigger_word"):
        if phrase := notes.get(key, "").strip():
            return tidy(phrase)
    try:
        folders: Any = json.loads(notes.get("ss_tag_frequency", "{}"))
        counted: dict[str, int] = {}
        for tags in folders.values():
            for tag, count in tags.items():
                counted[tag.strip()] = counted.get(tag.strip(), 0) + int(count)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return ""
    often = sorted((t for t in counted if t), key=lambda tag: -counted[tag])[:WORDS]
    return tidy(", ".join(often))


def tidy(text: str) -> str:
    """A stranger's words in one printable line of at most 200 characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
