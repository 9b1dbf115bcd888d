"""Unit mix-ups: numbers of which a share looks written in another unit than the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc

from vouch.challenges.data_quality.looking import (
    Floats,
    Found,
    Rows,
    Say,
    choices,
    flagged,
    not_asked,
    quantities,
    table,
    told,
    too_few,
)  # fmt: skip
from vouch.challenges.data_quality.single import codes_of
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Threshold
from vouch.wording import clean, number

SHARE = Threshold("unit_share", 0.001, 0.2, why="numbers in another unit are wrong by its ratio")
RATIOS = (
    (10.0, "ten times"), (100.0, "a hundred times"), (1000.0, "a thousand times"), (1e6, "a million times"),
    (2.54, "inches to centimetres"), (2.20462, "kilograms to pounds"), (3.28084, "metres to feet"),
    (1.609344, "miles to kilometres"), (28.3495, "ounces to grams"), (60.0, "minutes to seconds"),
    (12.0, "years to months"),
)  # fmt: skip
_HALF = 2.0
_VALLEY = 5.0
_APART = 6.0
_FEWEST = 5
_SURPRISE = 1e-3
_FIRM = 0.8
_MOST_COLUMNS = 40
_FEW_VALUES = 30
_FREQUENT = 5
_FITTED = 5_000
_MAINLY = 0.8
_WARMEST = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Mixup:
    """Rows of a column that look written in another unit.

    Args:
        says: the conversion that explains them.
        rows: their numbers (n,).
    """

    says: str
    rows: Rows


def unit_mixups(case: Case) -> Check:
    """How many numbers look multiplied by the ratio of two units, or turned from Celsius to Fahrenheit.

    Each column is looked at on a logarithmic scale, less what the other columns say of it where they say much (ridge
    regression); a heap of values at the distance of a known ratio, with valleys on both sides, is a mix-up. It promises
    to find, with power .9, 3 % of a column multiplied by a ratio whose logarithm is nine times the robust deviation of
    what is left of the column, from 500 rows on: ten times for weights of people, a thousand times for most incomes.
    """
    columns = {name: x for name, x in quantities(case).items() if not case.dataset.frame[name].dtype.is_temporal()}
    columns = {name: x for name, x in columns.items() if len(np.unique(x[np.isfinite(x)])) > _FEW_VALUES}
    if few := too_few(case, "unit_mixups"):
        return few
    if not columns:
        return not_asked("unit_mixups", "There is no column of measured numbers.")
    rows: list[int] = []
    reasons: list[str] = []
    listed = []
    known = dict(list(columns.items())[:_MOST_COLUMNS])
    design, owner = _design(case)
    for name, x in known.items():
        found = mixups(x, design[:, owner != name])
        listed += [(clean(name, 60), one.says, len(one.rows)) for one in found]
        for one in found:
            rows += one.rows.tolist()
            reasons += [f"'{clean(name, 40)}' is {number(float(x[row]))}: {one.says}" for row in one.rows]
    n = case.dataset.frame.height
    headline = told(len(set(rows)), n, "row", "holds", "hold") + " a number that looks written in another unit."
    tables = (table("Units that may be mixed", ("column", "looks like", "rows"), listed),) if listed else ()
    return flagged(case, "unit_mixups", Found(rows, [1.0] * len(rows), reasons), n, Say(headline, SHARE, tables))


def mixups(x: Floats, others: Floats) -> list[Mixup]:
    """Heaps of values that the ratio of two units explains.

    Args:
        x: numbers, NaN where missing (B,).
        others: what else is known of each row (B, D), standardised.

    Returns:
        One entry for each conversion, none in most columns.

    Example:
        >>> x = np.random.default_rng(0).normal(170, 8, 1000)
        >>> x[:40] /= 2.54
        >>> [(one.says, len(one.rows)) for one in mixups(x, np.zeros((1000, 0)))]
        [('inches to centimetres, the other way', 40)]
    """
    known = np.flatnonzero(np.isfinite(x) & (x > 0))
    found: list[Mixup] = []
    if len(known) >= max(0.9 * np.isfinite(x).sum(), 10 * _FEWEST):
        left = _left(np.log(x[known]), others[known])
        both = [
            (sign * np.log(ratio), says + ("" if sign > 0 else ", the other way"))
            for ratio, says in RATIOS
            for sign in (1, -1)
        ]
        found = [Mixup(says, known[heap]) for shift, says in both if len(heap := heaped(left, shift))]
    found += _degrees(x) if not found else []
    return _best(found)


def heaped(left: Floats, shift: float, width: float = 0.0) -> Rows:
    """Rows that heap up at a distance from the bulk, with a valley on both sides of the heap.

    Args:
        left: what is left of each value, on a scale on which units differ by a sum (n,).
        shift: the distance.
        width: robust standard deviation of the heap; that of the bulk when not given.

    Returns:
        Places of the rows in the heap; none where there is no heap.
    """
    nothing, bulk = np.zeros(0, np.int64), max(_deviation(left), abs(shift) / 40)
    width = width or bulk
    if abs(shift) < _APART * max(bulk, width):
        return nothing
    gap = np.sign(shift) * (left - float(np.median(left)) - shift) / width
    heap = np.abs(gap) <= _HALF
    many, before, behind = (int(rows.sum()) for rows in (heap, _within(-gap), _within(gap)))
    # Values that lie about evenly would put two fifths of these rows in the heap, those of a tail fewer.
    surprise = float(bdtrc(many - 1, many + before + behind, _HALF / _VALLEY))
    if many < max(_FEWEST, 0.001 * len(left)) or surprise > _SURPRISE or many < 2 * max(before, behind):
        return nothing
    away = abs(float(np.median(gap[heap])))
    return np.flatnonzero(np.abs(gap) <= 1.5 * _HALF) if away <= 4 / np.sqrt(many) + 0.15 else nothing


def _within(gap: Floats) -> np.ndarray:
    """Which values lie in the valley on one side of the heap."""
    return (gap > _HALF) & (gap <= _VALLEY)


def _left(logs: Floats, others: Floats) -> Floats:
    """A column less what the others say of it, where that is clearly narrower; rows far off do not count in the fit."""
    plain = logs - np.median(logs)
    if not others.shape[1] or len(logs) < 10 * others.shape[1]:
        return plain
    step = max(len(logs) // _FITTED, 1)
    design, y = np.concatenate([others[::step], np.ones((len(others[::step]), 1))], axis=1), logs[::step]
    kept, weights = np.ones(len(y), dtype=bool), np.zeros(design.shape[1])
    for _ in range(3):
        inner = design[kept].T @ design[kept] + np.eye(design.shape[1])
        weights = np.linalg.solve(inner, design[kept].T @ y[kept])
        left = y - design @ weights
        kept = np.abs(left - np.median(left)) <= 4 * max(_deviation(left), 1e-9)
    left = logs - others @ weights[:-1]
    left = left - np.median(left)
    return left if _deviation(left) < _FIRM * _deviation(plain) else plain


def _degrees(x: Floats) -> list[Mixup]:
    """Rows that are usual when they are turned from Fahrenheit to Celsius, or from Celsius to Fahrenheit."""
    known = np.flatnonzero(np.isfinite(x))
    values = x[known]
    if len(known) < 10 * _FEWEST or not (width := _deviation(values)):
        return []
    centre = float(np.median(values))
    found = []
    for says, turned, celsius in (
        ("Fahrenheit among Celsius", (values - 32) / 1.8, centre),
        ("Celsius among Fahrenheit", values * 1.8 + 32, (centre - 32) / 1.8),
    ):
        heap = heaped(turned, centre - float(np.median(turned)), width)
        found += [Mixup(says, known[heap])] if len(heap) and abs(celsius) < _WARMEST else []
    return found


def _best(found: list[Mixup]) -> list[Mixup]:
    """The conversion that explains most rows; none where others explain more of them: then values just lie in heaps."""
    most = sorted(found, key=lambda one: -len(one.rows))[:1]
    every = np.unique(np.concatenate([one.rows for one in found])) if found else np.zeros(0)
    return [one for one in most if len(one.rows) >= _MAINLY * len(every)]


def _deviation(x: Floats) -> float:
    """Robust standard deviation about the median."""
    return float(1.4826 * np.median(np.abs(x - np.median(x))))


def _design(case: Case) -> tuple[Floats, np.ndarray]:
    """What is known of each row (B, D): ranks of quantities, and frequent values; and of which column each is."""
    columns: list[Floats] = []
    owner: list[str] = []
    for name, x in list(quantities(case).items())[:_MOST_COLUMNS]:
        # Ranks are no prey to the very values that are looked for.
        place = np.full(len(x), 0.5)
        known = np.isfinite(x)
        place[known] = (np.argsort(np.argsort(x[known])) + 0.5) / max(known.sum(), 1)
        scaled = 4 * (place - 0.5)
        columns += [scaled, scaled**3]
        owner += [name, name]
    for name, series in list(choices(case).items())[:_MOST_COLUMNS]:
        codes = codes_of(series)
        for value in np.argsort(-np.bincount(codes), kind="stable")[:_FREQUENT]:
            columns.append((codes == value) - (codes == value).mean())
            owner.append(name)
    return np.stack(columns, axis=1) if columns else np.zeros((case.dataset.frame.height, 0)), np.array(owner)
