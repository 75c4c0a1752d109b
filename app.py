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
        if options.command:
            code = command(options, models(options))
            sys.stdout.flush()
            return code
        with launch.environment(options) as folder:
            return run(options, folder)
    except PlaygroundError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever reads has seen enough: app.py --list | head
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def models(options):
    """The engine, and what it knows of models: those on this computer, downloads of others, and one's own."""
    from types import SimpleNamespace

    from platformdirs import user_cache_path

    from playground import device, pipelines
    from playground.catalog import Catalog, cards
    from playground.downloads import Downloads
    from playground.engine import Engine
    from playground.footprints import Footprints
    from playground.own import OwnModels, looked_up, remembered
    from playground.pool import ModelPool
    from playground.store import Store

    kept = user_cache_path("playground")
    store = Store(record=kept / "models.json")
    catalog = Catalog(cards())
    for card in remembered(store):
        catalog.add(card)
    pool = ModelPool(
        choose=lambda: device.choose(options.device), footprints=Footprints(kept / "footprints.json", commit=store.commit),
        load=lambda card, place: pipelines.load(store.resolved(card), place, loras=own.loras),
    )
    own = OwnModels(options.models, catalog, changed=pool.unload)

    def ready(card):  # a folder that is gone is told when it is loaded: there is nothing to fetch for it
        return store.ready(card) or card.own and card.folder is not None

    engine = Engine(catalog=catalog, pool=pool, shared=options.public, ready=ready, loras=own.loras)
    return SimpleNamespace(
        engine=engine, catalog=catalog, store=store, downloads=Downloads(store), own=own, kept=kept,
        find_own=lambda repository: looked_up(repository, store),
    )


def command(options, there):
    """Does what was asked for instead of opening the page; returns the exit code."""
    from playground import command_line, doctor, plans

    told = there.own.refresh()
    try:
        if options.list:
            pool = there.engine.pool
            return command_line.listed(there.catalog, there.store, pool.device, told=told, footprints=pool.footprints)
        if options.doctor:
            return doctor.doctor(there.engine, doctor.tried(), folder=there.store.folder, told=told)
        if options.remove is not None:
            return command_line.remove(options.remove, catalog=there.catalog, store=there.store)
        return command_line.get(
            options.get, catalog=there.catalog, store=there.store, downloads=there.downloads, find_own=there.find_own,
            plan=plans.plan,
        )
    finally:
        there.downloads.close()
        there.engine.close()


def run(options, folder):
    """Builds the page over the engine and serves it; a device that was asked for by name is looked for first."""
    import threading

    from playground import device, launch, pipelines

    if options.device not in ("auto", "cpu"):
        device.choose(options.device)
    there = models(options)
    pool = there.engine.pool
    for sentence in there.own.refresh():
        print(sentence)

    threading.Thread(target=there.own.keep_up, args=(threading.Event(),), name="own models", daemon=True).start()

    from playground import page, theme
    from playground.shelf import Shelf
    from playground.site import QUIET
    from playground.tabs import cards as examples
    from playground.timings import Timings

    def warm_up():
        there.store.sweep()
        pipelines.warm_up()
        pool.device  # noqa: B018  asked for once: the page says what it is

    def count_tokens(model, text):
        from playground.pipelines import prompts

        card = there.catalog.find(model)
        return prompts.count(there.store.resolved(card) if there.store.ready(card) else card, text)

    def accelerations(card):
        from playground.pipelines import acceleration

        known = pool.known_device
        return acceleration.offered(card, known) if known else ("exact",)

    shelf = Shelf(folder / "made")
    timings = Timings(there.kept / "timings.json", device=options.device)
    demo = page.build(
        there.engine, shelf=shelf, shared=options.public, timings=timings, store=there.store, downloads=there.downloads,
        count_tokens=count_tokens, loras=there.own.loras, find_own=None if options.public else there.find_own,
        accelerations=accelerations,
    )
    with demo:  # a folder that was put there meanwhile is found without a restart
        demo.load(lambda: there.own.refresh() and None, **QUIET)
    served = launch.Page(
        demo=demo, engine=there.engine, costly=page.costly(demo), look=theme.look(), routes=[shelf.route(), examples.route()]
    )
    try:
        return launch.serve(served, options, warm_up=warm_up, folder=folder)
    finally:
        there.downloads.close(seconds=0.5)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
