"""The layers hold: who imports whom is read from the source, and a fresh process shows what the page brings along."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([ROOT / "app.py", *(ROOT / "playground").rglob("*.py")])
PYTHON = sorted([*SOURCES, *(ROOT / "tests").rglob("*.py")])
HEAVY = {"torch", "diffusers", "transformers"}
WEB = {"gradio", "gradio_client", "starlette", "fastapi", "uvicorn"}

MEMBERS = {
    "values": ("requests", "events", "errors", "images", "sounds", "wording"),
    "facts": (
        "device", "catalog", "hub", "timings", "calls", "needed", "store", "plans", "downloads", "footprints", "placement",
        "lora_files", "own", "own_cards",
    ),
    "models": ("pipelines", "networks", "speech_text"),
    "engine": ("pool", "residents", "engine", "runs"),
    "page": (
        "page", "site", "chips", "status", "remembered", "api", "wiring", "theme", "guard", "shelf", "tabs", "launch", "tunnel",
        "panel", "choices",
    ),
    "recipes": ("training",),
    "commands": ("bench", "bench_gpu", "drawings", "examples", "command_line", "doctor"),
}
LAYER = {module: layer for layer, modules in MEMBERS.items() for module in modules}
BELOW = {
    "values": {"values"},
    "facts": {"values", "facts"},
    "models": {"values", "facts", "models"},
    "engine": {"values", "facts", "engine"},
    "page": {"values", "facts", "engine", "page"},
    "recipes": {"values", "facts", "models", "recipes"},
    "commands": set(MEMBERS),
}
FORBIDDEN = {
    "values": HEAVY | WEB,
    "facts": WEB | {"diffusers", "transformers"},
    "models": WEB,
    "engine": WEB | {"diffusers", "transformers", "torch"},
    "page": HEAVY,
    "recipes": WEB,
    "commands": set(),
}


def is_type_checking(node: ast.AST) -> bool:
    """Whether a node is `if TYPE_CHECKING:`."""
    test = getattr(node, "test", None)
    return isinstance(node, ast.If) and (
        isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
        or isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def imports(node: ast.AST, package: str, *, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Every module that is imported at run time, and whether a function does it; `from a import b` gives a and a.b."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, inside) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parts = package.split(".")
        above = parts[:len(parts) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        yield base, inside
        yield from ((f"{base}.{alias.name}", inside) for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
        match node.args[0]:
            case ast.Constant(value=str(name)):
                yield name, inside
            case ast.JoinedStr(values=[ast.Constant(value=str(name)), *_]):
                yield name.rstrip("."), inside
    within = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in node.orelse if is_type_checking(node) else ast.iter_child_nodes(node):
        yield from imports(child, package, inside=within)


def module_of(path: Path) -> str:
    """A file's dotted name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> list[tuple[str, bool]]:
    """What a file imports."""
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return list(imports(ast.parse(path.read_text(encoding="utf8")), package))


def layer_of(module: str) -> str | None:
    """The layer of a module of playground; None for what is not one."""
    parts = module.split(".")
    return LAYER.get(parts[1]) if parts[0] == "playground" and len(parts) > 1 else None


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


LAYERED = [path for path in SOURCES if path not in (ROOT / "app.py", ROOT / "playground" / "__init__.py")]


@pytest.mark.parametrize(("source", "expected"), [
    ("import torch", [("torch", False)]),
    ("import torch.nn as nn", [("torch.nn", False)]),
    ("from playground import pool", [("playground", False), ("playground.pool", False)]),
    ("from . import pool", [("playground.tabs", False), ("playground.tabs.pool", False)]),
    ("from ..pool import ModelPool", [("playground.pool", False), ("playground.pool.ModelPool", False)]),
    ("def f():\n import torch", [("torch", True)]),
    ("try:\n import torch\nexcept ImportError:\n pass", [("torch", False)]),
    ("if TYPE_CHECKING:\n import torch\nelse:\n import numpy", [("numpy", False)]),
    ("if typing.TYPE_CHECKING:\n import torch", []),
    ("importlib.import_module('torch')", [("torch", False)]),
    ("x = lambda: importlib.import_module(f'playground.pipelines.{y}')", [("playground.pipelines", True)]),
])
def test_imports_are_read_wherever_they_hide(source: str, expected: list[tuple[str, bool]]) -> None:
    assert list(imports(ast.parse(source), "playground.tabs")) == expected


@pytest.mark.parametrize("path", LAYERED, ids=name_of)
def test_a_file_imports_only_from_its_own_layer_and_those_below(path: Path) -> None:
    layer = layer_of(module_of(path))
    assert layer, f"{name_of(path)} belongs to no layer; add it to MEMBERS"
    for module, _ in imported(path):
        assert module.split(".")[0] not in FORBIDDEN[layer], f"{layer} imports {module}"
        other = layer_of(module)
        assert other is None or other in BELOW[layer], f"{layer} imports {module} of {other}"
        assert layer != "page" or not module.startswith("playground.pool"), f"the page imports {module}"
        assert layer == "commands" or module.split(".")[0] not in ("app", "tests"), f"{layer} imports {module}"


@pytest.mark.parametrize("path", [p for p in LAYERED if layer_of(module_of(p)) in ("facts", "models")], ids=name_of)
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    if "networks" in path.parts:
        return
    at_top = {module.split(".")[0] for module, inside in imported(path) if not inside}
    assert not at_top & HEAVY


def test_pool_is_known_to_the_engine_and_to_those_who_put_it_together() -> None:
    who = {module_of(path) for path in SOURCES if any(m.startswith("playground.pool") for m, _ in imported(path))}
    assert who == {"app", "playground.engine", "playground.bench", "playground.examples"}


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_the_first_line_says_what_the_file_is(path: Path) -> None:
    text = path.read_text(encoding="utf8")
    assert ast.get_docstring(ast.parse(text)), f"{name_of(path)} has no docstring"
    assert text.startswith('"""')


def dangers(tree: ast.AST) -> Iterator[str]:
    """What runs foreign code or reaches other hosts, by the way it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in ("eval", "exec", "compile", "torch.load", "gr.load", "gradio.load", "os.system", "os.popen"):
                yield f"{name}()"
            elif name.endswith("GoogleFont"):
                yield f"{name}()"
            for keyword in node.keywords:
                if keyword.arg in ("shell", "trust_remote_code", "allow_pickle") and not is_false(keyword.value):
                    yield f"{name}({keyword.arg}=...)"
                if keyword.arg == "weights_only" and is_false(keyword.value):
                    yield f"{name}({keyword.arg}=False)"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            names = {alias.name for alias in node.names}
            if {m.split(".")[0] for m in modules} & {"pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}:
                yield f"import of {modules[0]}"
            if "GoogleFont" in names or modules[0] in ("torch", "gradio") and "load" in names:
                yield f"import of {', '.join(sorted(names))}"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield "bare except"


def is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize("source", [
    "torch.load(x)", "import pickle", "from pickle import loads", "eval(x)", "exec(x)", "run(x, shell=True)",
    "gr.load('x')", "run(x, shell=flag)", "a.from_pretrained(x, trust_remote_code=True)",
    "gr.themes.GoogleFont('Inter')", "from gradio.themes import GoogleFont", "np.load(x, allow_pickle=True)",
    "from torch import load", "try:\n pass\nexcept:\n pass",
])
def test_dangers_are_seen(source: str) -> None:
    assert list(dangers(ast.parse(source)))


@pytest.mark.parametrize("source", [
    "model.eval()", "json.load(x)", "run(x, shell=False)", "re.compile(x)", "load_file(x)", "except_ = 1",
    "np.load(x, allow_pickle=False)",
])
def test_harmless_code_is_not_taken_for_danger(source: str) -> None:
    assert not list(dangers(ast.parse(source)))


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_nothing_runs_foreign_code(path: Path) -> None:
    assert not list(dangers(ast.parse(path.read_text(encoding="utf8"))))


PAGE = sorted(module_of(path) for path in LAYERED if layer_of(module_of(path)) == "page")
LOOK = """import sys, importlib
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted({name.split(".")[0] for name in sys.modules}))"""


def modules_after(*names: str) -> set[str]:
    """The top-level modules of a fresh process that imported some."""
    done = subprocess.run([sys.executable, "-c", LOOK, *names], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_page_comes_without_the_heavy_libraries() -> None:
    assert {"playground.page", "playground.api", "playground.wiring", "playground.tabs"} <= set(PAGE)
    there = modules_after("app", "playground.engine", "playground.pool", "playground.pipelines", *PAGE)
    assert "gradio" in there
    assert not there & HEAVY


def test_values_and_facts_come_without_gradio() -> None:
    modules = [f"playground.{m}" for layer in ("values", "facts", "engine") for m in MEMBERS[layer]]
    assert not modules_after("app", *modules) & (HEAVY | WEB)
