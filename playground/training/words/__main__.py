"""`python -m playground.training.words --data DIR`: trains the starter text model and writes a transformers folder.

Stages: train (the tokenizer, then the network until the minutes are spent; resumes from its checkpoint under
`--work`), evaluate (bits per byte on books that it never saw, and samples; needs only the written folder).
"""

from __future__ import annotations

from playground.training import recipe

STAGES = ("train", "evaluate")
SMOKE_BOOKS = 2


def main(argv: list[str] | None = None) -> None:
    options = recipe.parse("words", minutes=25, stages=STAGES, argv=argv)
    from playground.training.words import data, evaluate, model

    books = data.load_books(options.data)
    training, held_out = data.split(books)
    training = training[:SMOKE_BOOKS] if options.smoke else training
    recipe.say(f"{len(training)} books to learn from, {len(held_out)} held out, device {options.device}")
    if "train" in options.stages:
        tokenizer = data.load_tokenizer(options.work / "tokenizer", training, size=data.vocabulary(options.smoke))
        network, facts = model.train(options, tokenizer, training)
        model.save(options, tokenizer, network, facts | data.describe(training))
    if "evaluate" in options.stages:
        evaluate.write(options, held_out)


if __name__ == "__main__":
    main()
