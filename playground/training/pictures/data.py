"""The training pictures: one plain object of the emoji pack in one style, placed on a plain ground, with its caption."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 128
STYLE = "fluent3d"

# What the starter draws: the words of the caption, and the picture's name in the pack where that is another.
OBJECTS: dict[str, str] = {
    # animals
    "monkey": "monkey face", "gorilla": "", "orangutan": "", "dog": "", "dog face": "", "poodle": "", "wolf": "",
    "fox": "", "raccoon": "", "cat": "", "cat face": "", "black cat": "", "lion": "", "tiger": "tiger face",
    "horse": "horse face", "unicorn": "", "zebra": "", "deer": "", "cow": "cow face", "pig": "pig face", "sheep": "ewe",
    "goat": "", "camel": "", "llama": "", "giraffe": "", "elephant": "", "rhinoceros": "", "hippopotamus": "",
    "mouse": "mouse face", "hamster": "", "rabbit": "rabbit face", "squirrel": "chipmunk", "hedgehog": "", "bat": "",
    "bear": "", "polar bear": "", "koala": "", "panda": "", "kangaroo": "", "turkey": "", "chicken": "", "rooster": "",
    "chick": "baby chick", "penguin": "", "eagle": "", "duck": "", "swan": "", "owl": "", "flamingo": "", "peacock": "",
    "parrot": "", "frog": "", "crocodile": "", "turtle": "", "snake": "", "dragon": "dragon face", "dinosaur": "T-Rex",
    "whale": "spouting whale", "dolphin": "", "fish": "", "tropical fish": "", "shark": "", "octopus": "", "crab": "",
    "lobster": "", "snail": "", "butterfly": "", "bee": "honeybee", "ladybug": "lady beetle", "spider": "",
    # plants and weather
    "blossom": "", "rose": "", "sunflower": "", "tulip": "", "hibiscus": "", "potted plant": "",
    "pine tree": "evergreen tree", "tree": "deciduous tree", "palm tree": "", "cactus": "", "clover": "four leaf clover",
    "maple leaf": "", "mushroom": "", "sun": "sun with face", "moon": "crescent moon", "full moon": "", "star": "",
    "planet": "ringed planet", "earth": "globe showing Europe-Africa", "cloud": "", "rainbow": "", "lightning": "high voltage",
    "snowflake": "", "snowman": "snowman without snow", "fire": "", "water drop": "droplet", "mountain": "snow-capped mountain",
    "volcano": "", "desert island": "",
    # food
    "grapes": "", "watermelon": "", "orange fruit": "tangerine", "lemon": "", "banana": "", "pineapple": "", "mango": "",
    "red apple": "", "green apple": "", "pear": "", "peach": "", "cherries": "", "strawberry": "", "blueberries": "",
    "kiwi": "kiwi fruit", "tomato": "", "coconut": "", "avocado": "", "eggplant": "", "potato": "", "carrot": "",
    "corn": "ear of corn", "hot pepper": "", "green pepper": "bell pepper", "cucumber": "", "broccoli": "", "garlic": "",
    "onion": "", "bread": "", "croissant": "", "pretzel": "", "pancakes": "", "cheese": "cheese wedge", "hamburger": "",
    "french fries": "", "pizza": "", "hot dog": "", "sandwich": "", "taco": "", "egg": "", "popcorn": "", "sushi": "",
    "ice cream": "soft ice cream", "doughnut": "", "cookie": "", "birthday cake": "", "cupcake": "", "lollipop": "",
    "honey": "honey pot", "milk": "glass of milk", "coffee": "hot beverage", "teapot": "", "beer": "beer mug",
    # places and vehicles
    "house": "", "castle": "", "church": "", "tent": "", "ferris wheel": "", "train": "locomotive", "tram": "tram car",
    "bus": "", "ambulance": "", "fire engine": "", "police car": "", "taxi": "", "car": "automobile", "truck": "delivery truck",
    "tractor": "", "racing car": "", "motorcycle": "", "bicycle": "", "skateboard": "", "anchor": "", "sailboat": "",
    "ship": "", "airplane": "", "helicopter": "", "rocket": "", "flying saucer": "",
    # things
    "hourglass": "hourglass not done", "watch": "", "alarm clock": "", "umbrella": "", "pumpkin": "jack-o-lantern",
    "christmas tree": "Christmas tree", "balloon": "", "gift": "wrapped gift", "trophy": "", "medal": "sports medal",
    "soccer ball": "", "basketball": "", "tennis racket": "tennis", "bowling ball": "bowling", "kite": "", "crystal ball": "",
    "die": "game die", "puzzle piece": "", "teddy bear": "", "palette": "artist palette", "glasses": "", "t-shirt": "",
    "dress": "", "backpack": "", "shoe": "running shoe", "crown": "", "top hat": "", "ring": "", "diamond": "gem stone",
    "bell": "", "headphones": "headphone", "radio": "", "guitar": "", "piano": "musical keyboard", "trumpet": "",
    "violin": "", "drum": "", "phone": "telephone", "laptop": "", "television": "", "camera": "", "candle": "",
    "light bulb": "", "lantern": "red paper lantern", "book": "closed book", "open book": "", "money bag": "",
    "letter": "envelope",
    "mailbox": "closed mailbox with raised flag", "pencil": "", "paintbrush": "", "scissors": "", "lock": "locked", "key": "",
    "hammer": "", "axe": "", "shield": "", "gear": "", "magnet": "", "toolbox": "", "telescope": "", "door": "", "bed": "",
    "chair": "", "basket": "", "robot": "", "ghost": "", "alien": "", "skull": "", "red heart": "", "blue heart": "",
    "green heart": "", "yellow heart": "", "purple heart": "", "smiley": "grinning face", "sunglasses": "",
    "coin": "", "paw print": "paw prints",
}

# What the last part of the training is about: the things that should be drawn well.
FOCUS = frozenset("""
fox, cat face, panda, koala, pig, frog, penguin, owl, chick, duck, lion, tiger, bear, rabbit, whale, octopus, ladybug,
butterfly, turtle, monkey, dog face, mouse, fish, snail, rose, sunflower, tulip, hibiscus, pine tree, tree, cactus, clover,
maple leaf, mushroom, sun, moon, star, planet, earth, cloud, rainbow, lightning, snowflake, snowman, fire, water drop,
grapes, watermelon, orange fruit, lemon, banana, pineapple, red apple, green apple, pear, peach, cherries, strawberry,
kiwi, tomato, avocado, eggplant, carrot, broccoli, cheese, hamburger, pizza, egg, ice cream, doughnut, cookie, cupcake,
birthday cake, lollipop, honey, house, car, bus, rocket, sailboat, balloon, gift, soccer ball, basketball, alarm clock,
umbrella, pumpkin, crown, top hat, diamond, bell, guitar, candle, light bulb, book, letter, key, shield, magnet, robot,
ghost, alien, skull, red heart, blue heart, green heart, yellow heart, purple heart, smiley
""".replace("\n", " ").strip().split(", "))

# Colours of the ground, 0..255, chosen to be told apart by name.
GROUNDS: dict[str, tuple[int, int, int]] = {
    "white": (255, 255, 255), "grey": (160, 164, 170), "black": (24, 24, 28), "red": (222, 62, 62),
    "orange": (250, 152, 60), "yellow": (252, 220, 88), "green": (96, 190, 110), "blue": (84, 144, 236),
    "light blue": (178, 220, 250), "purple": (150, 100, 210), "pink": (250, 170, 200), "brown": (140, 96, 66),
}
VOWELS = tuple("aeiou")


@dataclass(frozen=True)
class Pack:
    """The objects at twice the picture's size. names: captions' nouns; images: (N, 256, 256, 4) uint8, straight alpha."""

    names: tuple[str, ...]
    images: np.ndarray


def load_pack(data: Path, *, limit: int | None = None) -> Pack:
    """Reads the objects of one style from the emoji pack under `data`."""
    folder = data / "emoji"
    wanted = {(origin or name): name for name, origin in OBJECTS.items()}
    with open(folder / "index.csv", newline="", encoding="utf8") as file:
        rows = {r["name"]: r["file"] for r in csv.DictReader(file) if r["style"] == STYLE and r["name"] in wanted}
    missing = sorted(set(wanted) - set(rows))
    if missing:
        raise ValueError(f"the pack has no {STYLE} picture called {', '.join(missing)}")
    chosen = list(wanted)[:limit]
    with zipfile.ZipFile(folder / "emoji256.zip") as archive:
        images = np.stack([np.asarray(Image.open(io.BytesIO(archive.read(rows[o]))).convert("RGBA")) for o in chosen])
    return Pack(names=tuple(wanted[o] for o in chosen), images=images)


def focused(pack: Pack) -> Pack:
    """The objects of FOCUS alone; all of them where the pack has none."""
    rows = [row for row, name in enumerate(pack.names) if name in FOCUS] or list(range(len(pack.names)))
    return Pack(names=tuple(pack.names[row] for row in rows), images=pack.images[rows])


def caption(name: str, ground: str | None, rng: np.random.Generator) -> str:
    """One of the ways in which a person might ask for the picture."""
    noun = name
    if rng.random() < 0.5 and not name.endswith("s"):
        noun = f"{'an' if name.startswith(VOWELS) else 'a'} {name}"
    if ground is None:
        return noun
    return f"{noun} on {'an' if ground.startswith(VOWELS) else 'a'} {ground} background"


def compose(image: np.ndarray, ground: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Places one object, at a random size and a little off the middle, on a plain ground; (SIZE, SIZE, 3) uint8."""
    size = int(SIZE * rng.uniform(0.80, 0.90))
    room = SIZE - size
    left, top = (int(np.clip(room / 2 + rng.normal() * room / 8, 0, room)) for _ in range(2))
    thing = Image.fromarray(image)
    thing = thing.convert("RGBa").resize((size, size), Image.Resampling.BOX).convert("RGBA")
    canvas = Image.new("RGB", (SIZE, SIZE), ground)
    canvas.paste(thing, (left, top), thing)
    return np.asarray(canvas)


def sample(pack: Pack, rng: np.random.Generator, *, index: int | None = None) -> tuple[np.ndarray, str]:
    """One training picture (SIZE, SIZE, 3) uint8 and its caption; without a word about the ground it is white."""
    index = int(rng.integers(len(pack.names))) if index is None else index
    if rng.random() < 0.4:
        ground, rgb = ("white" if rng.random() < 0.15 else None), (255, 255, 255)
    else:
        ground = list(GROUNDS)[int(rng.integers(1, len(GROUNDS)))]
        rgb = tuple(int(np.clip(c + rng.normal() * 6, 0, 255)) for c in GROUNDS[ground])
    return compose(pack.images[index], rgb, rng), caption(pack.names[index], ground, rng)


def known_words(pack: Pack) -> list[str]:
    """Every caption's noun, and every word of the grounds: what the tokenizer learns from."""
    return [*pack.names, *GROUNDS, "a", "an", "on", "background"]
