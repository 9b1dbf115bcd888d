"""Networks that were fitted on small made pictures, for tests that look inside."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import polars as pl
from PIL import Image as Pillow
from PIL import ImageDraw

import vouch
from vouch.data.clean import clean
from vouch.data.encode import encode
from vouch.data.read import read
from vouch.explainers.asking import likeliest
from vouch.explainers.synthesis import Sight
from vouch.nets.network import outputs_of

SIDE = 24
KINDS = ("across", "down", "slanted")
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "kinds": {"epochs": 12, "batch_size": 16, "image_width": 16},
    "several": {"epochs": 2, "image_width": 16, "networks": 2},
    "lightness": {"epochs": 6, "batch_size": 16, "image_width": 16},
}


def pictures(folder: Path, count: int = 60) -> Path:
    """A table of pictures with bars across, down or aslant, on coloured ground, and how light the ground is."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count * len(KINDS)):
        kind, light = KINDS[number % len(KINDS)], int(rng.integers(30, 150))
        pixels = np.clip(rng.normal(light, 12, (SIDE, SIDE, 3)) + rng.normal(0, 10, 3), 0, 255)
        picture = Pillow.fromarray(pixels.astype(np.uint8))
        _draw(ImageDraw.Draw(picture), kind, rng)
        picture.save(folder / f"{number:03d}.png")
        rows.append({"picture": f"{number:03d}.png", "kind": kind, "light": float(light)})
    pl.DataFrame(rows).write_csv(folder / "pictures.csv")
    return folder / "pictures.csv"


def _draw(draw: ImageDraw.ImageDraw, kind: str, rng: np.random.Generator) -> None:
    """Three light bars, somewhere near the middle."""
    left, top = (int(v) for v in rng.integers(3, 7, 2))
    for along in (0, 5, 10):
        ends = {
            "across": (left, top + along, left + 13, top + along),
            "down": (left + along, top, left + along, top + 13),
            "slanted": (left + along - 5, top + 13, left + along + 5, top),
        }
        draw.line(ends[kind], fill=(235, 215, 215), width=3)


@cache
def bundle(name: str) -> tuple[vouch.Bundle, Path]:
    """A network by that name, and what it was fitted on."""
    data = pictures(Path(mkdtemp(prefix="vouch-test-")))
    target, drop = ("light", ["kind"]) if name == "lightness" else ("kind", ["light"])
    return vouch.fit(data, target, drop=drop, settings=dict(SETTINGS[name])), data


def sight(name: str, count: int = 6, seed: int = 0) -> Sight:
    """A network to be looked into: some rows are explained, and the training rows are real."""
    return seen_by(*bundle(name), count=count, seed=seed)


def seen_by(network: vouch.Bundle, data: object, count: int = 6, seed: int = 0) -> Sight:
    """The same of any network."""
    frame = clean(read(data), network.schema, labelled=False).frame
    inputs, real = (tuple(encode(frame[rows], network.encoders)) for rows in (np.arange(count), network.split.train))
    decoded = network.task.decode(outputs_of(network.network, inputs))
    return Sight(network, inputs, likeliest(network, decoded), real, seed)
