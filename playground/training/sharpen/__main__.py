"""`python -m playground.training.sharpen --data DIR`: trains the starter sharpen and writes weights and facts.

Stages: train (resumes from its checkpoint under `--work`), evaluate (Set14, where the pack sr-eval is there).
"""

from __future__ import annotations

from playground.training import recipe

STAGES = ("train", "evaluate")


def main(argv: list[str] | None = None) -> None:
    options = recipe.parse("sharpen", minutes=15, stages=STAGES, argv=argv)
    from playground.training.sharpen import data, evaluate, train

    if "train" in options.stages:
        pack = data.load_pack(options.data, seed=options.seed, limit=4 if options.smoke else None)
        recipe.say(f"{len(pack.pictures)} pictures, {len(pack.spots)} places, device {options.device}")
        train.write(options, *train.train(options, pack))
    if "evaluate" in options.stages:
        evaluate.write(options)


if __name__ == "__main__":
    main()
