"""Clean texts from small grammars, and clean pictures of shapes, scenes and strokes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Rng = np.random.Generator
Classes = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_PLACES = [
    "Paris",
    "Lima",
    "Oslo",
    "Cairo",
    "Quito",
    "Delhi",
    "Kyiv",
    "Perth",
    "Turin",
    "Lagos",
    "Hanoi",
    "Sofia",
    "Porto",
    "Malmö",
    "Zürich",
    "Kraków",
]
_THINGS = [
    "kettle",
    "camera",
    "tent",
    "jacket",
    "keyboard",
    "lamp",
    "blender",
    "bicycle",
    "headset",
    "printer",
    "mattress",
    "backpack",
    "heater",
    "radio",
    "mixer",
    "desk",
]
_GOOD = [
    "sturdy",
    "quick",
    "quiet",
    "bright",
    "light",
    "handy",
    "neat",
    "reliable",
    "pleasant",
    "clever",
    "solid",
    "soft",
]
_BAD = ["flimsy", "slow", "noisy", "dim", "heavy", "awkward", "messy", "faulty", "dull", "brittle", "loose", "rough"]
_TIMES = ["a week", "two months", "one night", "half a year", "ten days", "an hour", "three winters", "a whole summer"]
_TEAMS = [
    "rovers",
    "eagles",
    "wolves",
    "comets",
    "titans",
    "foxes",
    "storm",
    "sharks",
    "ravens",
    "bulls",
    "lions",
    "rangers",
]
_FIRMS = ["Nordal", "Veritec", "Auralis", "Halden", "Bexley", "Corvane", "Lumera", "Ostrava", "Pellico", "Quantis"]
_NAMES = [
    "Ana",
    "Ben",
    "Chloé",
    "David",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Inès",
    "João",
    "Kaito",
    "Lena",
    "Mika",
    "Noor",
]
_ENDS = [
    "would buy again",
    "my neighbour said the same",
    "delivery took a while",
    "the box was torn",
    "works with the old one too",
    "customer service answered",
    "the colour differs from the photo",
    "still in use today",
    "returned it at once",
    "no regrets",
]


def reviews(rng: Rng, classes: Classes) -> list[str]:
    """What people say of things they bought; the class is what they think of them, mostly."""
    texts = []
    for k in classes.tolist():
        words = (_GOOD if k else _BAD) if rng.random() < 0.95 else (_BAD if k else _GOOD)
        one, two = rng.choice(words, 2, replace=False)
        texts.append(
            f"Bought this {rng.choice(_THINGS)} in {rng.choice(_PLACES)} for {rng.integers(9, 400)} euros and used it "
            f"for {rng.choice(_TIMES)}. It is {one}, rather {two}, and {rng.choice(_NAMES)} finds it "
            f"{rng.choice(words)} next to the {rng.choice(_THINGS)}; {rng.choice(_ENDS)}, {rng.choice(_ENDS)}."
        )
    return texts


def news(rng: Rng, classes: Classes) -> list[str]:
    """Reports of matches and of companies."""
    texts = []
    for k in classes.tolist():
        place, who, day = rng.choice(_PLACES), rng.choice(_NAMES), rng.choice(_TIMES)
        if k:
            home, away = rng.choice(_TEAMS, 2, replace=False)
            texts.append(
                f"{place}: the {home} beat the {away} {rng.integers(1, 9)} to {rng.integers(0, 5)} before "
                f"{rng.integers(2, 90)},{rng.integers(100, 999)} people. Coach {who} had trained for {day}; "
                f"minute {rng.integers(2, 90)} decided, and the {rng.choice(_GOOD)} defence held."
            )
        else:
            firm, other = rng.choice(_FIRMS, 2, replace=False)
            texts.append(
                f"{firm} of {place} bought {other} for {rng.integers(2, 900)} million after {day} of talks. Shares "
                f"moved by {rng.integers(1, 30)}.{rng.integers(0, 9)} percent; {who} of the board called the price "
                f"{rng.choice(_GOOD)} and the {rng.choice(_THINGS)} business {rng.choice(_BAD)}."
            )
    return texts


def tickets(rng: Rng, classes: Classes) -> list[str]:
    """Short messages to a help desk about bills, or about devices."""
    opened = ("Hello", "Good morning", "Hi team", "Dear all", "To whom it may concern")
    texts = []
    for k in classes.tolist():
        start, who = rng.choice(opened), rng.choice(_NAMES)
        number = rng.integers(10_000, 99_999)
        if k:
            paid = f"{rng.integers(2, 9)} payments of {rng.integers(5, 300)} euros"
            middle = f"invoice {number} lists {paid} since {rng.choice(_TIMES)}"
        else:
            middle = (
                f"the {rng.choice(_THINGS)} with label {number} has been {rng.choice(_BAD)} for {rng.choice(_TIMES)}"
            )
        texts.append(f"{start}, {middle}. Please call {who} in {rng.choice(_PLACES)}, {rng.choice(_ENDS)}.")
    return texts


def shapes(rng: Rng, classes: Classes, side: int = 20) -> Bytes:
    """Discs and squares of random place, size and light under noise (B, H, W)."""
    y, x = np.mgrid[:side, :side] / side
    made = []
    for k in classes.tolist():
        a, b, r = rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7), rng.uniform(0.14, 0.3)
        far = np.hypot(y - a, x - b) if k else np.maximum(abs(y - a), abs(x - b))
        light = (far < r) * rng.uniform(110, 200) + rng.uniform(10, 60) + rng.uniform(-40, 40) * y
        made.append(light + rng.normal(0, 10, (side, side)))
    return _bytes(made)


def scenes(rng: Rng, classes: Classes, side: int = 20) -> Bytes:
    """Colour scenes: a horizon with a sun, or with towers (B, H, W, 3)."""
    y, x = np.mgrid[:side, :side] / side
    made = []
    for k in classes.tolist():
        sky, ground, level = rng.uniform(90, 230, 3), rng.uniform(20, 130, 3), rng.uniform(0.4, 0.7)
        picture = np.where((y < level)[..., None], sky * (1 - 0.4 * y[..., None]), ground)
        if k:
            inside = np.hypot(y - rng.uniform(0.1, 0.35), x - rng.uniform(0.1, 0.9)) < rng.uniform(0.08, 0.16)
            picture = np.where(inside[..., None], rng.uniform(200, 255, 3), picture)
        else:
            for at in rng.uniform(0, 0.9, rng.integers(2, 5)):
                tower = (abs(x - at) < rng.uniform(0.04, 0.1)) & (y > rng.uniform(0.1, level)) & (y < level + 0.1)
                picture = np.where(tower[..., None], rng.uniform(10, 110, 3), picture)
        made.append(picture + rng.normal(0, 8, picture.shape))
    return _bytes(made)


def strokes(rng: Rng, classes: Classes, side: int = 20) -> Bytes:
    """Thin bright strokes on black, as of a pen: crosses and rings (B, H, W)."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    made = []
    for k in classes.tolist():
        turn, r, wide = rng.uniform(-0.5, 0.5), rng.uniform(0.2, 0.36), rng.uniform(0.05, 0.09)
        u, v = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
        u, v = u + rng.uniform(-0.08, 0.08), v + rng.uniform(-0.08, 0.08)
        ring = abs(np.hypot(u, v * rng.uniform(0.8, 1.3)) - r)
        cross = np.minimum(np.where(abs(v) < r, abs(u), 1), np.where(abs(u) < r, abs(v), 1))
        ink = np.clip(1.5 - (ring if k else cross) / wide, 0, 1)
        made.append(ink * rng.uniform(170, 255) + rng.normal(0, 4, (side, side)))
    return _bytes(made)


def _bytes(made: list[npt.NDArray[np.float64]]) -> Bytes:
    return np.clip(np.array(made), 0, 255).astype(np.uint8)


TEXTS: dict[str, Callable[[Rng, Classes], list[str]]] = {"reviews": reviews, "news": news, "tickets": tickets}
PICTURES: dict[str, Callable[[Rng, Classes], Bytes]] = {"shapes": shapes, "scenes": scenes, "strokes": strokes}
