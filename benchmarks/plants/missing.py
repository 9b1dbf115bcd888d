"""Cells that are missing: too many of them, or more among some rows than among others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks.plants.bases import TABLES, edited, table, texts
from benchmarks.plants.plant import Promise, rng_of, sow
from benchmarks.plants.tables import replaced
from vouch.api.casing import LiveCase
from vouch.challenges import data_quality as dq

DQ = "data_quality"


def _emptied(case: LiveCase, column: str, gaps: npt.NDArray[np.bool_]) -> LiveCase:
    rows = np.flatnonzero(gaps)
    return edited(case, replaced(case.dataset.frame, column, rows, [None] * len(rows)))


def _share_of(name: str, spot: str) -> Callable[[int, float], LiveCase]:
    """So large a share of a column, at random."""

    def make(seed: int, strength: float) -> LiveCase:
        rng = rng_of(seed, f"missing {name}")
        if name in TABLES:
            case, column = table(name, seed, 100), getattr(TABLES[name][1], spot)
        else:
            case, column = texts(name, seed, 100), "text"
        return _emptied(case, column, rng.random(100) < strength)

    return make


def _among(
    name: str, spot: str, inside: Callable[[LiveCase], npt.NDArray[np.bool_]]
) -> Callable[[int, float], LiveCase]:
    """5 % of a column, and another share among some rows."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"missing among {name}"), table(name, seed, 1000)
        gaps = rng.random(1000) < np.where(inside(case), strength, 0.05)
        return _emptied(case, getattr(TABLES[name][1], spot), gaps)

    return make


def _late(case: LiveCase) -> npt.NDArray[np.bool_]:
    return (case.dataset.frame["target"] == "late").to_numpy()


def _dear(case: LiveCase) -> npt.NDArray[np.bool_]:
    price = case.dataset.frame["target"].to_numpy()
    return price > np.median(price)


def _sealed(case: LiveCase) -> npt.NDArray[np.bool_]:
    return np.isin(np.arange(case.dataset.frame.height), case.split.test)


_SHARES, _RATES = (0.4, 0.5, 0.7), (0.15, 0.25, 0.4)

PLANTS = (
    *sow(
        Promise(dq.missing_values, DQ, _SHARES, 0.5, 0.1),
        ("incomes at random", "table", "edited", _share_of("loans", "number")),
        ("days of houses", "table", "edited", _share_of("houses", "day")),
        ("wards of patients", "table", "edited", _share_of("patients", "value")),
        ("texts at random", "texts", "edited", _share_of("reviews", "")),
    ),
    *sow(
        Promise(dq.missing_patterns, DQ, _RATES, 0.25, 0.05),
        ("heights of one class", "table", "edited", _among("loans", "measure", _late)),
        ("grounds of dear houses", "table", "edited", _among("houses", "number", _dear)),
        ("weights of sealed rows", "table", "edited", _among("patients", "measure", _sealed)),
    ),
)
