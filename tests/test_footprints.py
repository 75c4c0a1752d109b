"""What models took is remembered by model, dtype and placement, between starts, and a broken file harms nobody."""

from __future__ import annotations

import pytest

from playground.footprints import REMEMBERED, Footprint, Footprints


def test_nothing_is_known_of_what_was_never_loaded():
    known = Footprints()
    known.ran("sdxl", "bfloat16", "whole", peak=9)
    assert known.of("sdxl", "bfloat16", "whole") is None


def test_weights_and_peaks_are_kept_apart_by_dtype_and_placement(tmp_path):
    path = tmp_path / "cache" / "footprints.json"
    known = Footprints(path)
    known.loaded("sdxl", "bfloat16", "whole", weights=7)
    known.ran("sdxl", "bfloat16", "whole", peak=9)
    known.loaded("sdxl", "bfloat16", "offload", weights=7)
    known.loaded("sdxl", "float32", "whole", weights=14)
    again = Footprints(path)
    assert again.of("sdxl", "bfloat16", "whole") == Footprint(weights=7, peak=9)
    assert again.of("sdxl", "bfloat16", "offload") == Footprint(weights=7, peak=0)
    assert again.of("sdxl", "float32", "whole") == Footprint(weights=14, peak=0)
    assert [p.name for p in path.parent.iterdir()] == ["footprints.json"]


def test_a_usual_run_counts_and_not_one_that_was_very_large():
    known = Footprints()
    known.loaded("sdxl", "bfloat16", "whole", weights=7)
    for peak in (9, 60, 9, 10):
        known.ran("sdxl", "bfloat16", "whole", peak=peak)
    assert known.of("sdxl", "bfloat16", "whole").peak == 9
    for _ in range(REMEMBERED):
        known.ran("sdxl", "bfloat16", "whole", peak=20)
    assert known.of("sdxl", "bfloat16", "whole").peak == 20


def test_a_model_that_was_changed_is_measured_again(tmp_path):
    known = Footprints(tmp_path / "f.json")
    known.loaded("own", "float32", "whole", weights=7)
    known.loaded("own", "float32", "whole", weights=8)
    assert Footprints(tmp_path / "f.json").of("own", "float32", "whole").weights == 8


@pytest.mark.parametrize("text", [
    "", "[]", "{", '{"a": 1}', '{"a": {"weights": -1, "peaks": []}}', '{"a": {"weights": 1.5, "peaks": []}}',
    '{"a": {"weights": true, "peaks": []}}', '{"a": {"weights": 1}}', '{"a": {"weights": 1, "peaks": ["x"]}}',
])
def test_a_broken_file_begins_anew(tmp_path, text):
    path = tmp_path / "footprints.json"
    path.write_text(text, encoding="utf8")
    known = Footprints(path)
    known.loaded("a", "float32", "whole", weights=3)
    assert Footprints(path).of("a", "float32", "whole") == Footprint(weights=3)


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf8")
    known = Footprints(tmp_path / "file" / "footprints.json")
    known.loaded("a", "float32", "whole", weights=3)
    assert known.of("a", "float32", "whole").weights == 3
