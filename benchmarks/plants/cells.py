"""Cells that are wrong by themselves: misspelt, in another unit, of another encoding, or far out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.plants.bases import TABLES, edited, table
from benchmarks.plants.copies import base
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from benchmarks.plants.tables import replaced
from vouch.api.casing import LiveCase
from vouch.challenges import data_quality as dq

DQ = "data_quality"
Floats: TypeAlias = npt.NDArray[np.float64]
Rng = np.random.Generator
Slip = Callable[[Rng, str], str]


def left_out(rng: Rng, word: str) -> str:
    """A letter left out."""
    at = int(rng.integers(1, len(word)))
    return word[:at] + word[at + 1 :]


def changed(rng: Rng, word: str) -> str:
    """A letter changed for another."""
    at = int(rng.integers(1, len(word)))
    return word[:at] + str(rng.choice([c for c in "aeiourstlnm" if c != word[at]])) + word[at + 1 :]


def in_other_form(rng: Rng, word: str) -> str:
    """Capitals, or a space at the end."""
    return str(rng.choice([word.upper(), word.capitalize(), word + " ", " " + word]))


def swapped(rng: Rng, word: str) -> str:
    """Two neighbours swapped, or one doubled where they are the same."""
    at = int(rng.integers(1, len(word) - 1))
    pair = word[at + 1] + word[at]
    return word[:at] + (pair if pair != word[at : at + 2] else pair + word[at]) + word[at + 2 :]


def _misspelt(name: str, slip: Slip) -> Make:
    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"slips {name}"), table(name, seed)
        column = TABLES[name][1].value
        cells = case.dataset.frame[column]
        counts = dict(cells.value_counts().iter_rows())
        frequent = np.flatnonzero([counts[cell] >= 25 for cell in cells])
        rows = rng.permutation(frequent)[: round(strength * len(cells))]
        return edited(case, replaced(case.dataset.frame, column, rows, [slip(rng, cells[r]) for r in rows.tolist()]))

    return make


def _in_unit(name: str, make_column: Callable[[Rng], Floats], turn: Callable[[Floats], Floats]) -> Make:
    """A measured column of its own law, of which a share is written in another unit."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"units {name}"), table(name, seed)
        column, frame = TABLES[name][1].measure, case.dataset.frame
        cells = make_column(rng)
        rows = rng.permutation(500)[: round(strength * 500)]
        frame = replaced(frame, column, np.arange(500), np.asarray(cells, float))
        return edited(case, replaced(frame, column, rows, turn(cells[rows])))

    return make


def _ten_times(rng: Rng) -> Floats:
    return np.exp(4 + rng.normal(size=500) * np.log(10) / 9)


def _heights(rng: Rng) -> Floats:
    return np.round(rng.normal(172, 9, 500), 1)


def _fevers(rng: Rng) -> Floats:
    return np.round(rng.normal(37.2, 0.6, 500), 1)


def _thousands(rng: Rng) -> Floats:
    return np.exp(10 + rng.normal(size=500) * np.log(1000) / 9)


def _misread(read: Callable[[str], str], into: str, name: str) -> Make:
    """So many cells with one character that was written in one encoding and read in another."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"misread {name}"), base(name, seed)
        column = "text" if name not in TABLES else TABLES[name][1].value
        cells = case.dataset.frame[column]
        rows = rng.permutation(500)[: round(strength * 500)]
        found = [read(_accented(rng, str(cells[r]), into)) for r in rows.tolist()]
        return edited(case, replaced(case.dataset.frame, column, rows, found))

    return make


def _accented(rng: Rng, text: str, letters: str) -> str:
    """A text in which one letter is a special one."""
    plain = "".join(c if ord(c) < 128 else "e" for c in text)
    at = int(rng.integers(1, len(plain)))
    return plain[:at] + str(rng.choice(list(letters))) + plain[at + 1 :]


def _as_windows(text: str) -> str:
    return text.encode("utf-8").decode("cp1252", errors="replace")


def _as_latin(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")


def _as_utf8(text: str) -> str:
    """What was written as Latin-1 and read as UTF-8 is lost."""
    return text.encode("latin-1").decode("utf-8", errors="replace")


def _far(name: str, column: str) -> Make:
    """.5 % of the values of a column at so many robust standard deviations."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"far {name} {column}"), table(name, seed, 1000)
        if not strength:
            return case
        low, middle, high = np.percentile(case.dataset.frame[column].to_numpy(), [25, 50, 75])
        far = middle + strength * (high - low) / 1.349 * rng.choice([-1, 1], 5)
        return edited(case, replaced(case.dataset.frame, column, rng.permutation(1000)[:5], far))

    return make


_SLIPS, _UNITS, _READ, _DISTANCE = (0.01, 0.02, 0.05), (0.015, 0.03, 0.06), (0.005, 0.01, 0.03), (20.0, 60.0, 200.0)

PLANTS = (
    *sow(
        Promise(dq.misspelt_categories, DQ, _SLIPS, 0.02),
        ("regions with a letter left out", "table", "edited", _misspelt("loans", left_out)),
        ("wards in another form", "table", "edited", _misspelt("patients", in_other_form)),
        ("streets with a letter changed", "table", "edited", _misspelt("houses", changed)),
        ("wards with letters swapped", "table", "edited", _misspelt("patients", swapped)),
    ),
    *sow(
        Promise(dq.unit_mixups, DQ, _UNITS, 0.03),
        ("ten times, nine deviations", "table", "edited", _in_unit("loans", _ten_times, lambda x: 10 * x)),
        ("centimetres in inches", "table", "edited", _in_unit("loans", _heights, lambda x: x / 2.54)),
        ("Fahrenheit among Celsius", "table", "edited", _in_unit("patients", _fevers, lambda x: 1.8 * x + 32)),
        ("a thousandth, nine deviations", "table", "edited", _in_unit("houses", _thousands, lambda x: x / 1000)),
    ),
    *sow(
        Promise(dq.broken_encodings, DQ, _READ, 0.01),
        ("UTF-8 read as Windows-1252", "texts", "edited", _misread(_as_windows, "éèüöñç", "reviews")),
        ("UTF-8 read as Latin-1", "table", "edited", _misread(_as_latin, "éåøßšž", "patients")),
        ("Latin-1 read as UTF-8", "texts", "edited", _misread(_as_utf8, "éèüöñç", "news")),
    ),
    *sow(
        Promise(dq.outliers, DQ, _DISTANCE, 60.0),
        ("loans with far heights", "table", "edited", _far("loans", "height")),
        ("patients with far fevers", "table", "edited", _far("patients", "fever")),
        ("houses with far heights of rooms", "table", "edited", _far("houses", "rooms_height")),
    ),
    *sow(
        # Skewed columns carry a heavier tail of their own on.
        Promise(dq.outliers, DQ, (100.0, 300.0, 1000.0), 1000.0),
        ("loans with far incomes", "table", "edited", _far("loans", "income")),
        ("houses far from the town", "table", "edited", _far("houses", "distance")),
    ),
)
