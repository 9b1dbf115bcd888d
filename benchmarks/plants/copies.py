"""Rows that repeat others: exactly, nearly, with another target, or across the split."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image

from benchmarks.plants.bases import TABLES, apart, copied, edited, pictures, pixels, repainted, table, texts
from benchmarks.plants.media import PICTURES
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from benchmarks.plants.tables import replaced
from vouch.api.casing import LiveCase
from vouch.challenges import data_quality as dq

DQ = "data_quality"
Rows: TypeAlias = npt.NDArray[np.int64]
Rng = np.random.Generator


def base(name: str, seed: int, rows: int = 500) -> LiveCase:
    """A table, texts or pictures by name."""
    return (table if name in TABLES else pictures if name in PICTURES else texts)(name, seed, rows)


def _exact(name: str) -> Make:
    def make(seed: int, strength: float) -> LiveCase:
        case = base(name, seed)
        return copied(case, *apart(rng_of(seed, f"copies {name}"), 500, strength))

    return make


def _contradicting(name: str) -> Make:
    """Copies with another target: another class, or a quantity from the other end."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"conflicts {name}"), base(name, seed)
        rows, originals = apart(rng, 500, strength)
        case = copied(case, rows, originals)
        target = case.dataset.frame["target"]
        if case.bundle.task.classes:
            classes = np.array(case.bundle.task.classes)
            at = np.searchsorted(classes, target.to_numpy()[rows])
            cells = classes[(at + 1) % len(classes)].tolist()
        else:
            middle = float(np.median(target.to_numpy()))
            cells = [value * (2.2 if value < middle else 0.4) for value in target.to_numpy()[rows].tolist()]
        return edited(case, replaced(case.dataset.frame, "target", rows, cells))

    return make


def _near(name: str, change: Callable[[Rng, LiveCase, Rows], LiveCase]) -> Make:
    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"near {name}"), base(name, seed)
        rows, originals = apart(rng, 500, strength)
        return change(rng, copied(case, rows, originals), rows) if len(rows) else case

    return make


def _across(name: str, change: Callable[[Rng, LiveCase, Rows], LiveCase] | None = None) -> Make:
    """Sealed rows that are copied, exactly or nearly, from training rows; 200 rows are sealed."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"across {name}"), base(name, seed, 1000)
        k = round(strength * len(case.split.test))
        rows, originals = rng.permutation(case.split.test)[:k], rng.permutation(case.split.train)[:k]
        case = copied(case, rows, originals)
        return change(rng, case, rows) if change and k else case

    return make


def jittered(rng: Rng, case: LiveCase, rows: Rows) -> LiveCase:
    """Each number changed by .005 standard deviations."""
    frame = case.dataset.frame
    for name in [c.name for c in case.bundle.schema.features if frame[c.name].dtype.is_numeric()]:
        cells = frame[name].to_numpy()
        # The scale is robust, or one far cell would change all the others by a lot.
        scale = 0.7413 * float(np.subtract(*np.percentile(cells, [75, 25])))
        frame = replaced(frame, name, rows, cells[rows] + 0.005 * scale * rng.choice([-1, 1], len(rows)))
    return edited(case, frame)


def retyped(rng: Rng, case: LiveCase, rows: Rows) -> LiveCase:
    """Two letters of each text changed."""
    texts_of = case.dataset.frame["text"].to_list()
    cells = []
    for row in rows.tolist():
        text = list(texts_of[row])
        for at in rng.choice(len(text), 2, replace=False):
            text[at] = str(rng.choice(list("abcdefghijklmnopqrstuvwxyz")))
        cells.append("".join(text))
    return edited(case, replaced(case.dataset.frame, "text", rows, cells))


def brightened(rng: Rng, case: LiveCase, rows: Rows) -> LiveCase:
    """Pictures a little darker or lighter."""
    drawn = pixels(case)
    scale = rng.choice([0.8, 0.9, 1.1], len(rows))[:, None, None, None]
    drawn[rows] = np.clip(drawn[rows] * scale + 5, 0, 255).astype(np.uint8)
    return repainted(case, drawn)


def compressed(rng: Rng, case: LiveCase, rows: Rows) -> LiveCase:
    """Pictures written as JPEG and read again."""
    del rng
    drawn = pixels(case)
    for row in rows.tolist():
        out = io.BytesIO()
        Image.fromarray(drawn[row].squeeze()).save(out, "JPEG", quality=75)
        drawn[row] = np.asarray(Image.open(out)).reshape(drawn[row].shape)
    return repainted(case, drawn)


def grained(rng: Rng, case: LiveCase, rows: Rows) -> LiveCase:
    """Pictures under noise of four grey levels."""
    drawn = pixels(case)
    noise = rng.normal(0, 4, drawn[rows].shape)
    drawn[rows] = np.clip(drawn[rows] + noise, 0, 255).astype(np.uint8)
    return repainted(case, drawn)


def surveys(seed: int, strength: float) -> LiveCase:
    """Houses of which the numbers are coarse: few values make some rows nearly equal by chance."""
    case = table("houses", seed)
    rows, originals = apart(rng_of(seed, "surveys"), 500, strength)
    frame = case.dataset.frame
    steps = {"living": 10.0, "ground": 100.0, "distance": 1.0, "built": 10.0}
    coarse = [(pl.col(name) / step).round() * step for name, step in steps.items()]
    return copied(edited(case, frame.with_columns(coarse)), rows, originals)


_FEW, _NEAR, _ACROSS = (0.01, 0.02, 0.05), (0.015, 0.03, 0.06), (0.025, 0.05, 0.1)

PLANTS = (
    *sow(
        Promise(dq.exact_duplicates, DQ, _FEW, 0.02),
        ("rows of loans", "table", "edited", _exact("loans")),
        ("rows of coarse houses", "table", "edited", surveys),
        ("reviews", "texts", "edited", _exact("reviews")),
        ("shapes", "pictures", "edited", _exact("shapes")),
    ),
    *sow(
        Promise(dq.near_duplicates, DQ, _NEAR, 0.03),
        ("patients with numbers off by .005", "table", "edited", _near("patients", jittered)),
        ("loans with numbers off by .005", "table", "edited", _near("loans", jittered)),
        ("reviews with two letters changed", "texts", "edited", _near("reviews", retyped)),
        ("tickets with two letters changed", "texts", "edited", _near("tickets", retyped)),
        ("shapes in other light", "pictures", "edited", _near("shapes", brightened)),
        ("scenes as JPEG", "pictures", "edited", _near("scenes", compressed)),
        ("strokes under noise", "pictures", "edited", _near("strokes", grained)),
    ),
    *sow(
        Promise(dq.conflicting_labels, DQ, _FEW, 0.02),
        ("loans of the other class", "table", "edited", _contradicting("loans")),
        ("houses at another price", "table", "edited", _contradicting("houses")),
        ("news of the other class", "texts", "edited", _contradicting("news")),
        ("scenes of the other class", "pictures", "edited", _contradicting("scenes")),
    ),
    *sow(
        Promise(dq.train_test_overlap, DQ, _ACROSS, 0.05),
        ("loans, exactly", "table", "edited", _across("loans")),
        ("patients, nearly", "table", "edited", _across("patients", jittered)),
        ("tickets, nearly", "texts", "edited", _across("tickets", retyped)),
        ("strokes, exactly", "pictures", "edited", _across("strokes")),
        ("shapes in other light", "pictures", "edited", _across("shapes", brightened)),
    ),
)
