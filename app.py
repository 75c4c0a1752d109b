"""Starts Playground: options -> engine -> page -> launch; nothing else."""

# Old Pythons must be able to read this file, so that they can say so: no newer syntax here.
import importlib.util
import sys

PACKAGES = ("gradio", "torch", "diffusers", "transformers", "safetensors", "PIL", "numpy", "psutil",
            "soundfile", "platformdirs")
SET_UP = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python app.py"


def obstacle(version=sys.version_info, find=importlib.util.find_spec):
    """The sentence that says why Playground cannot start here, or None."""
    if tuple(version[:2]) < (3, 11):
        return "Playground needs Python 3.11 or newer; this is %d.%d." % tuple(version[:2])
    missing = [name for name in PACKAGES if find(name) is None]
    if missing:
        return "Playground needs packages that are not installed here (%s); run: %s" % (", ".join(missing), SET_UP)
    return None


def main(arguments=None):
    """Runs Playground until it is asked to end; returns the exit code."""
    sentence = obstacle()
    if sentence:
        print(sentence, file=sys.stderr)
        return 1
    from playground import device, launch
    from playground.errors import PlaygroundError

    options = launch.parse(arguments)
    device.prepare_threads()
    try:
        with launch.environment(options) as folder:
            return run(options, folder)
    except PlaygroundError as error:
        print(error, file=sys.stderr)
        return 1


def run(options, folder):
    """Builds the engine and the page and serves them; a device that was asked for by name is looked for first."""
    from platformdirs import user_cache_path

    from playground import device, launch, pipelines
    from playground.catalog import Catalog, cards
    from playground.engine import Engine
    from playground.pool import ModelPool
    from playground.shelf import Shelf
    from playground.timings import Timings

    if options.device not in ("auto", "cpu"):
        device.choose(options.device)
    pool = ModelPool(choose=lambda: device.choose(options.device), load=pipelines.load)
    engine = Engine(catalog=Catalog(cards()), pool=pool, shared=options.public)

    from playground import page, theme
    from playground.tabs import cards as examples

    def warm_up():
        pipelines.warm_up()
        pool.device  # noqa: B018  asked for once: the page says what it is

    shelf = Shelf(folder / "made")
    timings = Timings(user_cache_path("playground") / "timings.json", device=options.device)
    demo = page.build(engine, shelf=shelf, shared=options.public, timings=timings)
    served = launch.Page(
        demo=demo, engine=engine, costly=page.costly(demo), look=theme.look(), routes=[shelf.route(), examples.route()]
    )
    return launch.serve(served, options, warm_up=warm_up, folder=folder)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
