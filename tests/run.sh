#!/usr/bin/env bash
# Sets up what the tests need and runs them; arguments go to pytest. Linux and macOS.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s' "$name"
            return
        fi
    done
    return 1
}

# Prints the requirements that .venv does not satisfy; a build label such as +cpu is no difference.
unsatisfied() {
    .venv/bin/python - requirements.txt tests/requirements.txt <<'PYTHON'
import sys
from importlib.metadata import PackageNotFoundError, version

for path in sys.argv[1:]:
    for line in open(path, encoding="utf8"):
        pin = line.split("#")[0].strip()
        if not pin:
            continue
        name, _, wanted = pin.partition("==")
        try:
            there = version(name).partition("+")[0]
        except PackageNotFoundError:
            there = None
        if there != wanted:
            print(pin)
PYTHON
}

installed_chromium() {
    local name
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" && return
    done
    return 1
}

# Sets PLAYGROUND_CHROMIUM: a path, "" for Playwright's own browser; fails where there is none.
find_browser() {
    local path
    if path=$(installed_chromium); then
        export PLAYGROUND_CHROMIUM="$path"
        return
    fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "No Chromium here: installing it with apt-get."
        if apt-get update >&2 && apt-get install -y chromium >&2 && path=$(installed_chromium); then
            export PLAYGROUND_CHROMIUM="$path"
            return
        fi
    fi
    say "No Chromium here: fetching Playwright's own."
    if .venv/bin/playwright install chromium >&2; then
        export PLAYGROUND_CHROMIUM=""
        return
    fi
    return 1
}

if [ ! -x .venv/bin/python ]; then
    python=$(find_python) || stop "Playground's tests need Python 3.11 or newer; install one and run this again."
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        stop "This Python cannot make virtual environments; install its venv package (python3-venv) and run this again."
    "$python" -m venv .venv || stop "The folder .venv could not be made; see the lines above."
fi
.venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "The folder .venv holds a Python older than 3.11; delete it and run this again."

if [ -n "$(unsatisfied)" ]; then
    .venv/bin/python -m pip install --disable-pip-version-check -r requirements.txt -r tests/requirements.txt ||
        stop "The packages could not be installed; check the network and run this again."
fi

unset PLAYGROUND_CHROMIUM
if ! find_browser; then
    say "**************************************************************************"
    say "* NO BROWSER: the tests that click through the page are SKIPPED.         *"
    say "* Install Chromium or Chrome and run this again to see them.             *"
    say "**************************************************************************"
    if [ "${CI:-}" = true ]; then
        stop "Under CI=true a missing browser is a failure."
    fi
fi

# The tests of the voice's recipe need its teacher; without it they are skipped and say so.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! ldconfig -p | grep -q 'libflite\.so\.1'; then
    apt-get install -y libflite1 >&2 || say "The package libflite1 could not be installed: the voice's recipe is not tested."
fi

export OMP_WAIT_POLICY=PASSIVE
# Three at a time, a file each: tests in the browser wait more than they work, even where there are two processors.
exec .venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder "$@"
