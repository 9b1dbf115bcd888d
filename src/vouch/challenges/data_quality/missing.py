"""Missing values: how many, which together, and whether being missing tells the target or the part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtr

from vouch.challenges.data_quality.looking import memberships, not_asked, share, table, too_few, unsealed
from vouch.challenges.judging import judge
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Estimate, Table, Threshold
from vouch.statistics.intervals import wilson
from vouch.wording import clean, count, number

Bools = npt.NDArray[np.bool_]

SHARE = Threshold("missing_share", 0.3, 0.8, why="a column that is mostly empty rests on few rows")
DIFFERENCE = Threshold("missing_difference", 0.05, 0.25, why="a difference of one cell in twenty is worth knowing")
_FEW_CELLS = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more often a column is missing among some rows than among the others.

    Args:
        column: the column.
        among: which rows.
        here: share of missing cells among them.
        elsewhere: share of missing cells among the others.
        low: lower end of the 95 % interval of the difference of both.
        high: upper end.
        p_value: of no difference.
        n: rows on both sides.
    """

    column: str
    among: str
    here: float
    elsewhere: float
    low: float
    high: float
    p_value: float
    n: int

    @property
    def value(self) -> float:
        """The difference."""
        return self.here - self.elsewhere

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends of the interval of its size, whatever its direction; 0 when it may have either."""
        small, large = sorted((abs(self.low), abs(self.high)))
        return (small if self.low * self.high > 0 else 0.0), large


def missing_values(case: Case) -> Check:
    """How many cells are missing in each column, and which columns are missing together.

    It promises to find, with power .9, a column of which half of the cells are missing, from 100 rows on.
    """
    gaps = _gaps(case)
    if few := too_few(case, "missing_values"):
        return few
    n = case.dataset.frame.height
    counts = {name: int(gap.sum()) for name, gap in gaps.items()}
    worst = max(counts, key=lambda name: counts[name])
    estimate = share("missing_share", counts[worst], n)
    threshold = case.threshold(SHARE, "missing_values")
    verdict = judge(estimate, threshold)
    some = {name: k for name, k in counts.items() if k}
    headline = (
        f"{count(len(some), 'column')} of {len(gaps)} {'misses' if len(some) == 1 else 'miss'} values; "
        f"'{clean(worst, 40)}' misses most, "
        f"{number(100 * estimate.value)} % of {n:,} rows."
        if some else f"No cell of {count(len(gaps), 'column')} is missing in {n:,} rows."
    )  # fmt: skip
    order = sorted(some.items(), key=lambda pair: -pair[1])
    listed = [(clean(name, 60), k, round(k / n, 4)) for name, k in order]
    tables = (table("Missing cells", ("column", "missing", "share"), listed), together(gaps)) if some else ()
    return Check(
        "missing_values", verdict.verdict, headline, verdict.reason, (estimate,), threshold, None, tables=tables
    )


def missing_patterns(case: Case) -> Check:
    """Whether being missing tells the target, or differs between training and test rows.

    Each column is compared between each class (or quarter of a quantity) and the rest, on rows that are not sealed, and
    between training and test rows (Fisher's exact test, Bonferroni over all comparisons; Little and Rubin, 2002, on
    why the mechanism matters). It promises to find, with power .9 on 1 000 rows, a column missing in 5 % of one half
    of the rows and in 25 % of the other.
    """
    gaps = {name: gap for name, gap in _gaps(case).items() if _FEW_CELLS <= gap.sum() <= len(gap) - _FEW_CELLS}
    if few := too_few(case, "missing_patterns"):
        return few
    if not gaps:
        return not_asked("missing_patterns", "No column misses enough values for a pattern.")
    rows, test = unsealed(case), case.split.test
    sets, names = memberships(case, rows)
    found = [between(gap[rows], sets[:, k], name, among) for k, among in enumerate(names) for name, gap in gaps.items()]
    both = np.concatenate([rows, test])
    found += [between(gap[both], np.isin(both, test), name, "test rows") for name, gap in gaps.items() if len(test)]
    found = [one for one in found if one is not None]
    if not found:
        return not_asked("missing_patterns", "There is nothing that missing values could be compared between.")
    p_value = min(1.0, len(found) * min(one.p_value for one in found))
    worst = max(found, key=lambda one: (one.ends[0], -one.p_value))
    ends = worst.ends
    estimate = Estimate("missing_difference", abs(worst.value), ends[0], ends[1], worst.n, "", False, "all", "newcombe")
    threshold = case.threshold(DIFFERENCE, "missing_patterns")
    verdict = judge(estimate, threshold, p_value)
    headline = (
        f"'{clean(worst.column, 40)}' is missing in {number(100 * worst.here)} % of the rows of "
        f"'{clean(worst.among, 40)}' and in {number(100 * worst.elsewhere)} % of the others."
    )
    order = sorted(found, key=lambda one: one.p_value)
    listed = [
        (clean(o.column, 60), clean(o.among, 60), round(o.here, 4), round(o.elsewhere, 4), float(f"{o.p_value:.2g}"))
        for o in order
    ]
    heads = ("column", "among", "missing there", "missing elsewhere", "p, not corrected")
    return Check(
        "missing_patterns", verdict.verdict, headline, verdict.reason, (estimate,), threshold, p_value,
        tables=(table("Where values are missing", heads, listed),),
    )  # fmt: skip


def between(gap: Bools, inside: Bools, column: str, among: str) -> Difference | None:
    """The share of missing cells inside and outside a set of rows, with Newcombe's interval (1998) of the difference.

    Args:
        gap: which cells are missing (n,).
        inside: which rows are in the set (n,).
        column: name of the column.
        among: name of the set.

    Returns:
        The difference, or nothing when one side has fewer than five rows.

    Example:
        >>> gap = np.array([True] * 10 + [False] * 30)
        >>> between(gap, np.arange(40) < 10, "a", "first").value
        1.0
    """
    a, m, b, k = int(gap[inside].sum()), int(inside.sum()), int(gap[~inside].sum()), int((~inside).sum())
    if min(m, k) < _FEW_CELLS:
        return None
    (la, lb), (ha, hb) = wilson([a, b], [m, k])
    p, q = a / m, b / k
    low = p - q - float(np.hypot(p - la, hb - q))
    high = p - q + float(np.hypot(ha - p, q - lb))
    return Difference(column, among, p, q, low, high, _no_difference(a, m, b, k), m + k)


def together(gaps: Mapping[str, Bools]) -> Table:
    """Pairs of columns that are missing in the same rows: rows in common out of rows in either, .5 and more."""
    names = [name for name, gap in gaps.items() if gap.sum() >= _FEW_CELLS][:200]
    rows_of = len(next(iter(gaps.values()), ()))
    matrix = np.array([gaps[name] for name in names], dtype=np.float32).reshape(len(names), rows_of)
    common = matrix @ matrix.T
    either = common.diagonal()[:, None] + common.diagonal()[None] - common
    pairs = [(i, j) for i, j in np.argwhere(np.triu(common >= 0.5 * np.maximum(either, 1), 1)).tolist()]
    rows = [(clean(names[i], 60), clean(names[j], 60), int(common[i, j]), int(either[i, j])) for i, j in pairs]
    rows.sort(key=lambda row: -row[2])
    return table("Missing together", ("column", "other column", "rows with both", "rows with either"), rows)


def _no_difference(a: int, m: int, b: int, k: int) -> float:
    """Fisher's exact test; its normal limit where all counts are large, which is faster and the same."""
    pooled = (a + b) / (m + k)
    if min(m, k) * min(pooled, 1 - pooled) < 50:
        from scipy.stats import fisher_exact

        return float(fisher_exact([[a, m - a], [b, k - b]])[1])
    z = (a / m - b / k) / np.sqrt(pooled * (1 - pooled) * (1 / m + 1 / k))
    return float(2 * ndtr(-abs(z)))


def _gaps(case: Case) -> dict[str, Bools]:
    """Which cells of each feature are missing (B,)."""
    frame = case.dataset.frame
    names = [column.name for column in case.bundle.schema.features if column.name in frame.columns]
    return {name: _is_missing(frame[name]) for name in names}


def _is_missing(series: pl.Series) -> Bools:
    empty = series.is_null()
    return (empty | series.is_nan().fill_null(False)).to_numpy() if series.dtype.is_float() else empty.to_numpy()
