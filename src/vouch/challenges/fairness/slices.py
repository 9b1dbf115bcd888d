"""Groups that nobody named in which the network is worse than elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vouch.challenges.fairness.candidates import Slice
from vouch.challenges.fairness.groups import FEWEST
from vouch.challenges.fairness.measured import REGRESSION
from vouch.challenges.fairness.proposing import Asked, asking, everywhere, proposed, strata_for, wrong_of
from vouch.challenges.judging import FEWEST_ROWS, judge, none_large_enough, together_of, too_few, worst_of
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Suspects, Table, Threshold
from vouch.statistics.corrections import holm
from vouch.statistics.matched import Codes, Floats, Matched, matched_means
from vouch.wording import count, number

WORSE = Threshold(
    "slice_gap", warn=0.01, fail=0.10,
    why="at 0.10 ten more answers in a hundred are wrong in the slice than where the network is as sure elsewhere",
)  # fmt: skip
RELATIVE_WORSE = Threshold(
    "slice_excess", warn=0.1, fail=0.5,
    why="at 0.5 answers in the slice miss by half of the usual error more than where the prediction is alike",
)  # fmt: skip
_MOST_SUSPECTS, _FEWEST_PROPOSING = 1_000, 100


def slices(case: Case) -> Check:
    """Are there groups that nobody named in which the network is much worse than elsewhere?

    Candidates are the values of every column, quarters of quantities, of the length of texts and of the light of
    pictures, pairs of these, and regions of the network's vectors, which are what there is of pictures and texts (slice
    finding: Chung and others, 2019; Eyuboglu and others, 2022). Training and validation rows propose up to six, each of
    at least one row in fifty, none mostly within another; sealed rows then say how much worse these are, with one-sided
    p-values corrected together (Holm) and intervals that hold for all of them.

    A value is held against all other rows; a value within a range against the rest of the range. Some range, or region,
    always holds the border between classes, where any network errs more and knows it: these are held against rows
    elsewhere of which the network is as sure, or whose predicted number is alike. A second table lists where errors are
    most frequent whatever the network knows.

    Promises to find: a slice of 3 % of 15,000 sealed rows of which 10 points more are wrong, or of 3,000 rows with 25
    points, or that is missed by 60 % more, where as many training and validation rows propose, and where it is a value
    of a column, a pair of values, or a region of the network's vectors.
    """
    name, test, asked = "slices", case.scored("test"), asking(case)
    if len(test.rows) < FEWEST_ROWS:
        return too_few(name, len(test.rows), "sealed rows")
    if len(asked.rows) < _FEWEST_PROPOSING:
        return too_few(name, len(asked.rows), "training and validation rows")
    chosen = proposed(case, asked)
    if not chosen:
        return none_large_enough(name, "slice", FEWEST)
    strata = strata_for(case, chosen, test)
    found = _held(case, chosen, strata)
    # A slice without rows that it could be held against is none that can be tested.
    kept = np.flatnonzero(found.more.n >= FEWEST)
    if not len(kept):
        return none_large_enough(name, "slice", FEWEST)
    chosen = [chosen[k] for k in kept]
    return _said(case, chosen, _held(case, chosen, strata[:, kept]), asked)


def _held(case: Case, several: Sequence[Slice], strata: Codes) -> Matched:
    test = case.scored("test")
    members = np.stack([one.members[test.rows] for one in several], axis=1)
    return matched_means(wrong_of(case, test), members, strata, together_of(case, test))


def _said(case: Case, chosen: Sequence[Slice], found: Matched, asked: Asked) -> Check:
    name, numbers = "slices", case.bundle.task.name == REGRESSION
    default, more = RELATIVE_WORSE if numbers else WORSE, found.more
    upward = _upward(found)
    worst = int(more.value.argmax())
    estimate = worst_of(default.name, more.largest(), int(more.n[worst]))
    threshold = case.threshold(default, name)
    judged = judge(estimate, threshold, float(upward.min()))
    shown = [number(float(values[worst])) for values in (found.own, found.elsewhere)]
    what = "error, over the mean error," if numbers else "share of wrong rows"
    start = f"Of {count(len(chosen), 'slice')} that {'was' if len(chosen) == 1 else 'were'} tested,"
    headline = (
        f"{start} “{chosen[worst].name}” is worst: the {what} is {shown[0]} on {int(more.n[worst]):,} sealed "
        f"rows, and {shown[1]} on {_others(chosen[worst], numbers)}."
    )
    alarmed = judged.verdict in ("warn", "fail") and not numbers
    suspects = _suspects(case, chosen, found) if alarmed else Suspects()
    title = "Slices that were proposed without the sealed rows, and tested on them"
    tables = (_table(title, chosen, found), *_anyhow(case, asked, chosen))
    return Check(
        name, judged.verdict, headline, judged.reason, (estimate,), threshold, float(upward.min()),
        suspects=suspects, tables=tables,
    )  # fmt: skip


def _upward(found: Matched) -> Floats:
    """One-sided p-values of each slice being no worse, corrected for all (G,)."""
    half = found.more.p_value / 2
    return holm(np.where(found.more.value > 0, half, 1 - half))


def _others(one: Slice, numbers: bool) -> str:
    """What a slice is held against."""
    if one.kind != "value":
        return f"rows elsewhere {'whose prediction is alike' if numbers else 'of which the network is as sure'}"
    return "all other rows" if one.within is None else "other rows of that range"


def _anyhow(case: Case, asked: Asked, tested: Sequence[Slice]) -> tuple[Table, ...]:
    """Where errors are most frequent, whether the network knows it or not."""
    chosen = everywhere(case, asked)
    if {one.name for one in chosen} <= {one.name for one in tested if one.kind == "value" and one.within is None}:
        return ()
    found = _held(case, chosen, np.zeros(len(case.split.test), np.int64))
    return (_table("Where errors are most frequent, against all other rows, known or not", chosen, found),)


def _suspects(case: Case, chosen: Sequence[Slice], found: Matched) -> Suspects:
    """Wrong rows of the slices that are surely worse."""
    sealed = case.scored("test")
    wrong = wrong_of(case, sealed) > 0
    reasons: dict[int, str] = {}
    for k in np.argsort(-found.more.low, kind="stable").tolist():
        if found.more.low[k] > 0:
            for row in np.flatnonzero(wrong & chosen[k].members[sealed.rows]).tolist():
                reasons.setdefault(row, f"wrong, and in the slice {chosen[k].name}")
    rows = list(reasons)[:_MOST_SUSPECTS]
    losses = tuple(float(sealed.losses[row]) for row in rows)
    return Suspects(tuple(int(sealed.rows[row]) for row in rows), losses, tuple(reasons[row] for row in rows))


def _table(title: str, chosen: Sequence[Slice], found: Matched) -> Table:
    more = found.more
    columns = (found.own, found.elsewhere, more.value, more.low, more.high, _upward(found))
    rows = tuple(
        (chosen[k].name, int(more.n[k]), *(round(float(x[k]), 4) for x in columns))
        for k in np.argsort(-more.value, kind="stable").tolist()
    )
    heads = ("slice", "sealed rows", "error", "others", "more", "from", "to", "p, corrected")
    return Table(title, heads, rows, len(rows))
