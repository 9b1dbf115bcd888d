"""The main job on embedded data, offline: pictures, a table, and a table with pictures and text made on the spot."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from vouch import api
from vouch.errors import UsageError, nearest

if TYPE_CHECKING:
    from vouch.contracts.roles import Progress


@dataclass(frozen=True, slots=True)
class Sample:
    """An embedded data set.

    Args:
        name: what ``vouch demo NAME`` takes.
        title: what it is, in one line.
        make: writes its files into a folder and returns what ``fit`` is to read.
        target: the column to predict; none when the data itself says it.
    """

    name: str
    title: str
    make: Callable[[Path], Path]
    target: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """A demo that was run: its name and title, its bundle, and where that was written."""

    name: str
    title: str
    bundle: api.Bundle
    place: Path


def run(name: str | None, out: Path, progress: Progress) -> list[Done]:
    """Make the sample data, fit on it, audit the network, and write a bundle with its report.

    Args:
        name: one of the samples; all of them when none.
        out: folder for data and bundles.
        progress: told how far the work is.

    Returns:
        One entry for each demo, in order.

    Raises:
        UsageError: there is no such sample.
    """
    known = {sample.name: sample for sample in SAMPLES}
    if name is not None and name not in known:
        raise UsageError(f"there is no demo '{name}'", next_step=nearest(name, known))
    done = []
    for sample in SAMPLES if name is None else (known[name],):
        progress("demo", name=sample.name, title=sample.title)
        data = sample.make(out / "data" / sample.name)
        place = out / f"{sample.name}.vouch"
        bundle = api.fit(data, sample.target, out=place, progress=progress)
        audited, _ = api.audited(bundle, progress=progress)
        done.append(Done(sample.name, sample.title, audited, place))
    return done


def next_steps(done: list[Done]) -> str:
    """The commands to try next, on what was just made."""
    last = done[-1]
    source = last.bundle.run.source
    return "\n".join(
        [
            "Next:",
            f"  open {last.place / 'report.html'}",
            f"  vouch fix {last.place} overfitting",
            f"  vouch predict {last.place} {source} -o predictions.csv",
            f"  vouch recipe {source} --target {last.bundle.schema.target.name}",
            "  vouch fit YOUR.csv --target COLUMN",
        ]
    )


def digits(folder: Path) -> Path:
    """1 797 handwritten digits of 8 x 8 pixels as PNG files in class folders (Alpaydin and Kaynak, 1998)."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    for i, (pixels, label) in enumerate(zip(images.reshape(-1, 8, 8), labels, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * (255 / 16)).astype(np.uint8)).save(place / f"{i:04d}.png")
    return folder


def cancer(folder: Path) -> Path:
    """569 biopsies, 30 measurements of cell nuclei each, benign or malignant (Street, Wolberg, Mangasarian, 1993)."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cancer.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow([*found.feature_names, "diagnosis"])
        for row, label in zip(found.data, found.target, strict=True):
            writer.writerow([*row.tolist(), found.target_names[label]])
    return file


def mixed(folder: Path, rows: int = 900, seed: int = 0) -> Path:
    """Parcels with a weight, a photo and a note; each tells a part of whether the parcel arrives damaged.

    The chance of damage rises with the weight, with a dark mark on the photo, and with a note that speaks of glass;
    no part alone is enough.
    """
    rng = np.random.default_rng(seed)
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    table = []
    for i in range(rows):
        weight, marked, fragile = rng.gamma(4.0, 2.0), rng.random() < 0.5, rng.random() < 0.5
        score = 1.2 * (weight - 8) / 4 + 2.2 * (marked - 0.5) + 2.2 * (fragile - 0.5)
        damaged = rng.random() < 1 / (1 + np.exp(-2.0 * score))
        photo = f"photos/{i:04d}.png"
        _parcel(rng, bool(marked)).save(folder / photo)
        carrier = str(rng.choice(["north", "south", "post"]))
        table.append([f"{weight:.2f}", carrier, photo, _note(rng, bool(fragile)), "yes" if damaged else "no"])
    file = folder / "parcels.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["weight_kg", "carrier", "photo", "note", "damaged"])
        writer.writerows(table)
    return file


def _parcel(rng: np.random.Generator, marked: bool) -> Image.Image:
    """A brown box of 24 x 24 pixels on a grey floor, with a dark mark somewhere or without."""
    floor = np.clip(rng.normal(170, 14, (24, 24, 1)).repeat(3, axis=2), 0, 255).astype(np.uint8)
    picture = Image.fromarray(floor)
    draw = ImageDraw.Draw(picture)
    left, top = (int(v) for v in rng.integers(2, 6, 2))
    draw.rectangle((left, top, left + 15, top + 15), fill=(176 + int(rng.integers(-15, 15)), 132, 86))
    if marked:
        x, y = (int(v) for v in rng.integers(1, 9, 2))
        draw.ellipse((left + x, top + y, left + x + 4, top + y + 4), fill=(70, 45, 30))
    return picture


def _note(rng: np.random.Generator, fragile: bool) -> str:
    """A short note to the carrier, with or without a word for glass."""
    greeting = rng.choice(
        ["Please ring twice", "Leave it with the neighbour", "Deliver before noon", "Call on arrival"]
    )
    fragiles = ["wine glasses inside", "a mirror inside", "ceramic bowls inside", "a glass vase inside"]
    others = ["books inside", "winter clothes inside", "bed linen inside", "garden soil inside"]
    thing = rng.choice(fragiles if fragile else others)
    closing = rng.choice(["thank you", "many thanks", "regards", "see you soon"])
    return f"{greeting}, {thing}, {closing}."


SAMPLES = (
    Sample("cancer", "a table: biopsies, benign or malignant", cancer, "diagnosis"),
    Sample("digits", "pictures: handwritten digits in class folders", digits, None),
    Sample("mixed", "table, picture and text at once: does the parcel arrive damaged", mixed, "damaged"),
)
