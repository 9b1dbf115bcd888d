"""Whether sealed rows are like the others: networks that saw neither should be as good on both."""

from __future__ import annotations

import numpy as np

from vouch.challenges.data_quality.looking import Floats, too_few
from vouch.challenges.judging import judge, p_beyond
from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Threshold
from vouch.statistics.intervals import bootstrap
from vouch.statistics.mover import Ends, Facts, difference, excess
from vouch.tasks.metrics import right
from vouch.wording import number

WORSE = Threshold(
    "worse_on_sealed", 0.03, 0.1,
    why="three points are more than the rows that a fold lacks explain, and then in the other direction",
)  # fmt: skip
RELATIVE_WORSE = Threshold(
    "worse_on_sealed", 0.2, 0.5, why="an error a fifth as large again is more than the rows that a fold lacks explain"
)
_RESAMPLES = 400


def scores_across_parts(case: Case) -> Check:
    """Whether the network is worse on sealed rows than others like it are on rows that they have not seen either.

    The networks out of fold learned from fewer rows, so that they should be a little worse. Where they are clearly
    better, the sealed rows are not like the others: they are labelled otherwise, drawn from elsewhere, or later. The
    figure is the share of rows that is called right, out of fold less sealed; of quantities, the mean absolute error on
    sealed rows over that out of fold, less 1. It promises to find, with power .9, 16 points less on 500 sealed rows, or
    errors 60 % larger on 300.
    """
    test = case.scored("test")
    if few := too_few(case, "scores_across_parts", len(test.rows)):
        return few
    unseen = case.out_of_fold()
    classes = bool(case.bundle.task.classes)
    seed, about = case.bundle.recipe.seed, Facts(len(test.rows), "test")
    inside, sealed = (_mean(case, one, _good(one, classes), seed + at) for at, one in enumerate((unseen, test)))
    worse = (difference if classes else excess)(
        "worse_on_sealed", *((inside, sealed) if classes else (sealed, inside)), about
    )  # fmt: skip
    threshold = case.threshold(WORSE if classes else RELATIVE_WORSE, "scores_across_parts")
    p_value = p_beyond(worse, threshold)
    found = judge(worse, threshold, p_value)
    what = "right about {} of" if classes else "off by {} on average on"
    told = [what.format(number(one[0])) for one in (inside, sealed)]
    headline = (
        f"Networks like it are {told[0]} {len(unseen.rows):,} rows that they did not see, and it is {told[1]} "
        f"{len(test.rows):,} sealed rows{_ENDINGS[found.verdict in ('warn', 'fail')]}."
    )
    return Check(
        "scores_across_parts", found.verdict, headline, found.reason, (worse,), threshold, p_value
    )  # fmt: skip


_ENDINGS = {
    True: ": sealed rows are labelled otherwise than those it learned from, or come from elsewhere",
    False: "",
}


def _good(scored: Scored, classes: bool) -> Floats:
    """Whether each row is called right, or how far off it is (n,)."""
    return right(scored.truth, scored.decoded).astype(np.float64) if classes else scored.losses


def _mean(case: Case, scored: Scored, values: Floats, seed: int) -> Ends:
    """The mean of the rows with its interval; groups stay whole."""
    groups = None if case.groups is None else case.groups[scored.rows]
    found = bootstrap(
        lambda weights: weights @ values / weights.sum(axis=1), len(values), resamples=_RESAMPLES, seed=seed,
        groups=groups,
    )  # fmt: skip
    value, (low, high) = float(found.value[0]), found.interval()
    return value, float(low[0]), float(high[0])
