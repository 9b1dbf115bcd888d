"""Slices that nobody named in which a network errs more often, and columns that tell a sensitive one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtri

from benchmarks.plants.bases import edited, fitted, pixels, repainted
from benchmarks.plants.drawn import PlantedCase, Said, drawn
from benchmarks.plants.media import PICTURES, TEXTS
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from benchmarks.plants.tables import houses, loans, replaced
from benchmarks.plants.worlds import Net
from vouch.api.casing import LiveCase
from vouch.challenges.fairness.proxies import proxies
from vouch.challenges.fairness.slices import slices
from vouch.contracts.schema import Column

FAIR = "fairness"
Rng = np.random.Generator
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
# From a table and its vectors to the rows of the slice.
Where = Callable[[pl.DataFrame, Floats], Bools]
_PROPOSING, _SEALED = (7_500, 7_500), 15_000
_RARE = 0.03


def _table(rng: Rng, rows: int) -> pl.DataFrame:
    """Columns that have nothing to do with errors."""
    mixed = np.array([0.45, 0.25, 0.17, 0.1, _RARE])
    words = {f"word {k}": rng.choice(np.array(list("abcde")), rows, p=mixed) for k in range(6)}
    return pl.DataFrame({**words, **{f"number {k}": rng.normal(size=rows) for k in range(4)}})


def _errs(classes: int, where: Where) -> Make:
    """A network of which so many more answers are wrong in a slice of 3 % of 15 000 sealed rows."""

    def make(seed: int, strength: float) -> PlantedCase:
        rng, rows = rng_of(seed, f"errs {classes} {where.__name__}"), sum(_PROPOSING) + _SEALED
        table, vectors = _table(rng, rows), rng.normal(size=(rows, 8))
        vectors[rng.permutation(rows)[: round(_RARE * rows)]] += 3.0 * _direction(rng, 8)
        inside = where(table, vectors)
        said = _numbers(rng, inside, strength) if classes == 0 else _answers(rng, classes, inside, strength)
        return _case(said, table, vectors)

    return make


def _answers(rng: Rng, classes: int, inside: Bools, by: float) -> Said:
    said = Net(classes, spread=3.0 if classes == 2 else 5.0).say(rng, len(inside))
    return Said(said.decoded, _turned(rng, said, inside, by))


def _turned(rng: Rng, said: Said, inside: Bools, by: float) -> npt.NDArray[np.int64]:
    """What is true, so that so large a share of the slice is wrong beside what was."""
    called, classes = said.decoded.argmax(axis=1), said.decoded.shape[1]
    may = inside & (called == said.truth)
    turned = may & (rng.random(len(called)) < by * inside.sum() / max(may.sum(), 1))
    return np.where(turned, (called + rng.integers(1, classes, len(called))) % classes, said.truth)


def _numbers(rng: Rng, inside: Bools, times: float) -> Said:
    at = 10 * rng.random(len(inside))
    return Said(at, at + rng.normal(size=len(inside)) * (1 + times * inside))


def _case(said: Said, table: pl.DataFrame, vectors: Floats) -> PlantedCase:
    ends = np.cumsum([0, *_PROPOSING, _SEALED])
    parts = [said.rows(np.arange(a, b)) for a, b in pairwise(ends)]
    case = drawn(parts[0], parts[1], parts[2], FAIR)
    known = tuple(Column(name, "category", "feature", "planted") for name in table.columns)
    schema = replace(case.bundle.schema, columns=(*known, case.bundle.schema.target))
    return replace(case, bundle=replace(case.bundle, schema=schema), frame=table, vectors=vectors)


def _direction(rng: Rng, size: int) -> Floats:
    way = rng.normal(size=size)
    return 3 * way / np.linalg.norm(way)


def a_value(table: pl.DataFrame, vectors: Floats) -> Bools:
    """A rare value of a column."""
    del vectors
    return (table["word 2"] == "e").to_numpy()


def two_values(table: pl.DataFrame, vectors: Floats) -> Bools:
    """Values of two columns that meet in 3 % of the rows."""
    del vectors
    return ((table["word 1"] == "c") & (table["word 4"] == "c")).to_numpy()


def value_in_range(table: pl.DataFrame, vectors: Floats) -> Bools:
    """A value within a quarter of a quantity, together 4 % of the rows."""
    del vectors
    low = table["number 1"].to_numpy() < np.quantile(table["number 1"].to_numpy(), 0.25)
    return (table["word 0"] == "c").to_numpy() & low


def a_region(table: pl.DataFrame, vectors: Floats) -> Bools:
    """Rows whose vectors lie apart from all others."""
    del table
    return np.linalg.norm(vectors, axis=1) > 6.0


_NET = {"scenes": "cnn", "news": "textcnn", "loans": "ensemble"}
_MADE = 6_000


@lru_cache(maxsize=3)
def _mixed(what: str, seed: int) -> tuple[LiveCase, tuple[int, ...]]:
    """A network that learned from two sorts of rows, 3 % of them of the second, and which these are; 3 000 sealed."""
    rng = rng_of(seed, f"mixed {what}")
    classes = rng.integers(0, 2, _MADE)
    target = np.array(["one", "two"])[classes].tolist()
    rare = np.sort(rng.permutation(_MADE)[: round(_RARE * _MADE)])
    if what == "scenes":
        drawn_ones = PICTURES["scenes"](rng, classes)
        drawn_ones[rare] = PICTURES["strokes"](rng, classes[rare])[..., None]
        data: object = {"image": drawn_ones, "target": target}
    elif what == "news":
        said = TEXTS["news"](rng, classes)
        for row, text in zip(rare.tolist(), TEXTS["tickets"](rng, classes[rare]), strict=True):
            said[row] = text
        data = {"text": said, "target": target}
    else:
        data = loans(rng, _MADE)
        together = (data["region"] == "coastal") & (data["job"] == "mechanic")
        rare = np.flatnonzero(together.to_numpy())
    # A network of tables that is trained too hastily is worse than it knows in places, and its twin is not clean.
    epochs, rate = (15, 0.003) if what == "loans" else (6, 0.01)
    settings = {
        "epochs": epochs, "width": 64, "image_width": 8, "text_width": 16, "network": _NET[what], "learning_rate": rate,
        "test_fraction": 0.5, "valid_fraction": 0.25,
    }  # fmt: skip
    case = fitted(data, seed, settings).under(FAIR)
    lines = np.arange(_MADE) if case.dataset.lines is None else case.dataset.lines.to_numpy()
    return case, tuple(np.flatnonzero(np.isin(lines, rare)).tolist())


def _relabelled(what: str) -> Make:
    """So many more answers are wrong among the rows of the second sort."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, (case, rare) = rng_of(seed, f"relabelled {what}"), _mixed(what, seed)
        inside = np.isin(np.arange(case.dataset.frame.height), rare)
        frame, name, names = case.dataset.frame, case.bundle.schema.target.name, np.array(case.bundle.task.classes)
        for part in ("train", "valid", "test"):
            scored = case.scored(part)  # type: ignore[arg-type]
            truth = _turned(rng, Said(scored.decoded, scored.truth), inside[scored.rows], strength)
            changed = truth != scored.truth
            frame = replaced(frame, name, scored.rows[changed], names[truth[changed]].tolist())
        return edited(case, frame)

    return make


@lru_cache(maxsize=4)
def _of_people(what: str, seed: int) -> LiveCase:
    """A network on 1 000 training rows of which each has a group that no column tells."""
    rng, n = rng_of(seed, f"of people {what}"), 1_700
    classes = rng.integers(0, 2, n)
    target = np.array(["one", "two"])[classes].tolist()
    if what == "scenes":
        data: dict[str, Any] = {"image": PICTURES["scenes"](rng, classes), "target": target}
    elif what == "news":
        data = {"text": TEXTS["news"](rng, classes), "target": target}
    else:
        table = (loans if what == "loans" else houses)(rng, n)
        data = {name: table[name] for name in table.columns}
    data["kin"] = rng.choice(["kaa", "noo"], n).tolist()
    settings = {"epochs": 1, "image_width": 8, "text_width": 16}
    return fitted(data, seed, settings, sensitive=["kin"]).under(FAIR)


def _number_that_tells(what: str, name: str) -> Make:
    """A quantity that tells the group with such an area under the curve."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"tells {what}"), _of_people(what, seed)
        frame = case.dataset.frame
        inside = (frame["kin"] == "kaa").to_numpy()
        old = frame[name].to_numpy()
        moved = rng.normal(size=len(inside)) + float(np.sqrt(2) * ndtri(strength)) * inside
        return edited(case, replaced(frame, name, np.arange(len(inside)), np.nanmean(old) + np.nanstd(old) * moved))

    return make


def _marked(what: str) -> Make:
    """A mark on so many pictures or texts of the group that it tells it with such an area."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"marked {what}"), _of_people(what, seed)
        frame = case.dataset.frame
        inside = (frame["kin"] == "kaa").to_numpy() & (rng.random(frame.height) < 2 * (strength - 0.5))
        rows = np.flatnonzero(inside)
        if what == "scenes":
            drawn_ones = pixels(case)
            drawn_ones[rows, :6, :6] = (255, 0, 255)
            return repainted(case, drawn_ones)
        cells = [f"{cell} She said so herself." for cell in frame["text"][rows].to_list()]
        return edited(case, replaced(frame, "text", rows, cells))

    return make


_MORE, _MANY_MORE, _TIMES, _AREAS = (0.06, 0.1, 0.2), (0.15, 0.25, 0.4), (0.3, 0.6, 1.0), (0.75, 0.85, 0.95)

PLANTS = (
    *sow(
        Promise(slices, FAIR, _MORE, 0.1),
        ("a value of a column, two classes", "table", "drawn", _errs(2, a_value)),
        ("two values together, five classes", "table", "drawn", _errs(5, two_values)),
        ("a value within a range, two classes", "table", "drawn", _errs(2, value_in_range)),
        ("a region of vectors, two classes", "predictions", "drawn", _errs(2, a_region)),
    ),
    *sow(
        Promise(slices, FAIR, _TIMES, 0.6),
        ("a value of a column, numbers", "table", "drawn", _errs(0, a_value)),
    ),
    *sow(
        Promise(slices, FAIR, _MANY_MORE, 0.25),
        ("two values of loans", "table", "edited", _relabelled("loans")),
        ("strokes among scenes", "pictures", "edited", _relabelled("scenes")),
        ("messages among news", "texts", "edited", _relabelled("news")),
    ),
    *sow(
        Promise(proxies, FAIR, _AREAS, 0.85, 0.5),
        ("a quantity among loans", "table", "edited", _number_that_tells("loans", "height")),
        ("a quantity among houses", "table", "edited", _number_that_tells("houses", "distance")),
        ("a mark on pictures", "pictures", "edited", _marked("scenes")),
        ("words in texts", "texts", "edited", _marked("news")),
    ),
)
