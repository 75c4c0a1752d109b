"""`python -m playground.training.pictures --data DIR`: trains the starter pictures and writes a diffusers folder.

Stages: autoencoder, decoder (which learns to forgive wrong latents), data (scenes composed and encoded), diffusion
(captions to latents, with the text encoder), distil (half the evaluations), judge (a small image-text model that only
measures), evaluate (saves the folder, measures, draws contact sheets, writes the facts), examples (the pictures that
the tabs offer). One run does them all, `--stages` a part; each stage leaves its result under `--work` and resumes from
its checkpoint there. With `--begin FOLDER` the autoencoder of an earlier starter is kept and its denoiser trained on.
"""

from __future__ import annotations

from playground.training import recipe

SHARES = {"autoencoder": 0.18, "decoder": 0.07, "diffusion": 0.5, "distil": 0.15, "judge": 0.1}  # of the minutes
STAGES = ("autoencoder", "decoder", "data", "diffusion", "distil", "judge", "evaluate", "examples")


def main(argv: list[str] | None = None) -> None:
    options = recipe.parse("pictures", minutes=150, stages=STAGES, argv=argv, begins=True)
    from playground.training.pictures import (
        autoencoder,
        bank,
        data,
        decoder,
        diffusion,
        distil,
        evaluate,
        examples,
        judge,
        parts,
    )

    pack = data.load_pack(options.data, everything=options.device != "cpu", limit=8 if options.smoke else None)
    recipe.say(f"{len(pack.things)} things, {len(pack.names)} sprites, device {options.device}")
    minutes = {stage: options.minutes * share for stage, share in SHARES.items()}
    if "autoencoder" in options.stages and not options.begin:
        vae, facts = autoencoder.train(options, pack, minutes=minutes["autoencoder"])
        parts.keep(options, vae=vae, facts={"autoencoder": facts})
    elif options.begin:
        parts.borrow(options)
    if "decoder" in options.stages:
        vae = parts.load_vae(options)
        facts = decoder.train(options, pack, vae, minutes=minutes["decoder"])
        parts.keep(options, vae=vae, facts={"decoder": facts})
    if "data" in options.stages:
        bank.encode(options, pack, parts.load_vae(options))
    if "diffusion" in options.stages:
        networks, facts = diffusion.train(options, pack, parts.load_vae(options), minutes=minutes["diffusion"])
        parts.keep(options, networks=networks, facts={"diffusion": facts})
    if "distil" in options.stages:
        teacher = parts.load_networks(options)
        networks, facts = distil.train(options, pack, parts.load_vae(options), *teacher, minutes=minutes["distil"])
        parts.keep(options, networks=networks, facts={"distil": facts}, name="distilled")
    if "judge" in options.stages:
        judge.train(options, minutes=minutes["judge"])
    if "evaluate" in options.stages:
        pipeline = diffusion.assemble(parts.load_vae(options), *parts.load_networks(options, "distilled"))
        evaluate.write(options, pack, pipeline, judge.load(options, pack.things), known=parts.facts(options))
    if "examples" in options.stages and not options.smoke:
        examples.write(options)


if __name__ == "__main__":
    main()
