"""Outliers: values and rows that lie further out than the tail of the others reaches."""

from __future__ import annotations

import numpy as np

from vouch.challenges.data_quality.looking import (
    Floats,
    Found,
    Rows,
    Say,
    flagged,
    quantities,
    table,
    told,
    too_few,
)
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Threshold
from vouch.wording import clean, number

SHARE = Threshold("outliers_share", 0.0005, 0.05, why="beyond the tail that the other rows have, none is expected")
EXPECTED = 0.01
_TAIL = ((0.80, 0.98), (0.70, 0.94))
_FEWEST = 100
_REFERENCE = 1000
_NEIGHBOUR = 5
_MOST_FEATURES = 16


def outliers(case: Case) -> Check:
    """How many rows hold a number, or are as a whole, further out than the tail of the other rows reaches.

    Each column's tail is carried on as a power law fitted to the body of its own side (Hill, 1975), which is heavier
    than most; a value is flagged where less than 1 in 100 data sets would hold one so far out. Rows as a whole are
    judged by their distance to their fifth neighbour before the network's head (Ramaswamy et al., 2000). It promises
    to find, with power .9, .5 % of a column's values at 60 robust standard deviations where its own tail is about
    normal, or at 1 000 where it is skewed, from 1 000 rows on.
    """
    if few := too_few(case, "outliers"):
        return few
    n, columns = case.dataset.frame.height, quantities(case)
    least = EXPECTED / max(len(columns) + 1, 1)
    rows: list[int] = []
    scores: list[float] = []
    reasons: list[str] = []
    listed = []
    for name, x in columns.items():
        far, how = beyond_tail(x, least)
        listed += _reach(name, x, far)
        rows += far.tolist()
        scores += how.tolist()
        reasons += [f"'{clean(name, 40)}' is {number(float(value))}" for value in x[far]]
    gaps = distances(case.embeddings(np.arange(n)), case.random("outliers"))
    far, how = beyond_tail(gaps, least, below=False)
    rows, scores = rows + far.tolist(), scores + how.tolist()
    reasons += ["unlike all other rows as a whole"] * len(far)
    listed += _reach("row as a whole", gaps, far)
    headline = told(len(set(rows)), n, "row", "lies", "lie") + " beyond the tail of the others."
    heads = ("column", "rows", "smallest", "largest")
    tables = (table("Where rows lie beyond the tail", heads, listed),) if listed else ()
    return flagged(case, "outliers", Found(rows, scores, reasons), n, Say(headline, SHARE, tables))


def beyond_tail(x: Floats, expected: float, *, below: bool = True) -> tuple[Rows, Floats]:
    """Values that lie so far from the median that fewer than ``expected`` such would be drawn in all.

    A value that more than half of the cells share is left aside: the others are judged among themselves.

    Args:
        x: numbers, NaN where missing (B,).
        expected: how many values as far out may be expected.
        below: whether small values count as well as large ones.

    Returns:
        Rows, and how many times further out than the tail's last bearable value each lies.

    Example:
        >>> x = np.random.default_rng(0).normal(size=1000)
        >>> x[7] = 1e4
        >>> beyond_tail(x, 0.01)[0].tolist()
        [7]
    """
    known = np.flatnonzero(np.isfinite(x))
    values, counts = np.unique(x[known], return_counts=True)
    if len(values) and counts.max() > len(known) / 2:
        known = known[x[known] != values[counts.argmax()]]
    if len(known) < _FEWEST or len(values) < 3:
        return np.zeros(0, np.int64), np.zeros(0)
    centre = float(np.median(x[known]))
    found, scores = [], []
    for sign in (1, -1) if below else (1,):
        side = known[sign * (x[known] - centre) > 0]
        out = sign * (x[side] - centre)
        limit = min(_limit(out, ends, expected) for ends in _TAIL) if len(side) >= _FEWEST // 4 else np.inf
        found.append(side[out > limit])
        scores.append(out[out > limit] / limit)
    return np.concatenate(found).astype(np.int64), np.concatenate(scores)


def distances(vectors: Floats, rng: np.random.Generator) -> Floats:
    """How far each row's fifth neighbour is among 1 000 of the others, in the directions that vary most (B,).

    Args:
        vectors: one for each row (B, D).
        rng: draws the others.

    Returns:
        Distances.
    """
    flat = vectors.reshape(len(vectors), -1)
    chosen = rng.permutation(len(flat))[:_REFERENCE]
    some = np.where(np.isfinite(flat[chosen]), flat[chosen], 0.0)
    centre = some.mean(axis=0)
    directions = _directions(some - centre)
    points = np.empty((len(flat), directions.shape[1]), np.float32)
    for start in range(0, len(flat), _REFERENCE):
        part = flat[start : start + _REFERENCE]
        points[start : start + _REFERENCE] = (np.where(np.isfinite(part), part, 0.0) - centre) @ directions
    others = points[chosen]
    out = np.empty(len(points))
    for start in range(0, len(points), _REFERENCE):
        some = points[start : start + _REFERENCE]
        square = np.square(some).sum(1)[:, None] + np.square(others).sum(1)[None] - 2 * some @ others.T
        k = min(_NEIGHBOUR, square.shape[1] - 1)
        out[start : start + _REFERENCE] = np.sqrt(np.maximum(np.partition(square, k, axis=1)[:, k], 0))
    return out


def _directions(centred: Floats) -> Floats:
    """The directions (D, 16) in which centred rows (n, D) vary most; many columns go by way of the rows' products."""
    if centred.shape[1] <= len(centred):
        return np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :_MOST_FEATURES]
    values, mixed = np.linalg.eigh(centred @ centred.T)
    kept = [k for k in np.argsort(-values)[:_MOST_FEATURES] if values[k] > 1e-12 * max(values[-1], 1e-300)]
    return centred.T @ mixed[:, kept] / np.sqrt(values[kept])


def _reach(name: str, x: Floats, far: Rows) -> list[tuple[str, int, str, str]]:
    """One line on a column: how many of its values lie far out, and between what ends."""
    return [(clean(name, 60), len(far), number(float(x[far].min())), number(float(x[far].max())))] if len(far) else []


def _limit(out: Floats, ends: tuple[float, float], expected: float) -> float:
    """How far out the tail of the body reaches at most: a power law through two quantiles, carried on."""
    near, far = np.quantile(out, ends)
    if near <= 0 or far <= near:
        return np.inf
    index = np.log((1 - ends[0]) / (1 - ends[1])) / np.log(far / near)
    return float(far * ((1 - ends[1]) * len(out) / expected) ** (1 / index))
