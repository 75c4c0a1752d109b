"""`python -m playground.training.pictures --data DIR`: trains the starter pictures and writes a diffusers folder.

Stages: autoencoder, decoder (which learns to forgive wrong latents), diffusion (captions to latents, with the text
encoder), evaluate (saves the folder, draws a contact sheet, writes the facts), examples (the pictures that the tabs
offer). One run does them all; `--stages autoencoder`, `--stages autoencoder,decoder` and `--stages examples` do a part.
Training resumes from its checkpoints under `--work`; a stage whose minutes are spent is passed over.
"""

from __future__ import annotations

from playground.training import recipe

STAGES = ("autoencoder", "decoder", "diffusion", "evaluate", "examples")
AUTOENCODER_SHARE, DECODER_SHARE, DIFFUSION_SHARE = 0.2085, 0.0832, 0.7083  # of the minutes


def main(argv: list[str] | None = None) -> None:
    options = recipe.parse("pictures", minutes=120, stages=STAGES, argv=argv)
    from playground.training.pictures import autoencoder, data, decoder, diffusion, evaluate, examples

    if options.stages != ("examples",):
        pack = data.load_pack(options.data, limit=8 if options.smoke else None)
        recipe.say(f"{len(pack.names)} objects, device {options.device}")
        vae, facts = autoencoder.train(options, pack, minutes=options.minutes * AUTOENCODER_SHARE)
        if options.stages == ("autoencoder",):
            return
        facts |= decoder.train(options, pack, vae, minutes=options.minutes * DECODER_SHARE)
        if options.stages == ("autoencoder", "decoder"):
            return
        pipeline, diffusion_facts = diffusion.train(options, pack, vae, minutes=options.minutes * DIFFUSION_SHARE)
        evaluate.write(options, pack, pipeline, autoencoder=facts, diffusion=diffusion_facts)
    if "examples" in options.stages and not options.smoke:
        examples.write(options)


if __name__ == "__main__":
    main()
