"""Options, temp folders, ports, passwords, the public link, and a process that ends when it is asked to."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

import app
from playground import launch, tunnel
from playground.errors import PlaygroundError
from tests import fake_page
from tests.fakes import wait_until

ROOT = Path(__file__).parents[1]
SERVER = """
import sys
from playground import launch
options = launch.parse(sys.argv[1:])
with launch.environment(options) as folder:
    from tests import fake_page
    demo, engine, costly = fake_page.build()
    page = launch.Page(demo=demo, engine=engine, costly=costly)
    sys.exit(launch.serve(page, options, warm_up=lambda: 1 / 0, folder=folder))
"""


def start(tmp_path: Path, code: str, *arguments: str, **variables: str) -> subprocess.Popen:
    """A Python process with its own temp folder and an empty working directory."""
    for name in ("temp", "cwd"):
        (tmp_path / name).mkdir(exist_ok=True)
    path = str(ROOT)
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *arguments], cwd=tmp_path / "cwd", text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path, "TMPDIR": str(tmp_path / "temp"), "PYTHONUNBUFFERED": "1"} | variables,
    )


def address(process: subprocess.Popen) -> str:
    """Where a started page is, once it says so."""
    for line in process.stdout:
        if match := re.match(r"Playground is at (\S+) ", line):
            return match[1]
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize(("prompt", "number"), [("30", signal.SIGINT), ("30", signal.SIGTERM), ("stuck", signal.SIGINT)])
def test_a_signal_ends_a_page_with_a_run_going_within_five_seconds(tmp_path, prompt, number):
    process = start(tmp_path, SERVER, "--port", str(fake_page.unused_port()), GRADIO_SHARE="true")
    try:
        url = address(process)
        body = {"data": [prompt]}
        event = httpx.post(f"{url}/gradio_api/call/run", json=body, trust_env=False).json()["event_id"]
        folder = next((tmp_path / "temp").glob("playground-*"))
        with httpx.stream("GET", f"{url}/gradio_api/call/run/{event}", timeout=20, trust_env=False) as stream:
            next(stream.iter_lines())
            asked = time.monotonic()
            process.send_signal(number)
            out, err = process.communicate(timeout=10)
        assert time.monotonic() - asked < 5
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Playground ends." in out and "Traceback" not in out
    assert err.count("Traceback") == 1 and "ZeroDivisionError" in err  # the warm-up that failed, and nothing else
    assert not folder.exists()
    assert list((tmp_path / "cwd").iterdir()) == []
    assert "stuck" not in out + err


def test_environment_is_set_before_gradio_and_its_own_variables_do_not_matter(tmp_path):
    code = """
import json, os, sys
from playground import launch
with launch.environment(launch.parse(sys.argv[1:])) as folder:
    assert not {"gradio", "torch", "diffusers", "transformers"} & sys.modules.keys()
    print(json.dumps(dict(os.environ) | {"folder": str(folder), "mode": oct(folder.stat().st_mode)}))
"""
    process = start(tmp_path, code, GRADIO_SHARE="true", GRADIO_ALLOWED_PATHS="/", GRADIO_ROOT_PATH="/p", no_proxy="x.y")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    made = json.loads(out)
    assert "GRADIO_SHARE" not in made and "GRADIO_ALLOWED_PATHS" not in made and made["GRADIO_ROOT_PATH"] == "/p"
    assert made["GRADIO_ANALYTICS_ENABLED"] == "False" and made["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert made["FORWARDED_ALLOW_IPS"] == ""
    assert made["no_proxy"] == "x.y,localhost,127.0.0.1,::1"
    assert made["GRADIO_TEMP_DIR"].startswith(made["folder"]) and made["mode"].endswith("700")
    assert list((tmp_path / "temp").iterdir()) == []


def test_folders_of_dead_processes_go_and_all_others_stay(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    now, here = int(time.time()), launch.machine()
    names = {
        f"playground-{here}-{gone.pid}-{now}": False,
        f"playground-{here}-{os.getpid()}-{now - 10**7}": False,  # the number is in use again by a later process
        launch.folder_name(os.getpid()): True,
        f"playground-00000000-{gone.pid}-{now}": True,  # of another machine or container
        "playground-notes": True,
        f"playground-{here}-{gone.pid}-{now}-copy": True,
    }
    for name in names:
        (tmp_path / name / "inside").mkdir(parents=True)
    target = tmp_path / "precious"
    target.mkdir()
    (tmp_path / f"playground-{here}-{gone.pid}-1").symlink_to(target)
    removed = launch.remove_dead_folders(tmp_path)
    assert set(removed) == {name for name, stays in names.items() if not stays}
    assert {name: (tmp_path / name).exists() for name in names} == names
    assert target.exists()
    assert launch.is_running(os.getpid(), since=int(psutil.Process().create_time()))


def test_busy_port_moves_on_to_the_next_and_says_so():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        demo, engine, costly = fake_page.build()
        page, lines = launch.Page(demo=demo, engine=engine, costly=costly), []
        try:
            url = launch.start(page, launch.Options(port=port), tell=lines.append)
            used = int(url.rsplit(":", 1)[1])
            assert used > port
            assert lines == [f"Port {port} is in use, so the page is on {used}.", f"Playground is at {url} (Ctrl-C ends it)."]
            assert httpx.get(url, trust_env=False).status_code == 200
        finally:
            launch.end(page)


def test_an_address_that_is_not_there_is_one_sentence():
    with pytest.raises(PlaygroundError, match="not an address of this machine"):
        launch.free_port("192.0.2.7", 7860)
    with pytest.raises(PlaygroundError, match="is not an address"):
        launch.free_port("no such host", 7860)


def lines_of(tunnel_, **options) -> tuple[list[str], int]:
    """What a start says, and the status of the page without a login."""
    demo, engine, costly = fake_page.build()
    page, lines = launch.Page(demo=demo, engine=engine, costly=costly), []
    try:
        url = launch.start(
            page, launch.Options(port=fake_page.unused_port(), **options), tunnel=tunnel_, tell=lines.append
        )
        return lines, httpx.get(f"{url}/config", trust_env=False).status_code
    finally:
        launch.end(page)


def offline(demo, stop):
    raise httpx.ConnectError("no route to 10.1.2.3")


def test_without_a_tunnel_the_page_stays_and_one_sentence_says_so():
    lines, status = lines_of(offline, share=True)
    assert lines[1] == (
        "There is no public link. The tunnel service cannot be reached. The page works on this machine; to let others on"
        " your network in, start it with --host 0.0.0.0."
    )
    assert lines[2].startswith("User: playground   Password: ") and len(lines[2].split()[-1]) >= 12
    assert status == 401


def test_a_link_and_a_page_for_everybody_have_a_password_unless_told_otherwise():
    lines, status = lines_of(lambda demo, stop: "https://abc.example", share=True, password=False)
    assert lines[1] == "Public link, for up to a week: https://abc.example"
    assert lines[2].startswith("Warning: there is no password.") and status == 200
    lines, status = lines_of(offline, host="0.0.0.0")
    assert lines[1].startswith("For others on this network: http://") and "Password: " in lines[2] and status == 401
    lines, status = lines_of(offline)
    assert len(lines) == 1 and status == 200


def test_a_tunnel_program_that_is_not_the_known_one_is_refused(tmp_path):
    program = tmp_path / "frpc"
    program.write_bytes(b"abc")
    tunnel.verify(program, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    with pytest.raises(PlaygroundError, match="not the expected one"):
        tunnel.verify(program, "0" * 64)
    with pytest.raises(PlaygroundError, match="not known"):
        tunnel.verify(program, None)


def test_options():
    assert launch.parse([]) == launch.Options()
    made = launch.parse(["--host", "0.0.0.0", "--port", "80", "--share", "--no-password", "--device", "cuda:1"])
    assert made == launch.Options(host="0.0.0.0", port=80, share=True, password=False, device="cuda:1")
    for host, public in {"127.0.0.1": False, "127.9.9.9": False, "localhost": False, "::1": False, "[::1]": False,
                         "0.0.0.0": True, "::": True, "192.168.1.2": True, "example.org": True}.items():
        assert launch.Options(host=host).public is public
    assert launch.Options(share=True).public
    assert launch.parse(["--models", "mine"]) == launch.Options(models=Path("mine")) and not launch.Options().command
    for arguments, options in {
        ("--list",): launch.Options(list=True), ("--doctor",): launch.Options(doctor=True),
        ("--remove", "gpt2"): launch.Options(remove="gpt2"),
        ("--get", "gpt2"): launch.Options(get="gpt2"), ("--get", ""): launch.Options(get=""),
    }.items():
        assert launch.parse(arguments) == options and options.command
    with pytest.raises(SystemExit):
        launch.parse(["--list", "--doctor"])
    for port in ("0", "65536", "x", "-1"):
        with pytest.raises(SystemExit):
            launch.parse(["--port", port])


def test_too_old_a_python_and_missing_packages_are_one_sentence():
    assert app.obstacle() is None
    assert app.obstacle(version=(3, 10, 4)) == "Playground needs Python 3.11 or newer; this is 3.10."
    sentence = app.obstacle(find=lambda name: None if name in ("gradio", "torch") else name)
    assert sentence.startswith("Playground needs packages that are not installed here (gradio, torch); run: python3 -m venv")
    assert "\n" not in sentence


def test_old_pythons_can_read_app_py():
    tree = ast.parse((ROOT / "app.py").read_text(), feature_version=(3, 6))
    imported = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    assert {a.name for n in imported for a in n.names} == {"importlib.util", "sys"}


def test_a_python_without_the_packages_prints_one_sentence(tmp_path):
    process = subprocess.run(
        [sys.executable, "-S", "-E", str(ROOT / "app.py")], cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    assert process.returncode == 1 and process.stdout == ""
    assert re.fullmatch(r"Playground needs packages that are not installed here \(.*\); run: .*\n", process.stderr)


@pytest.mark.parametrize(("wish", "sentence"), [("cuda:99", "cuda:99 was asked for"), ("banana", "no device called banana")])
def test_a_device_that_is_not_there_is_one_sentence(tmp_path, wish, sentence):
    process = start(tmp_path, "import sys, app; sys.exit(app.main(sys.argv[1:]))", "--device", wish)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 1 and sentence in err and err.count("\n") == 1 and out == ""


@pytest.mark.parametrize("arguments", [("--list",), ("--get", "words")])
def test_commands_open_no_page_and_do_without_gradio(tmp_path, arguments):
    code = """
import sys, app
code = app.main([*sys.argv[1:], "--device", "cpu"])
assert not {"gradio", "starlette", "diffusers", "transformers"} & sys.modules.keys()
sys.exit(code)
"""
    process = start(tmp_path, code, *arguments, XDG_CACHE_HOME=str(tmp_path / "cache"))
    out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "") and "words" in out.lower()
    assert list((tmp_path / "temp").iterdir()) == []


def test_a_page_takes_in_a_folder_of_models_and_what_is_put_there_later(tmp_path):
    from tests import tiny_upscale

    tiny_upscale.swin2sr(tmp_path / "models" / "first one")
    arguments = ("--port", str(fake_page.unused_port()), "--device", "cpu", "--models", str(tmp_path / "models"))
    code = "import sys, app; sys.exit(app.main(sys.argv[1:]))"
    process = start(tmp_path, code, *arguments, XDG_CACHE_HOME=str(tmp_path / "cache"))
    try:
        url = address(process)
        assert "first one" in httpx.get(f"{url}/config", trust_env=False).text
        assert "no model of this name" in refusal_of(url, model="own-second-one")
        tiny_upscale.swin2sr(tmp_path / "models" / "second-one")
        loads = [
            fn["id"] for fn in httpx.get(f"{url}/config", trust_env=False).json()["dependencies"]
            if any(event == "load" for _, event in fn["targets"]) and not fn["inputs"] and not fn["queue"]
        ]
        for index in loads:  # as a page does when it is opened
            body = {"data": [], "fn_index": index, "session_hash": "abc"}
            httpx.post(f"{url}/gradio_api/run/predict", json=body, trust_env=False, timeout=60).raise_for_status()
        assert "cannot do this task" in refusal_of(url, model="own-second-one")
        tiny_upscale.swin2sr(tmp_path / "models" / "third")
        shutil.rmtree(tmp_path / "models" / "second-one")  # and without a page
        wait_until(lambda: "cannot do this task" in refusal_of(url, model="own-third"), what="the third model")
        wait_until(lambda: "no model of this name" in refusal_of(url, model="own-second-one"), what="the second's end")
    finally:
        process.kill()
        process.communicate()


def test_a_run_of_an_own_model_whose_folder_is_gone_ends_in_a_sentence(tmp_path, monkeypatch):
    from PIL import Image

    from playground.requests import SuperResolutionRequest
    from tests import tiny_upscale

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tiny_upscale.swin2sr(tmp_path / "models" / "mine")
    there = app.models(launch.Options(device="cpu", models=tmp_path / "models"))
    try:
        there.own.refresh()
        shutil.rmtree(tmp_path / "models" / "mine")
        asked = SuperResolutionRequest(image=Image.new("RGB", (8, 8)), scale=2, model="own-mine")
        with pytest.raises(PlaygroundError, match="The folder of mine is not there any more"):
            list(there.engine.run(asked, "somebody"))
    finally:
        there.downloads.close()
        there.engine.close()


def refusal_of(url, **values) -> str:
    """What the text endpoint says to a request that it refuses."""
    call = f"{url}/gradio_api/call/text_generation"
    info = httpx.get(f"{url}/gradio_api/info", trust_env=False).json()["named_endpoints"]["/text_generation"]
    known = {"prompt": "Hello"} | values
    data = [known.get(p["parameter_name"], p.get("parameter_default")) for p in info["parameters"]]
    event = httpx.post(call, json={"data": data}, trust_env=False).json()["event_id"]
    return httpx.get(f"{call}/{event}", trust_env=False, timeout=60).text
