"""What the checks of data quality look at: columns by what their values are like, parts, targets, and flagged rows."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl
from torch import Tensor

from vouch.challenges.judging import judge
from vouch.contracts.case import Block, Case
from vouch.contracts.finding import Check, Estimate, Suspects, Table, Threshold
from vouch.statistics.intervals import wilson

Floats: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.int64]
T = TypeVar("T")

FEWEST = 50
MOST_SUSPECTS = 10_000
MOST_LISTED = 20
MOST_CLASSES = 30
PARTS = ("left out", "train", "valid", "test")
_KEPT: dict[tuple[int, str], tuple[weakref.ref[pl.DataFrame], Any]] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Rows that are flagged, most suspect first.

    Args:
        rows: their numbers in the cleaned data (n,).
        scores: how strongly each is suspected (n,).
        reasons: what is suspected of each (n).
    """

    rows: Sequence[int] | Rows = ()
    scores: Sequence[float] | Floats = ()
    reasons: Sequence[str] = ()

    @property
    def suspects(self) -> Suspects:
        """The same as a finding lists them, each row once, cut to the most suspect."""
        best: dict[int, tuple[float, str]] = {}
        for row, score, reason in zip(self.rows, self.scores, self.reasons, strict=True):
            if int(row) not in best or best[int(row)][0] < float(score):
                best[int(row)] = (float(score), reason)
        order = sorted(best, key=lambda row: (-best[row][0], row))[:MOST_SUSPECTS]
        return Suspects(tuple(order), tuple(best[r][0] for r in order), tuple(best[r][1] for r in order))


def quantities(case: Case) -> dict[str, Floats]:
    """Every column whose values lie on a scale, as numbers with NaN for missing (B,)."""
    names = _columns(case, lambda block: block.capabilities.continuous and not block.capabilities.spatial)
    return {name: as_numbers(case.dataset.frame[name]) for name in names}


def choices(case: Case) -> dict[str, pl.Series]:
    """Every column of values out of a set that do not follow one another."""
    names = _columns(case, lambda block: block.capabilities.discrete and not block.capabilities.ordered)
    return {name: case.dataset.frame[name] for name in names}


def writings(case: Case) -> dict[str, pl.Series]:
    """Every column of strings whose order means something."""
    names = _columns(case, lambda block: block.capabilities.discrete and block.capabilities.ordered)
    return {name: case.dataset.frame[name] for name in names if case.dataset.frame[name].dtype == pl.String}


def pictures(case: Case) -> dict[str, Tensor]:
    """Every column of values on a grid, as a tensor (B, C, H, W)."""
    found = [block for block in case.blocks if block.capabilities.spatial and block.encoded.ndim == 4]
    return {block.columns[0].name: block.encoded for block in found}


def parts(case: Case) -> npt.NDArray[np.int64]:
    """For each row its place in ``PARTS`` (B,)."""
    out = np.zeros(case.dataset.frame.height, dtype=np.int64)
    for at, rows in enumerate((case.split.train, case.split.valid, case.split.test), start=1):
        out[rows] = at
    return out


def unsealed(case: Case) -> Rows:
    """Training and validation rows, in order."""
    return np.sort(np.concatenate([case.split.train, case.split.valid])).astype(np.int64)


def indicators(case: Case, rows: Rows) -> tuple[Floats, tuple[str, ...]]:
    """The target as columns (n, K) with their names: one for each class or label, or the quantity itself."""
    truth, classes = case.truth(rows), case.bundle.task.classes
    if not classes:
        return np.asarray(truth, np.float64)[:, None], ("value",)
    every = np.asarray(truth, np.float64) if truth.ndim == 2 else (truth[:, None] == np.arange(len(classes))) * 1.0
    most = np.sort(np.argsort(-every.sum(axis=0), kind="stable")[:MOST_CLASSES])
    return every[:, most], tuple(classes[k] for k in most)


def memberships(case: Case, rows: Rows) -> tuple[npt.NDArray[np.bool_], tuple[str, ...]]:
    """The target as sets of rows (n, K): classes, labels, or quarters of a quantity."""
    columns, names = indicators(case, rows)
    if case.bundle.task.classes:
        return columns > 0.5, names
    quarter = np.clip(4 * columns[:, 0].argsort().argsort() // max(len(rows), 1), 0, 3)
    return quarter[:, None] == np.arange(4), tuple(f"quarter {k + 1}" for k in range(4))


def as_numbers(series: pl.Series) -> Floats:
    """Cells as numbers with NaN for missing (B,); points in time as their physical value."""
    return series.to_physical().cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def spread(values: Floats) -> float:
    """Robust standard deviation: the distance of the quartiles, or that of wider quantiles where they coincide."""
    for low, width in ((25, 1.349), (10, 2.563), (1, 4.653)):
        ends = np.nanpercentile(values, [low, 100 - low]) if np.isfinite(values).any() else np.zeros(2)
        if ends[1] > ends[0]:
            return float(ends[1] - ends[0]) / width
    return 0.0


def once(case: Case, name: str, compute: Callable[[], T]) -> T:
    """What several checks need of the same data, computed for the first of them and dropped with the data."""
    frame = case.dataset.frame
    kept = _KEPT.get((id(frame), name))
    if kept is not None and kept[0]() is frame:
        return kept[1]
    for key in [key for key, (known, _) in _KEPT.items() if known() is None or key[1] == name]:
        _KEPT.pop(key, None)
    value = compute()
    _KEPT[id(frame), name] = (weakref.ref(frame), value)
    return value


def too_few(case: Case, name: str, rows: int | None = None) -> Check | None:
    """The answer on so few rows that nothing can be told, or nothing when there are enough."""
    n = case.dataset.frame.height if rows is None else rows
    if n >= FEWEST:
        return None
    return Check(name, "inconclusive", f"{n} rows are too few to tell.", f"at least {FEWEST} are needed")


def not_asked(name: str, headline: str) -> Check:
    """The answer to a question that makes no sense here."""
    return Check(name, "not applicable", headline)


def share(name: str, count: int, n: int, split: str = "all") -> Estimate:
    """A share of rows with Wilson's interval; more is worse."""
    low, high = wilson(count, n)
    return Estimate(name, count / max(n, 1), float(low), float(high), n, "", False, split, "wilson")


@dataclass(frozen=True, slots=True, eq=False)
class Say:
    """What a check says of the rows that it flagged.

    Args:
        headline: one sentence with the number in it.
        default: the levels that the share of flagged rows is held against.
        tables: what it lists.
        p_value: of the hypothesis that there is nothing to find, where that is tested.
        estimates: further figures.
        suspects: the rows that are listed, where they are more than those that are counted.
    """

    headline: str
    default: Threshold
    tables: tuple[Table, ...] = ()
    p_value: float | None = None
    estimates: tuple[Estimate, ...] = ()
    suspects: Suspects | None = None


def flagged(case: Case, name: str, found: Found, n: int, say: Say) -> Check:
    """The answer of a check that flags rows: their share of the ``n`` it looked at, held against its levels."""
    estimate = share(f"{name}_share", len({int(row) for row in found.rows}), n)
    threshold = case.threshold(say.default, name)
    verdict = judge(estimate, threshold, say.p_value)
    figures = (estimate, *say.estimates)
    suspects = say.suspects or found.suspects
    return Check(
        name, verdict.verdict, say.headline, verdict.reason, figures, threshold, say.p_value,
        suspects=suspects, tables=say.tables,
    )  # fmt: skip


def told(k: int, n: int, noun: str, does: str, do: str) -> str:
    """How many of how many do something, as the beginning of a sentence.

    Example:
        >>> told(1, 2000, "row", "repeats", "repeat")
        '1 of 2,000 rows (0.05 %) repeats'
    """
    share = f"{100 * k / max(n, 1):.2g}" if k else "0"
    return f"{k:,} of {n:,} {noun}s ({share} %) {does if k == 1 else do}"


def table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> Table:
    """A table cut to what a reader looks at."""
    return Table(title, columns, tuple(rows[:MOST_LISTED]), len(rows))


def _columns(case: Case, wanted: Callable[[Block], bool]) -> list[str]:
    return [column.name for block in case.blocks if wanted(block) for column in block.columns]
