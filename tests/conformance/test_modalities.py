"""Every modality in ALL keeps its protocol on columns of its own kind; one without an example fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image as Pillow

from vouch.contracts.recipe import Recipe
from vouch.modalities import ALL, Category, Date, Image, Number, Text
from vouch.testing import check_modality

ROWS = 60
Example = tuple[str, Callable[[Path], pl.Series], Recipe]


def with_one_missing(cells: list[Any], dtype: Any = None) -> pl.Series:
    """The cells as a column, the fourth of them missing."""
    return pl.Series("x", [None if i == 3 else cell for i, cell in enumerate(cells)], dtype=dtype)


def numbers(folder: Path) -> pl.Series:
    del folder
    return with_one_missing([i / 7 for i in range(ROWS)])


def prices(folder: Path) -> pl.Series:
    del folder
    return with_one_missing([f"$1,{i:03d}.50" for i in range(ROWS)])


def colours(folder: Path) -> pl.Series:
    del folder
    return with_one_missing(["red", "green", "blue"] * (ROWS // 3))


def positions(folder: Path) -> pl.Series:
    """More than 40 values, so that the spelling is used."""
    del folder
    return with_one_missing([f"{rank} {place} officer" for rank in ("chief", "deputy") for place in letters(25)] * 2)


def dates(folder: Path) -> pl.Series:
    del folder
    return with_one_missing([date(2020, 1, 30) + timedelta(days=17 * i) for i in range(ROWS)])


def written_dates(folder: Path) -> pl.Series:
    del folder
    return with_one_missing([f"{1 + i % 28:02d}.{1 + i % 12:02d}.20{i % 30:02d}" for i in range(ROWS)])


def sentences(folder: Path) -> pl.Series:
    del folder
    return with_one_missing([f"the parcel {word} came late and was opened" for word in letters(ROWS)])


def sequences(folder: Path) -> pl.Series:
    del folder
    rng = np.random.default_rng(0)
    return with_one_missing(["".join(rng.choice(list("ACGT"), 50)) for _ in range(ROWS)])


def picture_files(folder: Path) -> pl.Series:
    names = [f"{i}.png" for i in range(ROWS)]
    for name, pixels in zip(names, pixels_of(), strict=True):
        Pillow.fromarray(pixels).save(folder / name)
    return with_one_missing(names)


def picture_arrays(folder: Path) -> pl.Series:
    del folder
    return with_one_missing(list(pixels_of()), pl.Array(pl.UInt8, (12, 12)))


def pixels_of() -> np.ndarray:
    """Grey pictures (B, 12, 12)."""
    return np.random.default_rng(0).integers(0, 256, (ROWS, 12, 12), dtype=np.uint8)


def letters(count: int) -> list[str]:
    """Words that are all different."""
    return [f"{chr(97 + i % 26)}{chr(97 + i // 26)}{chr(97 + i * 7 % 26)}" for i in range(count)]


EXAMPLES: dict[type, list[Example]] = {
    Number: [("quantities", numbers, Recipe()), ("prices", prices, Recipe())],
    Category: [("few values", colours, Recipe()), ("many values", positions, Recipe())],
    Date: [("dates", dates, Recipe()), ("written dates", written_dates, Recipe())],
    Text: [
        ("words", sentences, Recipe()),
        ("words in several bags", sentences, Recipe(network=("bag", "none"), members=4)),
        ("words and phrases", sentences, Recipe(network=("textcnn", "none"), members=4)),
        ("words by attention", sentences, Recipe(network=("transformer",))),
        ("no spaces", sequences, Recipe(network=("transformer",))),
    ],
    Image: [
        ("files", picture_files, Recipe(image_width=16)),
        ("arrays", picture_arrays, Recipe(image_width=16, network=("cnn",))),
    ],
}


@pytest.mark.parametrize("modality", ALL, ids=lambda modality: modality.kind)
def test_every_modality_has_an_example(modality: Any) -> None:
    advice = f"{modality.kind} is in ALL: give it an example in tests/conformance/test_modalities.py."
    assert EXAMPLES.get(type(modality)), advice


@pytest.mark.parametrize(
    ("modality", "make", "recipe"),
    [
        pytest.param(modality, make, recipe, id=f"{modality.kind}-{name}".replace(" ", "-"))
        for modality in ALL
        for name, make, recipe in EXAMPLES.get(type(modality), [])
    ],
)
def test_modality_keeps_the_contract(
    modality: Any, make: Callable[[Path], pl.Series], recipe: Recipe, tmp_path: Path
) -> None:
    check_modality(modality, make(tmp_path), tmp_path, recipe)
