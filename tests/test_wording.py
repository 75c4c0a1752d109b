"""The table of sentences: every key that is said is there with its places, and each one is said; no code has words of its own."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import pytest

from playground import wording
from playground.errors import FOREIGN, PlaygroundError
from playground.requests import REQUESTS

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "playground").rglob("*.py"))
SCRIPTS = sorted((ROOT / "assets" / "script").glob("*.js"))
FORMS = {"one", "other"}

# The only call whose key is not written where it is said.
ELSEWHERE = {"playground/errors.py": {key for _, key in FOREIGN.values()}}
# Modules whose errors and notices have sentences of their own in the code.
DEVELOPERS = ("playground/training/", "playground/bench.py")
# Where each entry is a sentence, and the entries there that are a part of one, a name or a line of --help.
SENTENCES = (
    "requests", "errors", "images", "sounds", "catalog", "engine", "pool", "device", "guard", "launch", "tunnel", "pipelines",
    "downloads",
)
PARTS = {
    "requests.long_number", "errors.the_model", "sounds.own_voice", "sounds.recorded_voice", "sounds.comment", "guard.seconds",
    "launch.credentials", "launch.network", "tunnel.link", "tunnel.no_link", "lists.and", "lists.more",
    "pipelines.upscale.step", "pipelines.speech.step",
    *(f"launch.options.{name}" for name in (
        "host", "port", "share", "no_password", "device", "models", "list", "get", "remove", "doctor", "wrong_port",
    )),
}
ERRORS = {PlaygroundError.__name__, *(kind.__name__ for kind in PlaygroundError.__subclasses__()), "Notice"}


@dataclass(frozen=True, kw_only=True)
class Said:
    """One call of say() or pgSay(): where, a pattern of the keys that it can say, and the names of the values it gives."""

    where: str
    keys: str
    given: frozenset[str]

    def found(self) -> set[str]:
        """The table's keys that it can say: those of its pattern that ask for what it gives."""
        return {key for key in TABLE if re.fullmatch(self.keys, key) and needed(key) == self.given}


def entries(table: dict, above: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Every key of the table with its forms; an entry of one form has it under "other"."""
    for name, found in table.items():
        key = f"{above}{name}"
        if isinstance(found, str):
            yield key, {"other": found}
        elif found and set(found) <= FORMS:
            yield key, found
        else:
            yield from entries(found, f"{key}.")


TABLE = dict(entries(wording.table()))


def places(text: str) -> set[str]:
    """The names of a text's {places}."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def needed(key: str) -> set[str]:
    """The values that a key must be given."""
    forms = TABLE[key]
    return {place for text in forms.values() for place in places(text)} | ({"count"} if "one" in forms else set())


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_say(node: ast.AST) -> bool:
    """Whether a node is a call of a function say()."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("say", "wording.say")


def imports_say(tree: ast.AST) -> bool:
    """Whether a module's say() is the table's: some modules have another one."""
    return any(
        isinstance(node, ast.ImportFrom) and node.module in ("playground", "playground.wording")
        and {"say", "wording"} & {alias.name for alias in node.names}
        for node in ast.walk(tree)
    )


def patterns(node: ast.AST) -> list[str] | None:
    """The keys that a call's first argument can be, as regular expressions; None where nothing is known of it."""
    match node:
        case ast.Constant(value=str(key)):
            return [re.escape(key)]
        case ast.JoinedStr(values=values):
            return ["".join(re.escape(v.value) if isinstance(v, ast.Constant) else wild(v.value) for v in values)]
        case ast.IfExp(body=body, orelse=orelse):
            found = [patterns(body), patterns(orelse)]
            return None if None in found else [key for keys in found for key in keys]
    return None


def wild(node: ast.AST) -> str:
    """What an expression within a key can be: a task's name where it is called so, else any one name."""
    task = ast.unparse(node).lower().rpartition(".")[2] == "task"
    return f"(?:{'|'.join(request.task for request in REQUESTS)})" if task else r"\w+"


def said_in(path: Path) -> tuple[list[Said], int]:
    """What a module says, and how often it says something of which nothing is known."""
    made, unknown, tree = [], 0, ast.parse(path.read_text(encoding="utf8"))
    for node in ast.walk(tree) if imports_say(tree) else ():
        if not is_say(node):
            continue
        keys = patterns(node.args[0])
        given = frozenset(keyword.arg or "**" for keyword in node.keywords)
        unknown += keys is None
        made += [Said(where=f"{name_of(path)}:{node.lineno}", keys=key, given=given) for key in keys or ()]
    return made, unknown


LITERAL = r"""["'](?P<{}>[\w.]+)["']"""
CALL = re.compile(  # with a key, or a choice of two: condition ? "a" : "b"
    rf"\bpgSay\(\s*(?:(?:[\w.! ]+\?\s*{LITERAL.format('first')}\s*:\s*)?{LITERAL.format('key')}\s*(?P<more>[,)]))?"
)


def script_calls(text: str) -> Iterator[tuple[str | None, frozenset[str]]]:
    """Each key of each pgSay() of a script, None where it is no literal, and the names of the call's values."""
    text = re.sub(r"^\s*//.*$", "", text, flags=re.M)
    for call in CALL.finditer(text):
        values = inside(text[call.end():]) if call["more"] == "," else ""
        given = frozenset(re.findall(r"(?:^|,)\s*(\w+)\s*(?=[:,]|$)", values))
        for key in (call["first"], call["key"]) if call["first"] else (call["key"],):
            yield key, given


def inside(text: str) -> str:
    """What stands in the braces that a text begins with, without what is in brackets there."""
    made, depth = "", 0
    for letter in text.lstrip():
        if letter in "})]":
            depth -= 1
        elif depth == 1:
            made += letter if letter not in "{([" else ""
        if letter in "{([":
            depth += 1
        if not depth:
            break
    return made.strip().rstrip(",")


def said_by(path: Path) -> list[Said]:
    """All that a script says by literal keys."""
    return [
        Said(where=name_of(path), keys=re.escape(f"script.{key}"), given=given)
        for key, given in script_calls(path.read_text(encoding="utf8")) if key is not None
    ]


def words_of_its_own(tree: ast.AST) -> list[int]:
    """The lines where an error or a notice for people is made with words that stand in the code."""
    constants = {
        target.id for node in getattr(tree, "body", ()) if isinstance(node, ast.Assign) and is_text(node.value)
        for target in node.targets if isinstance(target, ast.Name)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ERRORS:
            given = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "text")]
            if any(has_words(value, constants) for value in given):
                found.append(node.lineno)
    return found


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(node, ast.Constant) and isinstance(node.value, str)


def has_words(node: ast.AST, constants: set[str]) -> bool:
    """Whether a text, or the name of one, stands in an expression outside a call of say()."""
    if is_say(node):
        return False
    named = isinstance(node, ast.Name) and node.id in constants
    return named or is_text(node) or any(has_words(child, constants) for child in ast.iter_child_nodes(node))


def test_a_key_gives_its_sentence_with_the_places_filled() -> None:
    assert wording.say("engine.full", count=1) == "1 run is waiting already. Try again in a minute."
    assert wording.say("engine.full", count=0).startswith("0 runs are")
    assert wording.say("errors.damaged", model="{model}").startswith("{model} has"), "a value is not filled a second time"


@pytest.mark.parametrize("key", ["", "engine", "engine.nothing", "engine.full.one.more", "nothing.full", "pipelines.text"])
def test_a_key_that_is_not_there_is_named(key: str) -> None:
    with pytest.raises(KeyError, match=re.escape(repr(key))):
        wording.say(key, count=1)


def test_a_place_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        wording.say("errors.damaged")
    with pytest.raises(KeyError):
        wording.say("engine.full")


def test_the_scripts_sentences_cannot_leave_their_element() -> None:
    assert "<" not in wording.for_scripts()
    assert json.loads(wording.for_scripts()) == wording.table()["script"]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_what_a_module_says_is_in_the_table(path: Path) -> None:
    said, unknown = said_in(path)
    assert unknown == (name_of(path) in ELSEWHERE), "a key must be a literal, or begin or end with one"
    for one in said:
        assert one.found(), f"{one} is not there, or wants other values"


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_what_a_script_says_is_in_the_table(path: Path) -> None:
    assert None not in {key for key, _ in script_calls(path.read_text(encoding="utf8"))}, "a key must be a literal"
    for one in said_by(path):
        assert one.found(), f"{one} is not there, or wants other values"


def test_every_foreign_error_has_its_sentence() -> None:
    for key in ELSEWHERE["playground/errors.py"]:
        assert needed(key) <= {"model"}


def test_every_field_has_a_name_and_nothing_else_has_one() -> None:
    fields = {f"fields.{f.name}" for request in REQUESTS for f in dataclasses.fields(request)}
    assert {key for key in TABLE if key.startswith("fields.")} == fields
    assert not any(needed(key) for key in fields)


def test_every_sentence_of_the_table_is_said_somewhere() -> None:
    said = [one for path in MODULES for one in said_in(path)[0]] + [one for path in SCRIPTS for one in said_by(path)]
    found = set().union(*ELSEWHERE.values(), *(one.found() for one in said))
    assert TABLE.keys() - found == set()


@pytest.mark.parametrize(("key", "form"), [(key, form) for key, forms in TABLE.items() for form in forms])
def test_a_sentence_is_one_line_of_plain_writing(key: str, form: str) -> None:
    text = TABLE[key][form]
    assert text and text == text.rstrip() and text.isprintable() and "  " not in text.replace("   Password", "")
    assert all(name.isidentifier() for name in places(text)), "a place is a plain name"
    assert not any(spec or conversion for _, _, spec, conversion in Formatter().parse(text)), "the code writes numbers"
    if re.search(r"[a-z][.!?] [A-Z]", text) and key not in PARTS:
        assert text.endswith((".", "!", "?", "}")), "the last sentence has no end"
    if key.partition(".")[0] in SENTENCES and key not in PARTS:
        assert (text[0].isupper() or text[0] == "{") and text.endswith((".", "}"))
        assert len(text.split()) <= 25


def test_an_entry_has_both_forms_or_one() -> None:
    assert {key for key, forms in TABLE.items() if "other" not in forms} == set()


def test_no_sentence_is_there_twice() -> None:
    seen: dict[str, str] = {}
    for key, forms in TABLE.items():
        for text in {text for text in forms.values() if key.partition(".")[0] in SENTENCES}:
            assert text not in seen, f"{key} says the same as {seen[text]}"
            seen[text] = key


def test_what_is_named_here_is_in_the_table() -> None:
    assert PARTS <= TABLE.keys()
    assert {key.partition(".")[0] for key in TABLE} >= set(SENTENCES)


SPEAKING = [path for path in MODULES if not name_of(path).startswith(DEVELOPERS)]


@pytest.mark.parametrize("path", SPEAKING, ids=name_of)
def test_errors_and_notices_have_their_words_from_the_table(path: Path) -> None:
    assert words_of_its_own(ast.parse(path.read_text(encoding="utf8"))) == []


@pytest.mark.parametrize("source", [
    'raise BadRequest("No.", field="x")', 'raise errors.Busy(f"{n} runs.")', 'emit(Notice(text="Cut."))',
    'raise Unexpected("No " + "way.")', 'SENTENCE = "No."\nraise NotInstalled(SENTENCE)', 'x = ModelBroken("{}.".format(1))',
    'raise BadRequest(sentence or "No.")',
])
def test_words_in_the_code_are_found(source: str) -> None:
    assert words_of_its_own(ast.parse(source))


@pytest.mark.parametrize("source", [
    'raise BadRequest(say("a.b", model="x"), field="x")', "raise Busy(sentence)", 'raise ValueError("No.")',
    'emit(Notice(text=wording.say("a.b")))', "raise BadRequest(str(error), field=name)",
])
def test_words_from_the_table_are_left_alone(source: str) -> None:
    assert not words_of_its_own(ast.parse(source))


@pytest.mark.parametrize(("source", "expected"), [
    ('pgSay("a.b")', [("a.b", set())]), ("x.textContent = pgSay('a.b');", [("a.b", set())]),
    ('pgSay("a.b", {number: 2, total})', [("a.b", {"number", "total"})]),
    ('pgSay("a", { of: most(x, y, z), at: list[i, j], })', [("a", {"of", "at"})]),
    ('pgSay("a", {count: n}) + pgSay("b")', [("a", {"count"}), ("b", set())]),
    ('pgSay(list.length ? "a" : "b", {x})', [("a", {"x"}), ("b", {"x"})]), ('pgSay("a" + b)', [(None, set())]),
    ("pgSay(key)", [(None, set())]), ("pgSay(`a.${b}`)", [(None, set())]), ('// pgSay("a")', []), ("window.pgSay = f;", []),
])
def test_calls_in_scripts_are_read(source: str, expected: list) -> None:
    assert list(script_calls(source)) == expected
