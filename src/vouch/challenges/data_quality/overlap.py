"""Near copies: how many there are, whether they contradict one another, and whether they cross the split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vouch.challenges.data_quality.duplicates import copies_of
from vouch.challenges.data_quality.looking import (
    PARTS,
    Found,
    Say,
    choices,
    flagged,
    not_asked,
    once,
    parts,
    pictures,
    quantities,
    spread,
    table,
    told,
    too_few,
    writings,
)  # fmt: skip
from vouch.challenges.data_quality.looks import near_pictures
from vouch.challenges.data_quality.neighbours import Pairs, near_in_space
from vouch.challenges.data_quality.shingles import near_writings
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Table, Threshold

NEAR = Threshold("near_duplicates_share", 0.01, 0.2, why="one row in a hundred counted nearly twice is no accident")
CONFLICT = Threshold("conflicting_share", 0.005, 0.05, why="no network can be right on both of two equal rows")
OVERLAP = Threshold("overlap_share", 0.01, 0.05, why="sealed rows that were seen in training flatter the figures")
_FAR = 1.0


def near_duplicates(case: Case) -> Check:
    """How many rows are nearly, but not quite, equal to another.

    Pictures are compared by perceptual hash and pixels, writings by shingles, numbers by their distance; the other
    columns must agree. Rows that are near because the data is dense there do not count. It promises to find, with power
    .9, 3 % of the rows copied with changes of .005 standard deviations in each number, of two letters in writings of
    100 characters and more, or in brightness, compression or noise of pictures, from 500 rows on.
    """
    if few := too_few(case, "near_duplicates"):
        return few
    if not (pictures(case) or writings(case) or quantities(case)):
        return not_asked("near_duplicates", "There is no column in which rows could differ by little.")
    pairs, n = near_pairs(case), case.dataset.frame.height
    k = len(np.unique(pairs.second))
    headline = told(k, n, "row", "nearly repeats another row.", "nearly repeat another row.")
    both = _found(case, pairs, "is nearly equal to").suspects
    say = Say(headline, NEAR, _listed(case, pairs, "Nearly equal rows"), _tested(pairs), suspects=both)
    counted = Found(pairs.second, pairs.likeness, [""] * len(pairs.second))
    return flagged(case, "near_duplicates", counted, n, say)


def conflicting_labels(case: Case) -> Check:
    """How many rows have the same features as another row, or nearly, and another target.

    Quantities conflict when they differ by more than their robust standard deviation. Rows that few possible values
    make equal do not count. It promises to find, with power .9, 2 % of the rows copied with another class, from 500
    rows on.
    """
    if few := too_few(case, "conflicting_labels"):
        return few
    n = case.dataset.frame.height
    truth = case.truth(np.arange(n))
    pairs = _all_pairs(case, target=False)
    pairs = pairs.only(_contradict(truth, pairs, quantity=not case.bundle.task.classes))
    rows = np.unique(np.concatenate([pairs.first, pairs.second]))
    headline = told(len(rows), n, "row", "contradicts", "contradict") + " a row with the same features."
    found = _found(case, pairs, "has another target than")
    tables = _listed(case, pairs, "Rows that contradict one another")
    return flagged(case, "conflicting_labels", found, n, Say(headline, CONFLICT, tables))


def train_test_overlap(case: Case) -> Check:
    """How many sealed rows are equal, or nearly, to a row that training or choosing has seen.

    It promises to find, with power .9, 5 % of the sealed rows copied from training rows, exactly or nearly (as near
    duplicates are found), from 200 sealed rows on.
    """
    part, test = parts(case), case.split.test
    if few := too_few(case, "train_test_overlap", len(test)):
        return few
    pairs = _all_pairs(case, target=False)
    sealed = PARTS.index("test")
    across = (part[pairs.first] == sealed) != (part[pairs.second] == sealed)
    seen = (part[pairs.first] > 0) & (part[pairs.second] > 0)
    pairs = pairs.only(across & seen)
    leaked = np.unique(np.where(part[pairs.first] == sealed, pairs.first, pairs.second))
    headline = (
        told(len(leaked), len(test), "sealed row", "repeats", "repeat") + " a row that training has seen, or nearly."
    )
    mine = np.where(part[pairs.first] == sealed, pairs.first, pairs.second)
    other = np.where(part[pairs.first] == sealed, pairs.second, pairs.first)
    reasons = [f"nearly equal to row {o} ({PARTS[part[o]]})" for o in other]
    say = Say(headline, OVERLAP, _listed(case, pairs, "Rows on both sides of the split"))
    return flagged(case, "train_test_overlap", Found(mine, pairs.likeness, reasons), len(test), say)


def near_pairs(case: Case) -> Pairs:
    """Rows that are nearly, but not quite, equal in all features; computed once."""
    return once(case, "near pairs", lambda: _near_pairs(case))


def _near_pairs(case: Case) -> Pairs:
    numbers, values = quantities(case), choices(case)
    drawn, written = pictures(case), writings(case)
    if drawn:
        pairs = near_pictures(next(iter(drawn.values())))
    elif written:
        texts = [series.to_list() for series in written.values()]
        joined = ["\n".join(cell or "" for cell in cells) for cells in zip(*texts, strict=True)]
        pairs = near_writings(joined)
    else:
        return near_in_space(numbers, values)
    agree = np.ones(len(pairs.first), dtype=bool)
    for series in values.values():
        a, b = series.gather(pairs.first), series.gather(pairs.second)
        agree &= a.eq_missing(b).to_numpy()
    for x in numbers.values():
        gap = np.abs(x[pairs.first] - x[pairs.second])
        agree &= ~(gap > 0.1 * spread(x))
    return pairs.only(agree)


def _all_pairs(case: Case, *, target: bool) -> Pairs:
    """Exact copies, each with the first of its group and with the one before it, and near ones."""
    found, near = copies_of(case, target=target), near_pairs(case)
    rows = np.flatnonzero(found.repeated)
    rows = rows[np.argsort(found.group[rows], kind="stable")]
    same = found.group[rows[:-1]] == found.group[rows[1:]]
    first = np.unique(found.group, return_index=True)[1]
    a = np.concatenate([rows[:-1][same], first[found.group[rows[1:][same]]]])
    b = np.concatenate([rows[1:][same], rows[1:][same]])
    ends = np.unique(np.stack([a, b], axis=1), axis=0) if len(a) else np.zeros((0, 2), np.int64)
    likeness = np.concatenate([np.ones(len(ends)), near.likeness])
    return Pairs(
        np.concatenate([ends[:, 0], near.first]), np.concatenate([ends[:, 1], near.second]), likeness, near.p_value
    )  # fmt: skip


def _contradict(truth: npt.NDArray[np.generic], pairs: Pairs, *, quantity: bool) -> npt.NDArray[np.bool_]:
    a, b = truth[pairs.first], truth[pairs.second]
    if quantity:
        values = truth.astype(np.float64)
        return np.abs(values[pairs.first] - values[pairs.second]) > _FAR * (spread(values) or np.inf)
    return (a != b).any(axis=1) if truth.ndim == 2 else a != b


def _found(case: Case, pairs: Pairs, says: str) -> Found:
    """Both rows of each pair, each with the other as its reason."""
    part = parts(case)
    rows = np.concatenate([pairs.first, pairs.second])
    others = np.concatenate([pairs.second, pairs.first])
    reasons = [f"{says} row {other} ({PARTS[part[other]]})" for other in others.tolist()]
    return Found(rows, np.concatenate([pairs.likeness, pairs.likeness]), reasons)


def _listed(case: Case, pairs: Pairs, title: str) -> tuple[Table, ...]:
    part = parts(case)
    order = np.argsort(-pairs.likeness, kind="stable")
    rows = [
        (int(a), PARTS[part[a]], int(b), PARTS[part[b]], round(float(like), 4))
        for a, b, like in zip(pairs.first[order], pairs.second[order], pairs.likeness[order], strict=True)
    ]
    return (table(title, ("row", "part", "other row", "its part", "likeness"), rows),) if rows else ()


def _tested(pairs: Pairs) -> float | None:
    return pairs.p_value if 0 < pairs.p_value < 1 else None
