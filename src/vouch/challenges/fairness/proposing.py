"""Which slices are worth testing: those that training and validation rows say are worst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vouch.challenges.fairness.candidates import (
    SMALLEST,
    Bools,
    Floats,
    Rows,
    Slice,
    by_columns,
    by_vectors,
    described,
)
from vouch.challenges.fairness.groups import FEWEST
from vouch.challenges.fairness.measured import REGRESSION
from vouch.challenges.fairness.worst import errors_of
from vouch.contracts.case import Case, Scored

_TESTED, _MOST_ROWS = 3, 10_000
_ALIKE, _DEARER, _LEAST, _MARGIN = 0.5, 0.3, 2.0, 0.02
_BOTH, _FEWEST_BESIDE = 2, 10
_FEWEST_STRATA, _MOST_STRATA, _ROWS_OF_A_STRATUM = 4, 20, 200


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Rows that propose slices.

    Args:
        rows: training and validation rows (n,).
        wrong: whether each is wrong, or by how much (n,).
        part: which part each is of (n,); parts are not held against one another.
        strata: rows of a part of which the network is as sure, as codes from 0 (n,).
    """

    rows: Rows
    wrong: Floats
    part: Rows
    strata: Rows

    def only(self, which: Bools) -> Asked:
        """Some of the rows."""
        return Asked(self.rows[which], self.wrong[which], self.part[which], self.strata[which])


def asking(case: Case) -> Asked:
    """Validation rows, and training rows as far as there is room.

    Where networks that never saw them have answered them before, these answers count for both.
    """
    rng = case.random("slices")
    found = [(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))]
    crossed = case.bundle.out_of_fold is not None
    parts = [case.out_of_fold()] if crossed else [case.scored("valid"), case.scored("train")]
    for at, part in enumerate(parts):
        kept = np.sort(rng.permutation(len(part.rows))[:_MOST_ROWS])
        if len(kept):
            strata = strata_of(case, part)[kept] + at * _MOST_STRATA
            found.append((part.rows[kept], wrong_of(case, part)[kept], np.full(len(kept), at), strata))
    rows, wrong, part, strata = (np.concatenate(one) for one in zip(*found, strict=True))
    return Asked(rows, wrong, part, strata)


def strata_of(case: Case, scored: Scored) -> Rows:
    """Rows of which the network is about as sure, or whose predicted number is alike, as codes from 0 (n,).

    Strata are as wide as makes about as many errors likely in each.
    """
    decoded = scored.decoded
    if case.bundle.task.name == REGRESSION:
        doubt, mass = decoded, np.ones(len(decoded))
    else:
        sure = decoded.max(axis=1) if scored.truth.ndim == 1 else np.maximum(decoded, 1 - decoded).prod(axis=1)
        doubt = 1 - sure
        mass = doubt * sure + 1e-6
    several = int(np.clip(len(doubt) // _ROWS_OF_A_STRATUM, _FEWEST_STRATA, _MOST_STRATA))
    order, strata = np.argsort(doubt, kind="stable"), np.empty(len(doubt), np.int64)
    before = np.cumsum(mass[order]) - mass[order]
    strata[order] = np.minimum(several * before / max(mass.sum(), 1e-12), several - 1).astype(np.int64)
    return strata


def wrong_of(case: Case, scored: Scored) -> Floats:
    """Whether each row is wrong (n,); of numbers its error over the mean error."""
    wrong = errors_of(case, scored).astype(np.float64)
    return wrong / (float(wrong.mean()) or 1.0) if case.bundle.task.name == REGRESSION else wrong


def proposed(case: Case, asked: Asked) -> list[Slice]:
    """The slices that seem worst: three by values and three by ranges and regions, if there are as many.

    None is of too few sealed rows, and none lies mostly within another.

    Args:
        case: whose rows are sliced.
        asked: rows that propose.
    """
    columns = by_columns(case, asked.rows)
    # Regions are drawn by one half of the rows, and judged by the other.
    half = case.random("halves").permutation(len(asked.rows)) % 2 == 0
    regions = by_vectors(case, asked.rows, half, asked.wrong)
    found = [*_scored([one for _, one in columns], asked), *_pairs(columns, asked)]
    found += _scored(regions, asked.only(~half))
    taken = _taken(found, case, asked)
    return [replace(one, name=described(one, columns, asked.rows)) for one in taken]


def everywhere(case: Case, asked: Asked) -> list[Slice]:
    """Slices by columns in which errors seem most frequent, whatever the network knows."""
    plain = Asked(asked.rows, asked.wrong, asked.part, asked.part)
    columns = [(name, replace(one, kind="value")) for name, one in by_columns(case, asked.rows)]
    return _taken([*_scored([one for _, one in columns], plain), *_pairs(columns, plain)], case, asked)


def strata_for(case: Case, several: Sequence[Slice], scored: Scored) -> Rows:
    """Codes of rows that each slice is held against: all, those of which the network is as sure, or a range (n, G)."""
    sure = strata_of(case, scored)
    out = np.zeros((len(scored.rows), len(several)), np.int64)
    for at, one in enumerate(several):
        if one.kind != "value":
            out[:, at] = sure if one.narrow else _merged(sure, one.members[scored.rows])
        elif one.within is not None:
            out[:, at] = np.where(one.within[scored.rows], 0, -1)
    return out


def _merged(strata: Rows, inside: Bools) -> Rows:
    """Strata that hardly a row outside of a slice lies in, joined to the next one of which the network is surer."""
    beside = np.bincount(strata[~inside], minlength=int(strata.max(initial=0)) + 1)
    place = np.arange(len(beside))
    for k in range(1, len(beside)):
        place[k] = k if beside[k] >= _FEWEST_BESIDE else place[k - 1]
    return place[strata]


def _taken(found: Sequence[tuple[float, Slice]], case: Case, asked: Asked) -> list[Slice]:
    taken: list[Slice] = []
    left = {True: _TESTED, False: _TESTED}
    for score, one in sorted(found, key=lambda pair: -pair[0]):
        if taken and score < _LEAST:
            break
        if not left[one.kind == "value"] or not _testable(one, case):
            continue
        if all(_overlap(one.members[asked.rows], other.members[asked.rows]) < _ALIKE for other in taken):
            taken.append(one)
            left[one.kind == "value"] -= 1
    return taken


def _testable(one: Slice, case: Case) -> bool:
    """Whether there are sealed rows enough within and without, and not all of them belong together."""
    sealed = case.split.test
    inside = one.members[sealed]
    together = case.groups is not None and len(np.unique(case.groups[sealed][inside])) < _BOTH
    return min(inside.sum(), (~inside).sum()) >= FEWEST and not together


def _scored(several: Sequence[Slice], asked: Asked) -> list[tuple[float, Slice]]:
    """How many standard errors each slice is worse than a little; of more conditions a little less."""
    if not several:
        return []
    inside = np.stack([one.members[asked.rows] for one in several], axis=1)
    plain, sure = _Sums((len(several),)), _Sums((len(several),), ~np.array([one.narrow for one in several]))
    for sums, codes in ((plain, asked.part), (sure, asked.strata)):
        for at, wrong in _by_stratum(codes, asked.wrong):
            mine = inside[at]
            sums.add(mine.sum(axis=0), wrong @ mine, (len(wrong), wrong.sum()), float(wrong.var()))
    values = np.array([one.kind == "value" for one in several])
    score = np.where(values, plain.score(), sure.score())
    dearer = _DEARER * (np.array([one.parts for one in several]) - 1)
    return list(zip((score - dearer).tolist(), several, strict=True))


def _pairs(columns: Sequence[tuple[str, Slice]], asked: Asked) -> list[tuple[float, Slice]]:
    """Two conditions on different columns together: the best of them.

    A value within a range is held against the rest of the range; two values have to be worse than each of them alone.
    """
    if len(columns) < _BOTH:
        return []
    inside = np.stack([one.members[asked.rows] for _, one in columns], axis=1).astype(np.float32)
    shape = (len(columns), len(columns))
    plain, of_one, of_other, sure = _Sums(shape), _Sums(shape), _Sums(shape), _Sums(shape, True)
    for at, wrong in _by_stratum(asked.part, asked.wrong):
        n, total = _products(inside[at], wrong)
        plain.add(n, total, (len(wrong), wrong.sum()), float(wrong.var()))
        of_one.add(n, total, (np.diag(n)[:, None], np.diag(total)[:, None]), float(wrong.var()))
        of_other.add(n, total, (np.diag(n)[None], np.diag(total)[None]), float(wrong.var()))
    for at, wrong in _by_stratum(asked.strata, asked.wrong):
        sure.add(*_products(inside[at], wrong), (len(wrong), wrong.sum()), float(wrong.var()))
    ranges = np.array([one.kind == "range" for _, one in columns])
    # What is as bad without the second condition needs none.
    parted = np.minimum(of_one.score(), of_other.score())
    whole = np.where(ranges[None], parted, np.minimum(plain.score(), parted))
    score = np.where(ranges[:, None] & ranges[None], sure.score(), whole) - _DEARER
    owner = np.unique([name for name, _ in columns], return_inverse=True)[1]
    # A value stands before a range; of two of a kind each pair counts once.
    twice = np.where(ranges[:, None] == ranges[None], np.tri(len(columns), dtype=bool), ranges[:, None])
    score[(plain.n < SMALLEST * len(asked.rows)) | (owner[:, None] == owner) | twice] = -np.inf
    best = np.argsort(-score, axis=None, kind="stable")[: 40 * _TESTED]
    return [
        (float(score[i, j]), _both(columns[i][1], columns[j][1]))
        for i, j in zip(*np.unravel_index(best, score.shape), strict=True) if np.isfinite(score[i, j])
    ]  # fmt: skip


class _Sums:
    """What slices have more than the rows that they are held against, added up stratum by stratum.

    Args:
        shape: of the slices.
        wide: which of them may be held against the next stratum, where hardly a row of theirs is beside them.
    """

    def __init__(self, shape: tuple[int, ...], wide: Bools | bool = False) -> None:
        self.n, self.more, self.squares = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.left, self.left_total, self.wide = np.zeros(shape), np.zeros(shape), wide

    def add(self, n: Floats, total: Floats, whole: tuple[Any, Any], variance: float) -> None:
        """A stratum, the least sure first: rows of each slice, how wrong they are, the same of all, their variance."""
        beside, usual = whole[0] - n, (whole[1] - total) / np.maximum(whole[0] - n, 1)
        held, mine, wrong = beside >= _FEWEST_BESIDE, n + self.left, total + self.left_total
        self.n += held * mine
        self.more += held * (wrong - mine * usual)
        self.squares += held * variance * mine * (1 + mine / np.maximum(beside, 1))
        self.left, self.left_total = (np.where(held | ~np.asarray(self.wide), 0.0, x) for x in (mine, wrong))

    def score(self) -> Floats:
        """How many standard errors each slice is worse than a little."""
        return (self.more - _MARGIN * self.n) / np.sqrt(np.maximum(self.squares, 1e-9))


def _products(inside: npt.NDArray[np.float32], wrong: Floats) -> tuple[Floats, Floats]:
    """Rows of every two slices together, and how wrong these are (C, C)."""
    weighted = inside * wrong[:, None].astype(np.float32)
    return (inside.T @ inside).astype(np.float64), (inside.T @ weighted).astype(np.float64)


def _by_stratum(codes: Rows, wrong: Floats) -> Iterator[tuple[Rows, Floats]]:
    for stratum in np.unique(codes)[::-1].tolist():
        at = np.flatnonzero(codes == stratum)
        yield at, wrong[at]


def _both(one: Slice, other: Slice) -> Slice:
    name, members = f"{one.name} and {other.name}", one.members & other.members
    if one.kind == "value" and other.kind == "range":
        return Slice(name, members, "value", 2, other.members)
    return Slice(name, members, one.kind, 2)


def _overlap(one: Bools, other: Bools) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))
