"""What can be wrong in the README is made from the code: the tree, the tables of models and of the starters' figures.

`python -m tests.test_readme` writes these parts anew; the tests fail where they differ.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from playground.catalog import ASSETS, cards, facts
from playground.launch import parse
from playground.tabs.frame import size

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TASKS = {
    "text_generation": "Text", "text_to_image": "Image", "image_to_image": "Image to image", "inpainting": "Inpaint",
    "super_resolution": "Upscale", "text_to_speech": "Speech",
}


def models() -> str:
    """The table of all cards."""
    rows = ["| model | tabs | size | licence | in a sentence |", "|---|---|---|---|---|"]
    for card in cards():
        tabs = ", ".join(label for task, label in TASKS.items() if task in card.tasks)
        where = "included" if card.starter else size(card.download)
        rows.append(f"| {card.title} | {tabs} | {where} | {card.licence} | {card.sentence} Bad at: {card.bad_at} |")
    return "\n".join(rows)


def starters() -> str:
    """The table of what the starters' recipes wrote into their facts.json."""
    rows = ["| starter | trained on | parameters | time | measured |", "|---|---|---|---|---|"]
    words, pictures, sharpen, voice = (
        facts(ASSETS / "starters" / name) for name in ("words", "pictures", "sharpen", "voice")
    )
    rows.append(
        f"| Words | {words['data']} | {millions(words['parameters'])} | {words['minutes']:.0f} min, {words['hardware']}"
        f" | {words['measures']['bits_per_byte']:.2f} bits a byte on {len(words['measures']['held_out_books'])} whole books"
        " that it never saw |"
    )
    inside, measured = pictures["diffusion"]["parameters"], pictures["measured"]
    rows.append(
        f"| Pictures | {pictures['data']} | {millions(pictures['autoencoder']['parameters'] + sum(inside.values()))} |"
        f" {pictures['minutes']:.0f} min, {pictures['hardware']} | the right thing at the judge's first guess:"
        f" {percent(measured['drawn']['r1'])} (real pictures: {percent(measured['ceiling']['r1'])}); see below |"
    )
    measures = sharpen["measures"]
    rows.append(
        f"| Sharpen | {sharpen['data']} | {millions(sharpen['parameters'])} | {sharpen['minutes']:.0f} min,"
        f" {sharpen['hardware']} | Set14, 4 times: {measures['set14_x4_psnr']:.2f} dB, bicubic {measures['bicubic_x4_psnr']:.2f};"
        f" 2 times: {measures['set14_x2_psnr']:.2f}, bicubic {measures['bicubic_x2_psnr']:.2f} |"
    )
    measures = voice["measures"]
    rows.append(
        f"| Voice | {voice['data']} | {millions(voice['parameters'])} | {voice['minutes']:.0f} min, {voice['hardware']} |"
        f" a recogniser understands {percent(measures['word_accuracy_starter'])} of its words (of its teacher's:"
        f" {percent(measures['word_accuracy_teacher'])}); see below |"
    )
    return "\n".join(rows)


def heard() -> str:
    """The table of what the voice recipe measured of the starter voice."""
    known = facts(ASSETS / "starters" / "voice")
    m, lexicon = known["measures"], known["lexicon"]
    rows = [
        ("words that a recogniser understands", percent(m["word_accuracy_starter"]), percent(m["word_accuracy_teacher"])),
        ("mel-cepstral distortion from the teacher", f"{m['mel_cepstral_distortion_db']:.1f} dB", ""),
        ("length beside the teacher's", f"{m['length_ratio']:.2f}", "1"),
        ("sentences cut off at an end", percent(m["clipped_ends_starter"]), percent(m["clipped_ends_teacher"])),
        ("sentences with a click or an overload", percent(m["glitches_starter"]), percent(m["glitches_teacher"])),
        ("phones right in words kept from the letter-to-sound model", percent(lexicon["phones_right"]), ""),
    ]
    return "\n".join(["| measure | starter | teacher |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)])


def judged() -> str:
    """The table of what the pictures recipe measured of the starter pictures."""
    known = facts(ASSETS / "starters" / "pictures")
    m, pairs = known["measured"], known["measured"]["held_out"]["pairs"]
    rows = [
        ("the right thing is the judge's first guess (R@1)", percent(m["drawn"]["r1"]), percent(m["ceiling"]["r1"])),
        ("the right thing is among its first five (R@5)", percent(m["drawn"]["r5"]), percent(m["ceiling"]["r5"])),
        ("the judge on real pictures of the starter's own style (R@1)", "", percent(m["real_own_style"]["r1"])),
        ("R@1 in 20 steps instead of 8", percent(m["drawn_in_20_steps"]["r1"]), percent(m["ceiling"]["r1"])),
        ("the thing has the colour asked for, of 200", percent(m["obeyed"]["colour"]), percent(m["obeyed_ceiling"]["colour"])),
        ("the ground has the colour asked for, of 200", percent(m["obeyed"]["ground"]), percent(m["obeyed_ceiling"]["ground"])),
        ("both things found, of 100 pairs", percent(m["both_found"]), percent(m["both_found_ceiling"])),
        (f"R@1 of {pairs} pairs of thing and style never shown in training", percent(m["held_out"]["r1"]), ""),
        ("their style is the nearest of the thing's styles", percent(m["held_out"]["style"]), ""),
        *((f"the style \"{style}\" is drawn where it was asked for", percent(v), "") for style, v in m["styles"].items()),
        ("distance between seeds (between styles of a thing)", m["diversity"]["seeds"], m["diversity"]["styles"]),
        ("copies of a training picture, of all drawn", percent(m["copies"]["share"]), ""),
        ("autoencoder on concepts that it never saw", f"{m['psnr_db_of_unknown_things']:.1f} dB", ""),
    ]
    return "\n".join(["| measure | starter | real pictures |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)])


def percent(share: float) -> str:
    """A share in words."""
    return f"{100 * share:.0f} %"


def millions(count: int) -> str:
    """A number of parameters in words."""
    return f"{count / 1e6:.1f} M"


def tree() -> str:
    """The files of the top level and of the package, each Python file with its first sentence."""
    lines = []
    for path in sorted(str(p.relative_to(ROOT)) for p in (ROOT / "app.py", *(ROOT / "playground").rglob("*.py"))):
        said = (ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf8"))) or "").splitlines()[0]
        if said and path.count("/") <= 2:
            lines.append(f"{path:38} {said}")
    return "\n".join(lines)


def written(text: str) -> str:
    """The README with every made part made anew."""
    for name, made in (("models", models()), ("starters", starters()), ("judged", judged()), ("heard", heard())):
        part = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(part, lambda m, made=made: f"{m[1]}{made}\n{m[2]}", text, flags=re.S)
    return re.sub(r"(## How it is built\n\n```\n).*?(\n```)", lambda m: f"{m[1]}{tree()}{m[2]}", text, flags=re.S)


def test_made_parts_are_up_to_date():
    text = README.read_text(encoding="utf8")
    assert text == written(text), "run `python -m tests.test_readme`"


def test_the_run_and_test_commands_name_files_that_exist():
    text = README.read_text(encoding="utf8")
    assert "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python app.py" in text
    assert "bash tests/run.sh" in text
    for path in ("app.py", "requirements.txt", "tests/run.sh", "LICENSE", "NOTICE"):
        assert (ROOT / path).is_file()
    for module in re.findall(r"python -m (playground(?:\.\w+)+)(?![.\w<])", text):
        place = ROOT / module.replace(".", "/")
        assert (place / "__main__.py").is_file() or place.with_suffix(".py").is_file(), module


def test_every_option_named_is_an_option():
    text = README.read_text(encoding="utf8").split("| option |")[1].split("\n\n")[0]
    for option in re.findall(r"^\| `([^`]+)`", text, flags=re.M):
        parse(option.split())


def test_pictures_and_links_exist():
    text = README.read_text(encoding="utf8")
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / target).is_file(), target


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf8")), encoding="utf8")
