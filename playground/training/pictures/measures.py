"""What is measured of the starter pictures: words kept, colours kept, both things there, diversity, copies, restoring."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

from playground.training.pictures import colours, data, scenes
from playground.training.pictures.bank import pixels_of
from playground.training.pictures.judge import UNSEEN
from playground.training.pictures.things import GROUNDS, OWN_STYLE, PAINTS, STYLES
from playground.training.recipe import Options, say

STEPS, QUALITY_STEPS, GUIDANCE = 8, 20, 3.0
SEEDS, COMPOSED, PAIRS, STYLE_PROMPTS = 4, 200, 100, 30
BORDER = 5  # pixels of a picture's edge that show its ground
PLAIN = {"light blue": "blue"}  # what `colours` calls a ground


def draw(pipeline, prompts: list[str], seeds: Iterable[int], *, steps: int = STEPS) -> np.ndarray:
    """One picture a prompt; (N, SIZE, SIZE, 3) uint8."""
    import torch

    seeds, made = list(seeds), []
    for start in range(0, len(prompts), 16):
        some = prompts[start:start + 16]
        noise = [torch.Generator().manual_seed(s) for s in seeds[start:start + 16]]
        made.append(pipeline(
            prompt=some, num_inference_steps=steps, guidance_scale=GUIDANCE, generator=noise, output_type="np",
        ).images)
    return (np.concatenate(made) * 255).round().astype(np.uint8)


def looks(judge, pictures: np.ndarray):
    """The judge's unit vectors of pictures (N, H, W, 3) uint8; (N, WIDTH)."""
    import torch

    device = judge.scale.device
    with torch.inference_mode():
        return torch.cat([judge.look(pixels_of(pictures[i:i + 64]).to(device)).cpu() for i in range(0, len(pictures), 64)])


def ranks(judge, pictures: np.ndarray, names: list[str], gallery: tuple[str, ...]) -> np.ndarray:
    """At which place, from 0, the judge puts each picture's name among the gallery's."""
    import torch

    with torch.inference_mode():
        likeness = looks(judge, pictures) @ judge.read(list(gallery)).cpu().T  # (N, gallery)
    own = likeness[torch.arange(len(names)), [gallery.index(n) for n in names]]
    return (likeness > own[:, None]).sum(-1).numpy()


def recall(places: np.ndarray) -> dict[str, float]:
    """R@1 and R@5."""
    return {"r1": round(float((places < 1).mean()), 3), "r5": round(float((places < 5).mean()), 3)}


def halves(pictures: np.ndarray) -> np.ndarray:
    """The left and the right half of each picture as squares on their ground; (2 * N, SIZE, SIZE, 3)."""
    side, quarter = data.SIZE // 2, data.SIZE // 4
    parts = [pictures[:, quarter:quarter + side, x:x + side] for x in (0, side)]
    return np.stack(parts, 1).reshape(-1, side, side, 3).repeat(2, 1).repeat(2, 2)


def both_found(judge, pictures: np.ndarray, names: list[tuple[str, str]], gallery: tuple[str, ...]) -> float:
    """Share of pictures in which the judge has each of two things among its five best for one of the halves."""
    parts = halves(pictures)
    found = []
    for i in range(2):
        places = ranks(judge, parts, [pair[i] for pair in names for _ in range(2)], gallery).reshape(-1, 2)
        found.append((places < 5).any(1))
    return round(float((found[0] & found[1]).mean()), 3)


def ground_of(picture: np.ndarray) -> np.ndarray:
    """Pixels of the picture's edge, (N, 3)."""
    inside = np.zeros(picture.shape[:2], bool)
    inside[BORDER:-BORDER, BORDER:-BORDER] = True
    return picture[~inside]


def obeyed(picture: np.ndarray, colour: str, ground: str) -> tuple[bool, bool]:
    """Whether the thing has the colour and the edge the ground's, by counting pixels.

    The thing is what differs from the edge's typical colour; it has the colour if that is the commonest but for
    white, grey and black.
    """
    edge = ground_of(picture)
    typical = np.median(edge, 0)
    away = np.abs(picture.astype(int) - typical).max(-1) > 36
    names = colours.names_of(picture[away]) if away.any() else np.zeros(0, int)
    counts = np.bincount(names, minlength=len(colours.NAMES))
    for dull in ("white", "grey", "black"):
        counts[colours.NAMES.index(dull)] = 0
    thing = counts.sum() > 0 and colours.NAMES[int(counts.argmax())] == colour
    return bool(thing), colours.main_colour(edge)[0] == PLAIN.get(ground, ground)


def composed(pack: data.Pack, rng: np.random.Generator, count: int) -> list[tuple[str, str, str, int]]:
    """`count` times (prompt, colour, ground, sprite): a thing that has a colour, in another one, on a ground."""
    wanted = []
    while len(wanted) < count:
        row = int(rng.choice(pack.shown[OWN_STYLE]))
        natural = colours.colour_of(pack.sprites[row])
        paint, ground = str(rng.choice(list(PAINTS))), str(rng.choice(list(GROUNDS)))
        if natural not in PAINTS or paint == PLAIN.get(ground, ground):
            continue
        name = pack.names[row]
        wanted.append((f"a {paint} {name} on {scenes.article(ground)} background", paint, ground, row))
    return wanted


def truly_composed(pack: data.Pack, wanted: list[tuple[str, str, str, int]]) -> np.ndarray:
    """What training would show for `composed`'s prompts, for the ceiling."""
    return np.stack([alone(colours.repaint(pack.sprites[row], paint), GROUNDS[ground]) for _, paint, ground, row in wanted])


def singles(pack: data.Pack, rows: Iterable[int]) -> np.ndarray:
    """Sprites alone on white, as a prompt of one name asks for."""
    return np.stack([alone(pack.sprites[row], GROUNDS["white"]) for row in rows])


def alone(sprite: np.ndarray, ground: tuple[int, int, int]) -> np.ndarray:
    """A sprite in the middle of a plain ground, (SIZE, SIZE, 3) uint8."""
    canvas = Image.new("RGB", (data.SIZE, data.SIZE), ground)
    scenes.put(canvas, sprite, scenes.Place(x=0.5, y=0.5, side=0.78))
    return np.asarray(canvas)


def measure(options: Options, pack: data.Pack, pipeline, judge) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Everything that facts.json says of the generator's quality, and the pictures for contact sheets."""
    rng = np.random.default_rng(options.seed + 9)
    things, sheets, out = pack.things, {}, {}
    scenes_asked, pairs_asked = (4, 4) if options.smoke else (COMPOSED, PAIRS)
    quality = 2 if options.smoke else QUALITY_STEPS

    # 1. The ceiling: the judge on real pictures of a style that it did not learn from.
    unseen = data.load_pack(options.data, limit=len(things), styles=UNSEEN, keep_all=True)
    out["ceiling"] = recall(ranks(judge, singles(unseen, range(len(unseen.names))), list(unseen.names), things))

    own = pack.shown[OWN_STYLE]
    out["real_own_style"] = recall(ranks(judge, singles(pack, own), [pack.names[i] for i in own], things))

    # 2. Each thing over SEEDS seeds, in few steps and in many.
    prompts = [scenes.article(name) for name in things for _ in range(SEEDS)]
    names = [name for name in things for _ in range(SEEDS)]
    made = draw(pipeline, prompts, (100 + i for i in range(len(prompts))))
    sheets["things"] = made[::SEEDS]
    out["drawn"] = recall(ranks(judge, made, names, things))
    many = draw(pipeline, prompts[::SEEDS], (100 + i for i in range(0, len(prompts), SEEDS)), steps=quality)
    sheets["things_many_steps"] = many
    out[f"drawn_in_{QUALITY_STEPS}_steps"] = recall(ranks(judge, many, names[::SEEDS], things))
    out["of_ceiling"] = {k: round(out["drawn"][k] / max(out["ceiling"][k], 1e-6), 3) for k in ("r1", "r5")}
    say(f"judged: {out}")

    # 3. Colours and grounds.
    wanted = composed(pack, rng, scenes_asked)
    coloured = draw(pipeline, [w[0] for w in wanted], range(1000, 1000 + len(wanted)))
    sheets["composed"] = coloured[:6 * 13]
    for key, shots in (("obeyed", coloured), ("obeyed_ceiling", truly_composed(pack, wanted))):
        both = np.array([obeyed(p, colour, ground) for p, (_, colour, ground, _) in zip(shots, wanted, strict=True)])
        out[key] = {"colour": round(float(both[:, 0].mean()), 3), "ground": round(float(both[:, 1].mean()), 3)}

    # 4. Two things at once.
    pairs = [tuple(str(n) for n in rng.choice(things, 2, replace=False)) for _ in range(pairs_asked)]
    asked = [f"{scenes.article(a)} and {scenes.article(b)}" for a, b in pairs]
    together = draw(pipeline, asked, range(3000, 3000 + pairs_asked))
    sheets["pairs"] = together[:6 * 13]
    out["both_found"] = both_found(judge, together, pairs, things)
    real = [scenes.compose(unseen, rng, kind="two", style="unseen") for _ in range(4 * pairs_asked)]
    beside = [s for s in real if s.things[0][2][1] < 64 and s.things[1][2][0] > 50][:pairs_asked]
    out["both_found_ceiling"] = both_found(
        judge, np.stack([s.pixels for s in beside]), [(s.things[0][0], s.things[1][0]) for s in beside], things,
    )
    say(f"composed: {out}")

    # 5. Pairs of thing and style that training never showed.
    held = sorted(pack.held_out)
    shown = draw(pipeline, [f"{scenes.article(n)}, {s} style" for n, s in held], range(5000, 5000 + len(held)))
    sheets["held_out"] = shown
    out["held_out"] = recall(ranks(judge, shown, [n for n, _ in held], things)) | {
        "style": round(float(np.mean([nearest_style(pack, p, n) == s for p, (n, s) in zip(shown, held, strict=True)])), 3),
        "pairs": len(held),
    }

    out["styles"] = styles_obeyed(pipeline, pack, rng, 2 if options.smoke else STYLE_PROMPTS)

    # 6. Diversity and copies, as distances between the judge's vectors.
    out |= variety(judge, pack, made, names)
    out["psnr_db_of_unknown_things"] = restored(options, pipeline.vae, 16 if options.smoke else 256)
    say(f"measured: {out}")
    return out, sheets


def nearest_style(pack: data.Pack, picture: np.ndarray, name: str) -> str:
    """The style of the thing's sprite that the picture is most like, both shrunk to 16x16 pixels."""
    rows = [i for i, n in enumerate(pack.names) if n == name]
    small = singles(pack, rows).reshape(len(rows), 16, 8, 16, 8, 3).mean((2, 4))
    own = picture.reshape(16, 8, 16, 8, 3).mean((1, 3))
    return pack.styles[rows[int(np.abs(small - own).mean((1, 2, 3)).argmin())]]


def styles_obeyed(pipeline, pack: data.Pack, rng: np.random.Generator, count: int) -> dict[str, float]:
    """For each style but the own one, the share of `count` things that training showed in it which are drawn in it."""
    out = {}
    for style, rows in pack.shown.items():
        if style != OWN_STYLE:
            names = [pack.names[i] for i in rng.choice(rows, count)]
            made = draw(pipeline, [f"{scenes.article(n)}, {style} style" for n in names], range(7000, 7000 + count))
            hits = [nearest_style(pack, picture, name) == style for picture, name in zip(made, names, strict=True)]
            out[style] = round(float(np.mean(hits)), 3)
    return out


def variety(judge, pack: data.Pack, made: np.ndarray, names: list[str]) -> dict[str, Any]:
    """diversity: mean distance between seeds of a prompt beside that between two styles of a thing; copies: share of
    pictures nearer to a training sprite than 99 % of the distances between two styles of one thing."""
    import torch

    real, drawn = looks(judge, singles(pack, range(len(pack.names)))), looks(judge, made)
    between = torch.cat([
        torch.pdist(real[[i for i, n in enumerate(pack.names) if n == thing]]) for thing in pack.things
    ])
    groups = drawn.reshape(len(pack.things), -1, drawn.shape[-1])
    seeds = torch.cat([torch.pdist(group) for group in groups])
    nearest = torch.cdist(drawn, real).min(-1).values
    near = between.quantile(0.01)
    return {
        "diversity": {"seeds": round(seeds.mean().item(), 3), "styles": round(between.mean().item(), 3)},
        "copies": {"share": round((nearest < near).float().mean().item(), 3), "nearer_than": round(near.item(), 4)},
    }


def restored(options: Options, vae, count: int) -> float:
    """Mean PSNR in dB of the autoencoder on pictures, in all styles, of concepts that no stage was shown."""
    import torch

    everything = data.load_pack(options.data, everything=True, styles=STYLES, keep_all=True)
    rng = np.random.default_rng(options.seed + 10)
    foreign = [i for i, n in enumerate(everything.names) if n not in data.THINGS]
    shots = singles(everything, rng.choice(foreign, min(count, len(foreign)), replace=False))
    total = []
    for start in range(0, len(shots), 16):
        pixels = pixels_of(shots[start:start + 16])
        with torch.inference_mode():
            again = vae.decode(vae.encode(pixels).latent_dist.mode()).sample.clamp(-1, 1)
        total.append(-10 * ((again - pixels) / 2).square().mean((1, 2, 3)).log10())
    return round(torch.cat(total).mean().item(), 2)
