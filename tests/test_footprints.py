"""What models took is remembered by model, dtype and placement, between starts, and a broken file harms nobody."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from playground.footprints import MOST, REMEMBERED, Footprint, Footprints
from tests.fakes import card

SDXL, OWN, A = card("sdxl"), card("own"), card("a")


def test_nothing_is_known_of_what_was_never_loaded():
    known = Footprints()
    known.ran(SDXL, "bfloat16", "whole", peak=9)
    assert known.of(SDXL, "bfloat16", "whole") is None


def test_weights_and_peaks_are_kept_apart_by_dtype_and_placement(tmp_path):
    path = tmp_path / "cache" / "footprints.json"
    known = Footprints(path)
    known.loaded(SDXL, "bfloat16", "whole", weights=7)
    known.ran(SDXL, "bfloat16", "whole", peak=9)
    known.loaded(SDXL, "bfloat16", "offload", weights=7)
    known.loaded(SDXL, "float32", "whole", weights=14)
    again = Footprints(path)
    assert again.of(SDXL, "bfloat16", "whole") == Footprint(weights=7, peak=9)
    assert again.of(SDXL, "bfloat16", "offload") == Footprint(weights=7, peak=0)
    assert again.of(SDXL, "float32", "whole") == Footprint(weights=14, peak=0)
    assert [p.name for p in path.parent.iterdir()] == ["footprints.json"]


def test_a_usual_run_counts_and_not_one_that_was_very_large():
    known = Footprints()
    known.loaded(SDXL, "bfloat16", "whole", weights=7)
    for peak in (9, 60, 9, 10):
        known.ran(SDXL, "bfloat16", "whole", peak=peak)
    assert known.of(SDXL, "bfloat16", "whole").peak == 9
    for _ in range(REMEMBERED):
        known.ran(SDXL, "bfloat16", "whole", peak=20)
    assert known.of(SDXL, "bfloat16", "whole").peak == 20


def test_a_model_that_was_changed_is_measured_again(tmp_path):
    known = Footprints(tmp_path / "f.json")
    known.loaded(OWN, "float32", "whole", weights=7)
    known.loaded(OWN, "float32", "whole", weights=8)
    assert Footprints(tmp_path / "f.json").of(OWN, "float32", "whole").weights == 8


@pytest.mark.parametrize("text", [
    "", "[]", "{", '{"a": 1}', '{"a": {"weights": -1, "peaks": []}}', '{"a": {"weights": 1.5, "peaks": []}}',
    '{"a": {"weights": true, "peaks": []}}', '{"a": {"weights": 1}}', '{"a": {"weights": 1, "peaks": ["x"]}}',
])
def test_a_broken_file_begins_anew(tmp_path, text):
    path = tmp_path / "footprints.json"
    path.write_text(text, encoding="utf8")
    known = Footprints(path)
    known.loaded(A, "float32", "whole", weights=3)
    assert Footprints(path).of(A, "float32", "whole") == Footprint(weights=3)


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf8")
    known = Footprints(tmp_path / "file" / "footprints.json")
    known.loaded(A, "float32", "whole", weights=3)
    assert known.of(A, "float32", "whole").weights == 3


def test_another_model_of_the_same_name_is_another_model():
    commits = {"hub": "one"}
    known = Footprints(commit=lambda card: commits.get(card.id, ""))
    hub, folder = card("hub", memory=5), card("own-x", memory=5)
    for one in (hub, folder):
        known.loaded(one, "float32", "whole", weights=7)
        assert known.of(one, "float32", "whole") == Footprint(weights=7)
    commits["hub"] = "two"
    for other in (hub, replace(folder, memory=6), replace(folder, bits=32)):
        assert known.of(other, "float32", "whole") is None


def test_what_cannot_be_is_left_out_and_the_rest_stays(tmp_path):
    path, large = tmp_path / "f.json", card("large", memory=2_000_000)
    known = Footprints(path)
    known.loaded(A, "float32", "whole", weights=3)
    known.loaded(large, "float32", "whole", weights=64 * 2_000_000)
    assert known.of(large, "float32", "whole") is not None
    known.loaded(large, "float32", "whole", weights=64 * 2_000_000 + 1)
    assert known.of(large, "float32", "whole") is None
    entries = json.loads(path.read_text(encoding="utf8"))
    key = next(iter(entries))
    for name, weights, peaks in (("b", MOST + 1, []), ("c", -1, []), ("d", 5, [-1]), ("e", 5, [MOST + 1]), ("f", 5, [6])):
        entries[key.replace("a@", f"{name}@")] = {"weights": weights, "peaks": peaks}
    path.write_text(json.dumps(entries), encoding="utf8")
    again = Footprints(path)
    there = [name for name in "abcdef" if again.of(card(name), "float32", "whole")]
    assert there == ["a", "f"]
