"""Whether promised probabilities come true, and whether they are worth more than the plain shares of the classes."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np

from vouch.challenges.calibration import drawings
from vouch.challenges.calibration.expected import (
    Bools,
    Floats,
    expected_error,
    skill,
)
from vouch.challenges.calibration.parts import BINARY, MULTILABEL, REGRESSION
from vouch.challenges.judging import FEWEST_ROWS, judge, not_asked, together_of, too_few
from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Estimate, Figure, Table, Threshold
from vouch.statistics.calibration import BrierParts, brier_decomposition, reliability_bins
from vouch.statistics.intervals import bootstrap
from vouch.tasks.metrics import OneVsRest
from vouch.wording import clean, number

ERROR = Threshold(
    "calibration_error", warn=0.02, fail=0.05,
    why="at 0.05 a probability is off by five points on average; below 0.02 few decisions hang on it",
)  # fmt: skip
SKILL = Threshold(
    "brier_skill", warn=0.02, fail=0.0, higher_is_worse=False,
    why="at 0 the probabilities are worth no more than telling every row the shares of the classes",
)  # fmt: skip
_NO_PROMISE = "predictions that are numbers promise no frequencies"
_MOST_BINS, _ROWS_OF_A_BIN = 10, 20


def calibration_error(case: Case) -> Check:
    """Do promised probabilities come true as often as promised?

    The expected calibration error in 15 bins of equal mass, freed of its upward lean: the value under which the raw
    error would be the median one. Of two classes it is the second's probability, of more the predicted one's, of labels
    the mean over all. The p-value is that of no error at all.

    Promises to find: an error of 7 points, of ten classes 8.5 points, on 1,000 sealed rows.
    """
    name = "calibration_error"
    if case.bundle.task.name == REGRESSION:
        return not_asked(name, _NO_PROMISE)
    test = case.scored("test")
    if len(test.rows) < FEWEST_ROWS:
        return too_few(name, len(test.rows), "sealed rows")
    found = expected_error(test.truth, test.decoded, together_of(case, test))
    estimate = Estimate(
        "calibration_error",
        found.value,
        found.low,
        found.high,
        len(test.rows),
        higher_is_better=False,
        method="inversion",
    )
    threshold = case.threshold(ERROR, name)
    judged = judge(estimate, threshold, found.p_value)
    promised, happened, what = _question(test, case.bundle.task.name, case.bundle.task.classes)
    n, ends = f"{len(test.rows):,} sealed rows", f"95 % interval {number(found.low)} to {number(found.high)}"
    headline = (
        f"{what} is off by {number(found.value)} on average over {n} ({ends})."
        if found.value > 0 else f"{what} is off by no more than chance makes of {n} ({ends})."
    )  # fmt: skip
    figure = _reliability(promised, happened, what)
    return Check(
        name, judged.verdict, headline, judged.reason, (estimate,), threshold, found.p_value, figures=(figure,)
    )


def brier(case: Case) -> Check:
    """Are the probabilities worth more than telling every row the shares of the classes?

    The Brier score (1950) is taken apart into what miscalibration costs, what telling rows apart earns, and what no one
    can know (Murphy, 1973), freed of the lean of few rows in a bin (Ferro and Fricker, 2012). The figure is the skill:
    1 less the score over that of the plain shares.

    Promises to find: a skill of -0.25 or below, on 500 sealed rows.
    """
    name = "brier"
    if case.bundle.task.name == REGRESSION:
        return not_asked(name, _NO_PROMISE)
    test = case.scored("test")
    if len(test.rows) < FEWEST_ROWS:
        return too_few(name, len(test.rows), "sealed rows")
    view = OneVsRest.of(test.truth, test.decoded)
    if not (view.actual.any(axis=0) & ~view.actual.all(axis=0)).any():
        alone = "all sealed rows are of one class"
        return Check(name, "inconclusive", f"Too little is known to tell: {alone}.", alone)
    drawn = bootstrap(skill(view), len(test.rows), groups=together_of(case, test))
    low, high = drawn.interval()
    estimate = Estimate("brier_skill", float(drawn.value[0]), float(low[0]), float(high[0]), len(test.rows))
    threshold = case.threshold(SKILL, name)
    judged = judge(estimate, threshold)
    parts = _parts_of(view)
    headline = (
        f"The probabilities are worth {number(estimate.value)} of full knowledge, against 0 for the shares of the "
        f"classes; miscalibration costs {number(max(parts.reliability, 0) / parts.uncertainty)} of it."
    )
    return Check(name, judged.verdict, headline, judged.reason, (estimate,), threshold, tables=(_parts(parts),))


def _parts_of(view: OneVsRest) -> BrierParts:
    """The parts of all classes, each against the rest, added up; of two classes once."""
    asked = [1] if view.score.shape[1] == 2 and np.allclose(view.score.sum(axis=1), 1) else range(view.score.shape[1])
    each = [brier_decomposition(view.score[:, k], view.actual[:, k]) for k in asked]
    return BrierParts(*np.sum([astuple(one) for one in each], axis=0).tolist())


def _parts(parts: BrierParts) -> Table:
    rows = (
        ("Brier score", round(parts.brier, 5), "lower is better"),
        ("reliability", round(parts.reliability, 5), "what miscalibration costs"),
        ("resolution", round(parts.resolution, 5), "what telling rows apart earns"),
        ("uncertainty", round(parts.uncertainty, 5), "the score of the plain shares of the classes"),
        ("within bins", round(parts.within, 5), "what the bins of this table cannot see"),
    )
    return Table("The Brier score in parts", ("part", "value", "what it is"), rows)


def _question(test: Scored, task: str, classes: tuple[str, ...]) -> tuple[Floats, Bools, str]:
    """What was promised, whether it happened (n,), and in words what it is."""
    view = OneVsRest.of(test.truth, test.decoded)
    if task == BINARY:
        return view.score[:, 1], view.actual[:, 1], f"The probability of “{clean(classes[1], 40)}”"
    if task == MULTILABEL:
        return view.score.ravel(), view.actual.ravel(), "The probability of a label"
    happened = np.asarray((view.actual & view.chosen).any(axis=1))
    return view.score.max(axis=1), happened, "The probability of the predicted class"


def _reliability(promised: Floats, happened: Bools, what: str) -> Figure:
    bins = reliability_bins(promised, happened, min(_MOST_BINS, len(promised) // _ROWS_OF_A_BIN))
    columns = zip(bins.promised.tolist(), bins.happened.tolist(), bins.low.tolist(), bins.high.tolist(), strict=True)
    rows: drawings.Rows = [{"promised": p, "happened": y, "low": low, "high": high} for p, y, low, high in columns]
    gap = max(rows, key=lambda row: abs(row["promised"] - row["happened"]))
    says = (
        f"{what}, in {len(rows)} groups of equal size: the widest gap is {number(gap['promised'])} promised and "
        f"{number(gap['happened'])} happened; the band is the 95 % interval."
    )
    return Figure("reliability", "Promised and happened", says, drawings.reliability(says, rows))
