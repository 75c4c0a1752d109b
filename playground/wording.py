"""Every sentence that people read, found by a key in one table, so that a translation is one more file beside it."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "assets" / "wording" / "en.toml"


@cache
def table() -> dict[str, Any]:
    """The whole table, section by section."""
    return tomllib.loads(TABLE.read_text(encoding="utf8"))


def entry(key: str) -> str | dict[str, str]:
    """The text under a key of dotted names, or its forms `one` and `other`; KeyError with the whole key where none is."""
    found: Any = table()
    for name in key.split("."):
        if not isinstance(found, dict) or name not in found:
            raise KeyError(key)
        found = found[name]
    if isinstance(found, dict) and "other" not in found:
        raise KeyError(key)
    return found


def say(key: str, /, **values: Any) -> str:
    """The sentence of a key with its {places} filled. One with the forms `one` and `other` is chosen by `count`."""
    found = entry(key)
    if isinstance(found, dict):
        found = found["one" if values["count"] == 1 else "other"]
    return found.format(**values)


def for_scripts() -> str:
    """The sentences of the page's scripts, as JSON that may stand inside a script element."""
    return json.dumps(table()["script"], ensure_ascii=False).replace("<", "\\u003c")
