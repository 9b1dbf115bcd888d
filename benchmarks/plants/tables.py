"""Clean tables: loans with two classes, patients with three, and houses with a price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

Rng: TypeAlias = np.random.Generator
Floats: TypeAlias = npt.NDArray[np.float64]
Table: TypeAlias = pl.DataFrame

REGIONS = ("northern", "coastal", "highland", "riverside", "lowland", "island")
JOBS = ("teacher", "mechanic", "nurse", "accountant", "driver", "farmer", "engineer", "retired")
WARDS = ("surgery", "cardiology", "neurology", "maternity", "emergency", "pediatrics")
STREETS = ("garden", "station", "market", "church", "harbour", "mill", "castle")
RESULTS = ("home", "readmitted", "transferred")


@dataclass(frozen=True, slots=True)
class Spots:
    """Where failings are planted in a table.

    Args:
        number: a skewed quantity.
        measure: a quantity that people measure, narrow on a logarithmic scale.
        value: a column of a few words.
        group: a column of which each value has about five rows.
        code: a column of codes that are taken for values.
        day: a column of times.
        name: a column that is left out, for it names the row.
    """

    number: str
    measure: str
    value: str
    group: str
    code: str = "code"
    day: str = "day"
    name: str = "reference"


LOANS = Spots("income", "height", "region", "branch")
PATIENTS = Spots("stay", "weight", "ward", "doctor")
HOUSES = Spots("ground", "rooms_height", "street", "seller")


def loans(rng: Rng, n: int) -> Table:
    """Loans that are paid back, or not: correlated, skewed and heavy-tailed quantities."""
    z = _correlated(rng, n)
    income = np.exp(10 + 0.6 * z[:, 0])
    risk = -0.9 * z[:, 0] + 0.7 * z[:, 1] + 0.5 * rng.normal(size=n)
    columns = {
        "age": np.clip(np.round(42 + 12 * z[:, 2]), 18, 90),
        "income": np.round(income, 2),
        "debt": np.round(3000 + 900 * rng.standard_t(3, n) + 2000 * z[:, 1], 2),
        "height": 172 + 9 * rng.normal(size=n),
        "region": _zipf(rng, REGIONS, n),
        "job": _zipf(rng, JOBS, n),
        "branch": _group(rng, "B", n),
    }
    return _whole(rng, columns, np.where(risk > 0, "late", "paid"))


def patients(rng: Rng, n: int) -> Table:
    """Stays in hospital with three endings; many cells are whole or rounded."""
    z = _correlated(rng, n)
    worse = np.stack([np.zeros(n), z[:, 0] + 0.5, 0.8 * z[:, 1] - 0.2], axis=1) + rng.gumbel(size=(n, 3)) * 0.6
    columns = {
        "age": np.clip(np.round(60 + 15 * z[:, 0]), 0, 101),
        "stay": np.maximum(np.round(rng.gamma(2.0, 3.0, n) * np.exp(0.3 * z[:, 1]), 1), 0.5),
        "weight": np.round(np.exp(np.log(75) + 0.15 * rng.normal(size=n)), 1),
        "fever": np.round(37.2 + 0.6 * z[:, 1], 2),
        "pressure": np.round(128 + 17 * z[:, 2]),
        "ward": _zipf(rng, WARDS, n),
        "doctor": _group(rng, "dr ", n),
    }
    return _whole(rng, columns, np.array(RESULTS)[worse.argmax(axis=1)])


def houses(rng: Rng, n: int) -> Table:
    """Houses and what they cost; the price is skewed and its noise grows with it."""
    z = _correlated(rng, n)
    living = np.exp(4.7 + 0.35 * z[:, 0])
    price = np.exp(5.2 + 0.35 * z[:, 0] + 0.25 * z[:, 1] + 0.12 * rng.normal(size=n))
    columns = {
        "living": np.round(living, 1),
        "ground": np.round(np.exp(6 + 0.4 * z[:, 0] + 0.5 * rng.normal(size=n))),
        "built": np.clip(np.round(1975 + 22 * z[:, 1]), 1880, 2024),
        "rooms_height": 2.6 * np.exp(0.06 * rng.normal(size=n)),
        "distance": np.round(rng.exponential(6, n) + 0.1, 2),
        "street": _zipf(rng, STREETS, n),
        "seller": _group(rng, "agent ", n),
    }
    return _whole(rng, columns, np.round(price, 1))


def replaced(table: Table, name: str, rows: npt.NDArray[np.int64], cells: Any) -> Table:
    """The table with other cells of one column in some rows."""
    if not len(rows):
        return table
    values = pl.Series(name, cells, strict=False)
    if values.dtype != table[name].dtype and not values.is_null().all():
        values = values.cast(table[name].dtype)
    out = table[name].to_list()
    for row, cell in zip(rows.tolist(), values.to_list(), strict=True):
        out[row] = cell
    return table.with_columns(pl.Series(name, out, dtype=table[name].dtype))


def _correlated(rng: Rng, n: int) -> Floats:
    mix = np.array([[1.0, 0.0, 0.0], [0.4, 0.9, 0.0], [0.3, -0.2, 0.93]])
    return rng.normal(size=(n, 3)) @ mix.T


def _zipf(rng: Rng, words: tuple[str, ...], n: int) -> list[str]:
    share = 1 / np.arange(1, len(words) + 1) ** 0.8
    return rng.choice(np.array(words), n, p=share / share.sum()).tolist()


def _group(rng: Rng, head: str, n: int) -> list[str]:
    """Values of about five rows each, far from one another in spelling."""
    names = [head + "".join(rng.choice(list("bcdfghjklmnprstvz"), 6)) for _ in range(max(n // 5, 1))]
    return np.array(names)[rng.permutation(np.arange(n) % len(names))].tolist()


def _whole(rng: Rng, columns: dict[str, Any], target: npt.NDArray[Any]) -> Table:
    n = len(target)
    days = np.sort(rng.uniform(0, 900, n))[rng.permutation(n)]
    codes = [f"K{k}" for k in np.minimum(rng.zipf(1.7, n), 25)]
    names = [f"{a}{b:06d}" for a, b in zip(rng.choice(list("QRSTUV"), n), rng.permutation(n) * 7 + 11, strict=True)]
    first = datetime(2021, 3, 1)
    more = {
        "day": [first + timedelta(days=float(d)) for d in days],
        "code": codes,
        "reference": names,
        "target": target,
    }
    return pl.DataFrame({**columns, **more}).with_columns(pl.col("day").cast(pl.Datetime("us")))
