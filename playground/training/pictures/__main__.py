"""`python -m playground.training.pictures --data DIR`: trains the starter pictures and writes a diffusers folder.

Stages: autoencoder (a third of the minutes), diffusion (the rest: captions to latents with the text encoder),
evaluate (a contact sheet and the facts). Every stage resumes from its checkpoint under `--work`.
"""

from __future__ import annotations

from playground.training import recipe

STAGES = ("autoencoder", "diffusion", "evaluate")
AUTOENCODER_SHARE = 1 / 3


def main(argv: list[str] | None = None) -> None:
    options = recipe.parse("pictures", minutes=90, stages=STAGES, argv=argv)
    from playground.training.pictures import autoencoder, data

    pack = data.load_pack(options.data, limit=8 if options.smoke else None)
    recipe.say(f"{len(pack.names)} objects, device {options.device}")
    vae, facts = autoencoder.train(options, pack, minutes=options.minutes * AUTOENCODER_SHARE)
    vae.save_pretrained(options.work / "vae")
    if options.stages == ("autoencoder",):
        return
    from playground.training.pictures import diffusion, evaluate

    pipeline, diffusion_facts = diffusion.train(options, pack, vae, minutes=options.minutes * (1 - AUTOENCODER_SHARE))
    evaluate.write(options, pack, pipeline, autoencoder=facts, diffusion=diffusion_facts)


if __name__ == "__main__":
    main()
