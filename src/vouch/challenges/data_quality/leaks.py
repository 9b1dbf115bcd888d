"""Leaks: columns that alone tell the target, columns that name the row, groups and times on both sides of the split."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from vouch.challenges.data_quality.looking import (
    Floats,
    Rows,
    as_numbers,
    choices,
    indicators,
    not_asked,
    once,
    quantities,
    table,
    too_few,
    unsealed,
)  # fmt: skip
from vouch.challenges.data_quality.single import (
    FOLDS,
    Skill,
    agreement,
    binned,
    codes_of,
    left_out_skill,
    line_skill,
    out_of_fold_skill,
    skill,
)  # fmt: skip
from vouch.challenges.judging import Judgement, judge
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Estimate, Table, Threshold
from vouch.wording import clean, listed, number

ALONE = Threshold("alone", 0.75, 0.9, why="a column known beforehand seldom tells so much of the target by itself")
IGNORED = Threshold("ignored_tells", 0.1, 1.0, why="what names a row should tell nothing of the target")
NAMES = Threshold("names_rows", 0.9, 1.01, why="a column with a value of its own in nearly every row only names it")
TOGETHER = Threshold("group_agreement", 0.05, 0.5, why="rows that agree like this are not independent of one another")
DOMINANT = 0.8
_ROWS_OF_A_GROUP = (2.0, 50.0)
_FEWEST_GROUPS = 20
_ROWS_NEARBY = 40


def leaking_columns(case: Case) -> Check:
    """Whether one column tells so much of the target alone that it was hardly known beforehand.

    What each column tells is the share of the target's variance (of its class indicators) that means by value or bin,
    or a straight line, tell out of fold (Kaufman et al., 2012, on leakage); a column is named when that is most of what
    the whole network reaches on validation rows. It promises to find, with power .9, a copy of the target that is wrong
    in 3 % of the rows, or a quantity that correlates with it by .95, from 500 rows on.
    """
    scores = _alone_scores(case)
    if few := too_few(case, "leaking_columns"):
        return few
    if not scores:
        return not_asked("leaking_columns", "There is no column of numbers or values that could tell the target alone.")
    reached = network_skill(case)
    best = max(scores, key=lambda name: scores[name].value)
    found, threshold = scores[best], case.threshold(ALONE, "leaking_columns")
    estimate = _estimate("alone", found)
    verdict = judge(estimate, threshold)
    if verdict.verdict in ("warn", "fail") and len(scores) > 1 and found.value < DOMINANT * reached.value:
        verdict = Judgement("pass", f"the network tells {number(reached.value)}, well above this column alone")
    headline = (
        f"'{clean(best, 40)}' alone tells {number(found.value)} of the target's variance; "
        f"the whole network tells {number(reached.value)}."
    )
    estimates = (estimate, _estimate("network", reached, higher_is_better=True, split="valid"))
    tables = (_told(scores, "What each column tells alone"),)
    return Check("leaking_columns", verdict.verdict, headline, verdict.reason, estimates, threshold, tables=tables)


def ignored_columns(case: Case) -> Check:
    """Whether a column that was left out, since it names the row, tells the target.

    Then rows were numbered, named or collected by the target, and what else was collected that way may leak it as well.
    It promises to find, with power .9, a running number in data that is sorted by a two-class target, or names that
    begin with their class, from 200 rows on.
    """
    frame, lines = case.raw.frame, case.dataset.lines
    names = [c.name for c in case.bundle.schema.columns if c.kind == "identifier" and c.name in frame.columns]
    if few := too_few(case, "ignored_columns"):
        return few
    if not names:
        return not_asked("ignored_columns", "No column was left out for naming the row.")
    at = lines if lines is not None else pl.arange(0, case.dataset.frame.height, eager=True)
    scores = _scores(case, {name: frame[name].gather(at) for name in names})
    best = max(scores, key=lambda name: scores[name].value)
    estimate, threshold = _estimate("ignored_tells", scores[best]), case.threshold(IGNORED, "ignored_columns")
    verdict = judge(estimate, threshold)
    headline = f"'{clean(best, 40)}', which is left out, tells {number(scores[best].value)} of the target's variance."
    tables = (_told(scores, "What ignored columns tell alone"),)
    return Check("ignored_columns", verdict.verdict, headline, verdict.reason, (estimate,), threshold, tables=tables)


def identifiers(case: Case) -> Check:
    """Whether the network sees a column that only names the row: values of which nearly every row has its own.

    It promises to find, with power .9, a column of codes of which 95 % are different, or of whole numbers that count
    the rows, from 100 rows on.
    """
    values, numbers = choices(case), quantities(case)
    if few := too_few(case, "identifiers"):
        return few
    if not values and not numbers:
        return not_asked("identifiers", "There is no column of numbers or values.")
    n = case.dataset.frame.height
    own = {name: int(series.drop_nulls().n_unique()) for name, series in values.items()}
    own |= {name: n if counts_rows(x) else 0 for name, x in numbers.items()}
    worst = max(own, key=lambda name: own[name])
    # How many values differ is counted, not estimated: the rows are all there are.
    told = own[worst] / n
    estimate = Estimate("names_rows", told, told, told, n, "", False, "all", "counted")
    threshold = case.threshold(NAMES, "identifiers")
    verdict = judge(estimate, threshold)
    named = [name for name in own if own[name] / n >= threshold.warn]
    headline = (
        f"Nearly every one of {n:,} rows has its own {listed([repr(clean(name, 40)) for name in named[:3]])}."
        if named else f"No column of {len(own)} that the network sees only names its rows, of which there are {n:,}."
    )  # fmt: skip
    return Check("identifiers", verdict.verdict, headline, verdict.reason, (estimate,), threshold)


def groups_across_parts(case: Case) -> Check:
    """Whether a column looks like people, places or lots whose rows agree in the target and stand on both sides.

    Columns with 2 to 50 rows for each value are asked whether the other rows of the value tell the target, beyond what
    nearby values tell (permutation test, Bonferroni over columns). It promises to find, with power .9, groups of five
    rows of which 80 % share the group's class, or which share half of a quantity's variance, from 600 rows on.
    """
    if few := too_few(case, "groups_across_parts"):
        return few
    if case.groups is not None:
        return not_asked("groups_across_parts", "The split keeps the rows of each group on one side, as asked.")
    rows = unsealed(case)
    target, _ = indicators(case, rows)
    asked = {name: _group_codes(series, rows) for name, series in _features(case).items()}
    asked |= {name: _group_codes(series, rows) for name, series in _named(case).items()}
    found = {name: _beyond_near(codes, near, target) for name, (codes, near) in asked.items() if codes is not None}
    if not found:
        return not_asked("groups_across_parts", "No column has 2 to 50 rows for each of its values.")
    best = max(found, key=lambda name: found[name].low)
    codes = asked[best][0]
    assert codes is not None
    p_value = min(1.0, len(found) * agreement(codes, target, case.random("groups")))
    estimate, threshold = _estimate("group_agreement", found[best]), case.threshold(TOGETHER, "groups_across_parts")
    verdict = judge(estimate, threshold, p_value)
    headline = (
        f"Other rows with the same '{clean(best, 40)}' tell {number(found[best].value)} of the target's variance "
        f"beyond what nearby values tell."
    )
    tables = (_told(found, "What other rows of the same value tell"),)
    return Check(
        "groups_across_parts", verdict.verdict, headline, verdict.reason, (estimate,), threshold, p_value, tables=tables
    )


def time_across_parts(case: Case) -> Check:
    """Whether the target drifts with time, so that rows drawn at random for testing are easier than the future.

    It promises to find, with power .9, a share of a class that moves from .1 to .9 over the time of 1 000 rows.
    """
    frame = case.dataset.frame
    times = [name for name in quantities(case) if frame[name].dtype.is_temporal()]
    if few := too_few(case, "time_across_parts"):
        return few
    if not times or case.split.how in ("time", "given"):
        return not_asked("time_across_parts", "There is no column of times, or the split follows one or was given.")
    scores = _scores(case, {name: frame[name] for name in times})
    best = max(scores, key=lambda name: scores[name].value)
    estimate, threshold = _estimate("group_agreement", scores[best]), case.threshold(TOGETHER, "time_across_parts")
    verdict = judge(estimate, threshold)
    share_told = number(scores[best].value)
    headline = f"Rows near in '{clean(best, 40)}' tell {share_told} of the target's variance; the split mixes times."
    return Check("time_across_parts", verdict.verdict, headline, verdict.reason, (estimate,), threshold)


def counts_rows(x: Floats) -> bool:
    """Whether numbers are whole, all different, and run up or down with the rows.

    Example:
        >>> counts_rows(np.arange(9.0)), counts_rows(np.array([0.5, 1.5, 2.5]))
        (True, False)
    """
    if len(x) < 2 or not np.isfinite(x).all() or (x != np.round(x)).any():
        return False
    steps = np.diff(x)
    return bool((steps > 0).all() or (steps < 0).all())


def network_skill(case: Case) -> Skill:
    """How much of the target's variance the network tells on validation rows."""
    scored = case.scored("valid")
    target, _ = indicators(case, scored.rows)
    decoded = scored.decoded[:, None] if scored.decoded.ndim == 1 else scored.decoded
    if decoded.shape[1] != target.shape[1]:
        return Skill(0.0, 0.0, 0.0, len(target))
    errors = np.square(target - decoded).sum(axis=1)
    return skill(errors, np.square(target - target.mean(axis=0)).sum(axis=1))


def leaking(case: Case) -> tuple[str, ...]:
    """The columns that alone tell more than the level of warning, and most of what the network tells."""
    threshold, reached = case.threshold(ALONE, "leaking_columns"), network_skill(case)
    scores = _alone_scores(case)
    least = max(threshold.warn, DOMINANT * reached.value)
    return tuple(name for name, one in scores.items() if one.low > threshold.warn and one.value >= least)


def _features(case: Case) -> dict[str, pl.Series]:
    return {name: case.dataset.frame[name] for name in [*quantities(case), *choices(case)]}


def _named(case: Case) -> dict[str, pl.Series]:
    """Columns that were dropped as identifiers, for the rows that are left."""
    frame, lines = case.raw.frame, case.dataset.lines
    names = [c.name for c in case.bundle.schema.columns if c.kind == "identifier" and c.name in frame.columns]
    return {name: frame[name] if lines is None else frame[name].gather(lines) for name in names}


def _alone_scores(case: Case) -> dict[str, Skill]:
    """What each feature tells alone; computed once, for the check and for what treats it."""
    return once(case, "columns alone", lambda: _scores(case, _features(case)))


def _scores(case: Case, columns: Mapping[str, pl.Series]) -> dict[str, Skill]:
    """What each column tells alone of the target, on rows that are not sealed."""
    rows = unsealed(case)
    target, _ = indicators(case, rows)
    folds = case.random("folds").permutation(len(rows)) % FOLDS
    return {name: _alone(series.gather(rows), target, folds) for name, series in columns.items()}


def _alone(series: pl.Series, target: Floats, folds: Rows) -> Skill:
    """What means by value or bin tell, or for numbers a straight line, where that tells more."""
    by_value = out_of_fold_skill(binned(series), target, folds)
    if not series.dtype.is_numeric():
        return by_value
    return max(by_value, line_skill(as_numbers(series), target, folds), key=lambda found: found.value)


def _group_codes(series: pl.Series, rows: Rows) -> tuple[Rows | None, Rows | None]:
    """Codes of the values if they look like groups, and bins of nearby values for numbers."""
    some = series.gather(rows)
    numeric = some.dtype.is_numeric()
    whole = not numeric or bool(((some.cast(pl.Float64) % 1).fill_nan(0).fill_null(0) == 0).all())
    distinct = some.n_unique()
    low, high = _ROWS_OF_A_GROUP
    looks = (
        whole and not some.dtype.is_temporal() and distinct >= _FEWEST_GROUPS and low <= len(some) / distinct <= high
    )
    return (codes_of(some), binned(some, _ROWS_NEARBY) if numeric else None) if looks else (None, None)


def _beyond_near(codes: Rows, near: Rows | None, target: Floats) -> Skill:
    """What rows of the same value tell, less what rows of nearby values tell."""
    own = left_out_skill(codes, target)
    if near is None:
        return own
    nearby = max(left_out_skill(near, target).value, 0.0)
    return Skill(own.value - nearby, own.low - nearby, own.high - nearby, own.n)


def _estimate(name: str, found: Skill, *, higher_is_better: bool = False, split: str = "all") -> Estimate:
    return Estimate(name, found.value, found.low, found.high, found.n, "", higher_is_better, split, "delta")


def _told(scores: Mapping[str, Skill], title: str) -> Table:
    order = sorted(scores, key=lambda name: -scores[name].value)
    rows = [(clean(n, 60), round(scores[n].value, 4), round(scores[n].low, 4), round(scores[n].high, 4)) for n in order]
    return table(title, ("column", "share of variance", "low", "high"), rows)
