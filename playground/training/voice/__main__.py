"""`python -m playground.training.voice --data DIR`: trains the starter voice on what flite says, and writes its folder.

Stages: corpus (flite speaks; tokens, durations, mels and pitch are kept), lexicon (words' phones as flite says them, and
a model for words that the lexicon lacks), vocoder, acoustic, evaluate (saves the folder, has a recogniser listen to
teacher and starter, draws both side by side, writes the facts). One run does them all, `--stages` a part; each stage
resumes from its checkpoint under `--work`. It needs Debian's packages libflite1 and wamerican, and to be measured
pocketsphinx with pocketsphinx-en-us, or the same programs from elsewhere.
"""

from __future__ import annotations

from playground.training import recipe

SHARES = {"lexicon": 0.11, "vocoder": 0.13, "acoustic": 0.76}  # of the minutes
STAGES = ("corpus", "lexicon", "vocoder", "acoustic", "evaluate")


def main(argv: list[str] | None = None) -> None:
    options = recipe.parse("voice", minutes=95, stages=STAGES, argv=argv)
    from playground.training.voice import acoustic, corpus, evaluate, lexicon, vocoder

    minutes = {stage: options.minutes * share for stage, share in SHARES.items()}
    if "corpus" in options.stages:
        corpus.build(options)
    if "lexicon" in options.stages:
        lexicon.train(options, minutes=minutes["lexicon"])
    if "vocoder" in options.stages:
        vocoder.train(options, minutes=minutes["vocoder"])
    if "acoustic" in options.stages:
        acoustic.train(options, minutes=minutes["acoustic"])
    if "evaluate" in options.stages:
        evaluate.assemble(options)
        evaluate.write(options)


if __name__ == "__main__":
    main()
