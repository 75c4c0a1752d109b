"""What the starter draws: things with their other names, styles, and the colours of grounds and things."""

from __future__ import annotations

# The styles by the words that captions use; "3d" is meant where no style is said.
STYLES: dict[str, str] = {
    "3d": "fluent3d", "flat": "fluentflat", "noto": "noto", "twemoji": "twemoji", "blob": "blob",
}
OWN_STYLE = "3d"

# Each thing: its name; after a colon the pictures of the pack where they are called otherwise; after "=" other names.
_KNOWN = """
monkey: monkey face = monkey face | dog: dog face = dog face, puppy | fox = fox face |
cat: cat face = cat face, kitten, kitty | lion = lion face | tiger: tiger face = tiger face | pig: pig face = pig face, piggy |
mouse: mouse face = mouse face | rabbit: rabbit face = bunny, rabbit face | bear = bear face, brown bear | koala = koala bear |
panda = panda bear | chick: baby chick = baby chick, baby bird | penguin | duck | owl | frog = frog face, toad |
turtle = tortoise | whale: spouting whale | fish | octopus | snail | butterfly | ladybug: lady beetle = ladybird, beetle |
rose = red rose | sunflower | tulip | hibiscus | pine tree: evergreen tree = evergreen tree, fir tree |
tree: deciduous tree = leafy tree | cactus | clover: four leaf clover = four leaf clover | maple leaf = leaf, autumn leaf |
mushroom = toadstool | sun: sun with face = sunshine | moon: crescent moon = crescent moon | star |
planet: ringed planet = saturn | earth: globe showing Europe-Africa = globe, world | cloud | rainbow |
lightning: high voltage = lightning bolt | snowflake | snowman: snowman without snow | fire = flame |
water drop: droplet = drop, droplet | grapes = bunch of grapes | watermelon = slice of watermelon |
orange fruit: tangerine = tangerine, mandarin | lemon | banana | pineapple | apple: red apple, green apple | pear | peach |
cherries = cherry | strawberry | kiwi: kiwi fruit = kiwi fruit | tomato | avocado | eggplant = aubergine | carrot | broccoli |
cheese: cheese wedge = piece of cheese | hamburger = burger, cheeseburger | pizza = slice of pizza | egg |
ice cream: soft ice cream = soft ice cream | doughnut = donut | cookie = biscuit | birthday cake = cake | cupcake = muffin |
lollipop = candy, lolly | honey: honey pot = honey pot, pot of honey | house = home | bus | car: automobile = automobile |
sailboat = boat, sailing boat | rocket = spaceship, space rocket | alarm clock = clock | umbrella |
pumpkin: jack-o-lantern = halloween pumpkin | balloon | gift: wrapped gift = present, gift box |
soccer ball = football | basketball | crown = golden crown | top hat = hat | diamond: gem stone = gem, jewel |
bell = golden bell | guitar | candle | light bulb = lamp, bulb | book: closed book | letter: envelope = envelope, mail | key |
shield | magnet | robot = robot face | ghost | alien = alien face | skull |
heart: red heart, blue heart, green heart, yellow heart, purple heart | smiley: grinning face = happy face, smiling face
"""


def _read(text: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    known = {}
    for entry in text.replace("\n", " ").split("|"):
        before, _, others = entry.partition("=")
        name, _, pictures = before.partition(":")
        split = (tuple(word.strip() for word in part.split(",") if word.strip()) for part in (pictures, others))
        origin, synonyms = split
        known[name.strip()] = (origin or (name.strip(),), synonyms)
    return known


# name -> (names of its pictures in the pack, other names that captions use now and then)
THINGS = _read(_KNOWN)

# Colours of the ground, 0..255, chosen to be told apart by name.
GROUNDS: dict[str, tuple[int, int, int]] = {
    "white": (255, 255, 255), "grey": (160, 164, 170), "black": (24, 24, 28), "red": (222, 62, 62),
    "orange": (250, 152, 60), "yellow": (252, 220, 88), "green": (96, 190, 110), "blue": (84, 144, 236),
    "light blue": (178, 220, 250), "purple": (150, 100, 210), "pink": (250, 170, 200), "brown": (140, 96, 66),
}
# Colours that a thing's own main colour is shifted to: hue in turns, least saturation, brightness.
PAINTS: dict[str, tuple[float, float, float]] = {
    "red": (0.99, 0.75, 0.9), "orange": (0.075, 0.8, 0.97), "yellow": (0.145, 0.72, 0.98), "green": (0.36, 0.62, 0.75),
    "blue": (0.595, 0.7, 0.92), "purple": (0.755, 0.55, 0.8), "pink": (0.92, 0.42, 0.98),
}
