"""How many bits a model's files spend on a weight, read from their headers alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playground.lora_files import raw_header

WIDTHS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8,
    "float64": 64, "float32": 32, "float16": 16, "bfloat16": 16,
}


def named_bits(name: object) -> int:
    """The bits of a precision by its name, as a config.json says it ("bfloat16"); 0 where it says none."""
    return WIDTHS.get(name.removeprefix("torch."), 0) if isinstance(name, str) else 0


def folder_bits(folder: Path, *, variant: str = "") -> int:
    """Bits a weight on average in the safetensors of a folder and of the folders in it, which are a pipeline's parts; 0
    where that cannot be read. variant: which files count where a part has several."""
    weights = bits = 0
    for part in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        every = sorted(part.glob("*.safetensors"))
        chosen = [path for path in every if (f".{variant}." in path.name if variant else path.name.count(".") == 1)]
        for path in chosen or every:
            for count, width in counted(header(path)):
                weights += count
                bits += count * width
    return round(bits / weights) if weights else 0


def counted(tensors: Mapping[str, Any]) -> list[tuple[int, int]]:
    """How many weights each tensor of a header has, and their bits; whole numbers are no weights."""
    made = []
    for one in tensors.values():
        if isinstance(one, dict) and (width := WIDTHS.get(str(one.get("dtype")), 0)):
            shape = one.get("shape")
            if isinstance(shape, list) and all(isinstance(side, int) and 0 <= side < 2**40 for side in shape):
                made.append((math.prod(shape), width))
    return made


def header(path: Path) -> dict[str, Any]:
    """The tensors that a safetensors file names; {} where it is none."""
    try:
        found, _ = raw_header(path)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
