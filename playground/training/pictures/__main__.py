"""`python -m playground.training.pictures --data DIR`: trains the starter pictures and writes a diffusers folder.

Stages: autoencoder (a quarter of the minutes), diffusion (the rest: captions to latents with the text encoder) with
evaluate (saves the folder, draws a contact sheet, writes the facts), examples (the pictures that the tabs offer).
Training resumes from its checkpoints under `--work`; a stage whose minutes are spent is passed over.
"""

from __future__ import annotations

from playground.training import recipe

STAGES = ("autoencoder", "diffusion", "evaluate", "examples")
AUTOENCODER_SHARE = 1 / 4


def main(argv: list[str] | None = None) -> None:
    options = recipe.parse("pictures", minutes=100, stages=STAGES, argv=argv)
    from playground.training.pictures import autoencoder, data, diffusion, evaluate, examples

    if options.stages != ("examples",):
        pack = data.load_pack(options.data, limit=8 if options.smoke else None)
        recipe.say(f"{len(pack.names)} objects, device {options.device}")
        vae, facts = autoencoder.train(options, pack, minutes=options.minutes * AUTOENCODER_SHARE)
        if options.stages == ("autoencoder",):
            return
        share = options.minutes * (1 - AUTOENCODER_SHARE)
        pipeline, diffusion_facts = diffusion.train(options, pack, vae, minutes=share)
        evaluate.write(options, pack, pipeline, autoencoder=facts, diffusion=diffusion_facts)
    if "examples" in options.stages and not options.smoke:
        examples.write(options)


if __name__ == "__main__":
    main()
