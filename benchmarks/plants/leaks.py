"""Columns that tell too much: the target alone, the row alone, who belongs together, and when."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.plants.bases import TABLES, edited, fitted, table
from benchmarks.plants.plant import Make, Promise, rng_of, sow
from benchmarks.plants.tables import loans
from vouch.api.casing import LiveCase
from vouch.challenges import data_quality as dq

DQ = "data_quality"


def _with(case: LiveCase, **columns: Any) -> LiveCase:
    """The case with other cells in whole columns; those that are left out stand in the data as it was read."""
    frame, raw = case.dataset.frame, case.raw.frame
    for name, cells in columns.items():
        raw = raw.with_columns(pl.Series(name, cells))
        if name in frame.columns:
            frame = frame.with_columns(pl.Series(name, cells).cast(frame[name].dtype))
    return edited(case, frame, raw)


def _classes(case: LiveCase) -> npt.NDArray[np.int64]:
    return np.searchsorted(np.array(case.bundle.task.classes), case.dataset.frame["target"].to_numpy())


def _copy_in_codes(seed: int, strength: float) -> LiveCase:
    """The codes name the class, right in so many rows; the network was trained on them."""
    rng, made = rng_of(seed, "leak in loans"), loans(rng_of(seed, "loans"), 500)
    target = made["target"].to_numpy()
    told = np.where(rng.random(500) < strength, target == "late", rng.random(500) < 0.5)
    other = rng.integers(0, 3, 500)
    cells = [f"{'x' if one else 'y'}{k}" for one, k in zip(told, other, strict=True)]
    return fitted(made.with_columns(pl.Series("code", cells)), seed)


def _copy_in_wards(seed: int, strength: float) -> LiveCase:
    """Wards follow the ending of the stay, in so many rows."""
    rng, case = rng_of(seed, "leak in patients"), table("patients", seed)
    meant = np.array(["surgery", "cardiology", "maternity"])[_classes(case)]
    other = rng.choice(np.array(["surgery", "cardiology", "maternity"]), 500)
    return _with(case, ward=np.where(rng.random(500) < strength, meant, other).tolist())


def _copy_in_numbers(seed: int, strength: float) -> LiveCase:
    """A quantity that correlates with the price."""
    rng, case = rng_of(seed, "leak in houses"), table("houses", seed)
    price = case.dataset.frame["target"].to_numpy()
    price = (price - price.mean()) / price.std()
    return _with(case, ground=strength * price + np.sqrt(1 - strength**2) * rng.normal(size=500))


def _own_codes(name: str, look: str) -> Make:
    """Codes of which so many are different, on 100 rows."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"codes {name}"), table(name, seed, 100)
        distinct = max(round(strength * 100), 1)
        names = [look.format(int(k)) for k in rng.permutation(9000)[:distinct] + 1000]
        # Every name once, and the rest at random among them.
        at = np.concatenate([np.arange(distinct), rng.integers(0, distinct, 100 - distinct)])
        return _with(case, code=np.array(names)[rng.permutation(at)].tolist())

    return make


def _counting(seed: int, strength: float) -> LiveCase:
    """A number that counts the rows; where there is nothing to find it is in another order."""
    rng, case = rng_of(seed, "counting"), table("houses", seed, 100)
    steps = np.cumsum(rng.integers(1, 1 + round(3 * max(strength, 1)), 100)).astype(float)
    return _with(case, built=steps if strength else rng.permutation(steps))


def _running(seed: int, strength: float) -> LiveCase:
    """A running number in data of which so many rows were sorted by the target."""
    rng, case = rng_of(seed, "running"), table("loans", seed, 200)
    place = np.where(rng.random(200) < strength, _classes(case) + rng.random(200), 2 * rng.random(200))
    return _with(case, reference=np.argsort(np.argsort(place)).tolist())


def _named(name: str) -> Make:
    """Names that begin with their class, in so many rows."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"named {name}"), table(name, seed, 200)
        heads = np.array(["alpha", "beta", "gamma"])
        classes = _classes(case)
        told = np.where(rng.random(200) < strength, classes, rng.integers(0, classes.max() + 1, 200))
        return _with(case, reference=[f"{heads[k]}_{row:04d}.txt" for row, k in enumerate(told.tolist())])

    return make


def _together(name: str) -> Make:
    """Groups of five rows, of which so many share the group's class, or as much of the price's variance."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"together {name}"), table(name, seed, 600)
        spot = TABLES[name][1].group
        who = np.unique(case.dataset.frame[spot].to_numpy(), return_inverse=True)[1].reshape(-1)
        if not case.bundle.task.classes:
            log = np.sqrt(strength) * rng.normal(size=who.max() + 1)[who] + np.sqrt(1 - strength) * rng.normal(size=600)
            return _with(case, target=np.exp(5 + 0.4 * log).tolist())
        if not strength:
            return case
        names, k = np.array(case.bundle.task.classes), len(case.bundle.task.classes)
        common = rng.integers(0, k, who.max() + 1)[who]
        other = (common + rng.integers(1, k, 600)) % k
        return _with(case, target=names[np.where(rng.random(600) < strength, common, other)].tolist())

    return make


def _drifting(name: str, path: Any) -> Make:
    """The share of a class moves by so much about one half over the times of 1 000 rows."""

    def make(seed: int, strength: float) -> LiveCase:
        rng, case = rng_of(seed, f"drift {name}"), table(name, seed, 1000)
        day = case.dataset.frame["day"].to_physical().to_numpy()
        at = np.argsort(np.argsort(day)) / 999
        if not strength:
            return case
        chance = 0.5 + strength * (path(at) - 0.5)
        names, k = np.array(case.bundle.task.classes), len(case.bundle.task.classes)
        classes = np.where(rng.random(1000) < chance, 0, rng.integers(1, k, 1000))
        return _with(case, target=names[classes].tolist())

    return make


def _ramp(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return at


def _steep(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1 / (1 + np.exp(-12 * (at - 0.4)))


def _back(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Up and down again, as seasons go."""
    return 0.5 - 0.5 * np.cos(4 * np.pi * at)


_RIGHT, _OWN = (0.85, 0.94, 1.0), (0.85, 0.95, 1.0)
_SWING = (0.4, 0.8, 0.98)

PLANTS = (
    *sow(
        Promise(dq.leaking_columns, DQ, _RIGHT, 0.94, 0.4),
        ("codes that name the class", "table", "fitted", _copy_in_codes),
    ),
    *sow(
        Promise(dq.leaking_columns, DQ, (0.85, 0.955, 1.0), 0.955, 0.4),
        ("wards that follow the ending", "table", "edited", _copy_in_wards),
    ),
    *sow(
        Promise(dq.leaking_columns, DQ, (0.85, 0.95, 0.99), 0.95, 0.6),
        ("ground that follows the price", "table", "edited", _copy_in_numbers),
    ),
    *sow(
        Promise(dq.identifiers, DQ, _OWN, 0.95, 0.6),
        ("codes of loans", "table", "edited", _own_codes("loans", "K{}")),
        ("codes of patients", "table", "edited", _own_codes("patients", "case {}/a")),
    ),
    *sow(
        Promise(dq.identifiers, DQ, (1.0, 2.0, 3.0), 1.0),
        ("years that count the rows", "table", "edited", _counting),
    ),
    *sow(
        Promise(dq.ignored_columns, DQ, (0.5, 0.8, 1.0), 1.0),
        ("running number of sorted loans", "table", "edited", _running),
        ("files named by their class", "table", "edited", _named("loans")),
        ("files named by one of three classes", "table", "edited", _named("patients")),
    ),
    *sow(
        Promise(dq.groups_across_parts, DQ, (0.7, 0.8, 0.95), 0.8),
        ("loans of a branch", "table", "edited", _together("loans")),
    ),
    *sow(
        Promise(dq.groups_across_parts, DQ, (0.65, 0.8, 0.95), 0.8),
        ("patients of a doctor", "table", "edited", _together("patients")),
    ),
    *sow(
        Promise(dq.groups_across_parts, DQ, (0.2, 0.5, 0.7), 0.5),
        ("houses of a seller (share of variance)", "table", "edited", _together("houses")),
    ),
    *sow(
        Promise(dq.time_across_parts, DQ, _SWING, 0.8),
        ("a share that rises evenly", "table", "edited", _drifting("loans", _ramp)),
        ("one class of three that rises steeply", "table", "edited", _drifting("patients", _steep)),
        ("a share that comes and goes", "table", "edited", _drifting("loans", _back)),
    ),
)
