"""Whether sealed rows are like the others: a network should be as good on both that it did not learn from."""

from __future__ import annotations

import numpy as np

from vouch.challenges.data_quality.looking import Floats
from vouch.challenges.judging import judge, p_beyond
from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Threshold
from vouch.statistics.intervals import bootstrap, wilson
from vouch.statistics.mover import Ends, Facts, difference, excess
from vouch.tasks.metrics import right
from vouch.wording import number

WORSE = Threshold(
    "worse_on_sealed", 0.03, 0.1,
    why="three points are more than validation rows flatter a network by choosing when its training stops",
)  # fmt: skip
RELATIVE_WORSE = Threshold(
    "worse_on_sealed", 0.2, 0.5, why="an error a fifth as large again is more than having chosen the epoch explains"
)
_RESAMPLES, _FEWEST = 400, 30


def scores_across_parts(case: Case) -> Check:
    """Whether the network is worse on sealed rows than on validation rows, neither of which it learned from.

    Validation rows choose when training stops, which makes them look a little better. Where they look clearly better,
    the sealed rows are not like the others: they are labelled otherwise, drawn from elsewhere, or later. The figure is
    the share of rows that is called right, of validation rows less sealed ones; of quantities, the mean absolute error
    on sealed rows over that on validation rows, less 1. It promises to find, with power .9, 20 points less on 500
    sealed rows and 150 validation rows, or errors 80 % larger.
    """
    valid, test = case.scored("valid"), case.scored("test")
    if (fewer := min(len(valid.rows), len(test.rows))) < _FEWEST:
        said = f"{fewer} validation or sealed rows are too few to tell."
        return Check("scores_across_parts", "inconclusive", said, f"at least {_FEWEST} of each are needed")
    classes = bool(case.bundle.task.classes)
    seed, about = case.bundle.recipe.seed, Facts(len(test.rows), "test")
    inside, sealed = (_mean(case, one, _good(one, classes), seed + at) for at, one in enumerate((valid, test)))
    worse = (difference if classes else excess)(
        "worse_on_sealed", *((inside, sealed) if classes else (sealed, inside)), about
    )  # fmt: skip
    threshold = case.threshold(WORSE if classes else RELATIVE_WORSE, "scores_across_parts")
    p_value = p_beyond(worse, threshold)
    found = judge(worse, threshold, p_value)
    what = "It is right about" if classes else "It is off on average by"
    said = [f"{number(one[0])} of" if classes else f"{number(one[0])} on" for one in (inside, sealed)]
    headline = (
        f"{what} {said[0]} {len(valid.rows):,} validation rows and {said[1]} {len(test.rows):,} sealed rows"
        f"{_ENDINGS[found.verdict in ('warn', 'fail')]}."
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
    """The mean of the rows with its interval: Wilson's of a share of independent rows; groups stay whole."""
    groups = None if case.groups is None else case.groups[scored.rows]
    if groups is None and case.bundle.task.classes:
        low, high = wilson(values.sum(), len(values))
        return float(values.mean()), float(low), float(high)
    found = bootstrap(
        lambda weights: weights @ values / weights.sum(axis=1), len(values), resamples=_RESAMPLES, seed=seed,
        groups=groups,
    )  # fmt: skip
    low, high = (float(end[0]) for end in found.interval())
    return float(found.value[0]), low, high
