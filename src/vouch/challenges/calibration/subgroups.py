"""Whether what is promised of each class, and to each sensitive subgroup, comes true on average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vouch.challenges.calibration.parts import BINARY, FEWEST_OF_A_SUBGROUP, REGRESSION, Subgroup, sensitive_subgroups
from vouch.challenges.judging import FEWEST_ROWS, judge, none_large_enough, not_asked, together_of, too_few, worst_of
from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Table, Threshold
from vouch.statistics.corrections import holm
from vouch.statistics.simultaneous import Together, several_means
from vouch.tasks.metrics import OneVsRest
from vouch.wording import clean, number

Floats = npt.NDArray[np.float64]

BY_CLASS = Threshold(
    "class_gap", warn=0.02, fail=0.05,
    why="at 0.05 five rows in a hundred more, or fewer, are of the class than its probabilities add up to",
)  # fmt: skip
BY_GROUP = Threshold(
    "group_gap", warn=0.05, fail=0.10,
    why="at 0.10 ten rows in a hundred of the subgroup go otherwise than it was promised; on 150 rows less is not seen",
)  # fmt: skip
_SHOWN = 30
_FEWEST_EXPECTED = 10


@dataclass(frozen=True, slots=True, eq=False)
class _Gaps:
    """What was promised to G classes or subgroups, what happened, and the difference."""

    who: list[str]
    found: Together
    promised: Floats
    happened: Floats


def class_calibration(case: Case) -> Check:
    """Do the probabilities of each class add up to the rows that are of it?

    For each class the mean probability less the share of rows (calibration in the large: Cox, 1958); of two classes the
    second one's. The figure is the largest gap, with an interval that allows for having looked at all classes. Classes
    of which fewer than ten rows are expected are left out.

    Promises to find: one of two classes whose share is 5.5 points off, or one of ten that is 6.5 points off, on 2,000
    sealed rows.
    """
    name = "class_calibration"
    if case.bundle.task.name == REGRESSION:
        return not_asked(name, "predictions that are numbers promise no frequencies")
    test = case.scored("test")
    if len(test.rows) < FEWEST_ROWS:
        return too_few(name, len(test.rows), "sealed rows")
    view = OneVsRest.of(test.truth, test.decoded)
    asked = [1] if case.bundle.task.name == BINARY else list(range(view.score.shape[1]))
    expected = np.minimum(view.score.sum(axis=0), (1 - view.score).sum(axis=0))
    asked = [k for k in asked if expected[k] >= _FEWEST_EXPECTED]
    if not asked:
        return none_large_enough(name, "class", _FEWEST_EXPECTED)
    score, actual = view.score[:, asked], view.actual[:, asked]
    gaps = several_means(
        score - actual, np.ones(score.shape, bool), together_of(case, test), spread=score * (1 - score)
    )  # fmt: skip
    who = [clean(case.bundle.task.classes[k], 60) for k in asked]
    return _said(case, name, BY_CLASS, _Gaps(who, gaps, score.mean(axis=0), actual.mean(axis=0)))


def group_calibration(case: Case) -> Check:
    """Is what is promised to each sensitive subgroup kept on average?

    For each value of each sensitive column the mean probability less the share of rows that came true: of two classes
    the second one's, of more the predicted one's, of labels all of theirs. The figure is the largest gap, with an
    interval that allows for having looked at all subgroups; those of fewer than 150 sealed rows are left out.

    Promises to find: a gap of 18 points in a subgroup of 300 sealed rows or more, among up to ten subgroups.
    """
    name = "group_calibration"
    if case.bundle.task.name == REGRESSION:
        return not_asked(name, "predictions that are numbers promise no frequencies")
    if not case.bundle.schema.sensitive:
        return not_asked(name, "no sensitive column was named")
    test = case.scored("test")
    if len(test.rows) < FEWEST_ROWS:
        return too_few(name, len(test.rows), "sealed rows")
    subgroups = sensitive_subgroups(case, test)
    if not subgroups:
        return none_large_enough(name, "subgroup", FEWEST_OF_A_SUBGROUP)
    promised, happened = _promise(test, case.bundle.task.name)
    members = np.stack([one.members for one in subgroups], axis=1)
    spread = (promised * (1 - promised)).mean(axis=1) if promised.shape[1] == 1 else None
    gaps = several_means((promised - happened).mean(axis=1), members, together_of(case, test), spread=spread)
    means = (_by_subgroup(values.mean(axis=1), subgroups) for values in (promised, happened))
    return _said(case, name, BY_GROUP, _Gaps([one.name for one in subgroups], gaps, *means))


def _said(case: Case, name: str, default: Threshold, gaps: _Gaps) -> Check:
    sizes = gaps.found.absolute()
    worst = int(sizes.value.argmax())
    estimate = worst_of(default.name, sizes.largest(), int(sizes.n[worst]))
    threshold, p = case.threshold(default, name), float(np.nanmin(holm(sizes.p_value)))
    judged = judge(estimate, threshold, p)
    headline = (
        f"The widest gap is that of “{gaps.who[worst]}”: {number(float(gaps.promised[worst]))} promised on average, "
        f"{number(float(gaps.happened[worst]))} happened."
    )
    table = _table(gaps)
    return Check(name, judged.verdict, headline, judged.reason, (estimate,), threshold, p, tables=(table,))


def _table(gaps: _Gaps) -> Table:
    order = np.argsort(-np.abs(gaps.found.value), kind="stable")[:_SHOWN]
    columns = (gaps.promised, gaps.happened, gaps.found.low, gaps.found.high)
    rows = tuple(
        (gaps.who[k], int(gaps.found.n[k]), *(round(float(column[k]), 4) for column in columns)) for k in order
    )
    heads = ("who", "rows", "promised", "happened", "gap from", "gap to")
    return Table("Promised and happened", heads, rows, len(gaps.who))


def _promise(test: Scored, task: str) -> tuple[Floats, Floats]:
    """What was promised of each row, and what happened (n, 1), or for each label (n, K)."""
    view = OneVsRest.of(test.truth, test.decoded)
    if task == BINARY:
        return view.score[:, [1]], view.actual[:, [1]].astype(np.float64)
    if test.truth.ndim == 2:
        return view.score, view.actual.astype(np.float64)
    called = view.score.argmax(axis=1)[:, None]
    happened = np.take_along_axis(view.actual, called, axis=1).astype(np.float64)
    return np.take_along_axis(view.score, called, axis=1), happened


def _by_subgroup(values: Floats, subgroups: list[Subgroup]) -> Floats:
    return np.array([values[one.members].mean() for one in subgroups])
