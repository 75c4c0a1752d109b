"""Every model of the hub on a machine without network or downloads: refused in words, and nobody is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from playground.catalog import hub_cards, missing
from playground.errors import NotInstalled

ROOT = Path(__file__).parents[2]
SCRIPT = '''
import json, socket, sys

sys.path.insert(0, {root!r})
asked = []
connect = socket.socket.connect

def refuse(self, place):
    if self.family == socket.AF_UNIX:
        return connect(self, place)
    asked.append(repr(place))
    raise ConnectionRefusedError(111, "no network in this test")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *args, **values: refuse(socket.socket(), args[0])

from playground import device, hub, pipelines
from playground.catalog import hub_cards
from playground.errors import explain
from tests.fakes import CPU

device.prepare_threads()  # as app.py does; it also turns the libraries' own questions off
hub.reachable = lambda: False
told = {{}}
for card in hub_cards():
    try:
        pipelines.load(card, CPU)
    except Exception as error:
        made = explain(error, model=card.title)
        told[card.id] = [type(made).__name__, str(made)]
print(json.dumps({{"told": told, "asked": asked}}))
'''


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What each card's loading said, in a process of its own with an empty cache."""
    folder = tmp_path_factory.mktemp("empty")
    ours = ("HF_", "HUGGINGFACE", "TRANSFORMERS", "DIFFUSERS", "DO_NOT_TRACK", "DISABLE_TELEMETRY")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(root=str(ROOT))], env=kept | {"HF_HOME": str(folder)}, cwd=folder,
        capture_output=True, text=True, encoding="utf8", timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1]) | {"folder": folder}


@pytest.mark.parametrize("card", hub_cards(), ids=lambda card: card.id)
def test_a_model_that_is_not_here_is_refused_in_words(outcome, card):
    kind, sentence = outcome["told"][card.id]
    assert kind == NotInstalled.__name__, sentence
    if packages := missing(card):
        assert sentence.startswith(f"{card.title} needs a package that is not installed: {', '.join(packages)}. Run pip install")
        return
    assert sentence.startswith(card.title + " is not on this machine")
    assert "choose another model" in sentence.lower() or "choose a starter model" in sentence.lower()
    assert str(outcome["folder"]) not in sentence and "http" not in sentence


def test_nobody_was_asked(outcome):
    assert outcome["asked"] == []
