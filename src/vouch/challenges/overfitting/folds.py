"""Would another draw of the rows, or another seed, have given another network?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vouch.challenges.judging import judge
from vouch.challenges.overfitting.held import held, too_few
from vouch.challenges.overfitting.spread import Spread, spread
from vouch.contracts.case import Case, Scored
from vouch.contracts.finding import Check, Estimate, Table, Threshold
from vouch.statistics.intervals import bootstrap
from vouch.statistics.mover import Facts, excess
from vouch.wording import number

_FEWEST_A_FOLD = 30
_SEEDS = 2
# Seeds are asked only where the time is plenty: no check after this one should go without for them.
_PLENTY = 6.0

SPREAD = Threshold(
    "spread",
    warn=0.1,
    fail=0.25,
    why="standard deviation of the folds' losses beyond chance, as a share of the mean loss: networks that differ by "
    "more than a tenth hang on which rows they were given",
)


def spread_over_folds(case: Case) -> Check:
    """Whether networks that were trained on other rows are as good as each other, and as the bundle's on test rows.

    Every row's loss comes from a network that never saw it. Folds whose mean losses differ by more than their rows
    explain hang on which rows they were given. Promises to find one fold of several whose loss is twice that of the
    others, with 600 rows, or .75 above it, with 2 000.

    Args:
        case: the network and its data.

    Returns:
        The spread beyond chance, the gap between test rows and rows out of fold, and the spread over seeds where the
        time was plenty.
    """
    if (few := len(case.split.train) + len(case.split.valid)) < 2 * _FEWEST_A_FOLD:
        return too_few("spread_over_folds", few, "training", 2 * _FEWEST_A_FOLD)
    scored, test = case.out_of_fold(), case.scored("test")
    fewest = int(np.unique(scored.fold, return_counts=True)[1].min())
    if len(np.unique(scored.fold)) < 2 or fewest < _FEWEST_A_FOLD:
        return too_few("spread_over_folds", fewest, "out-of-fold", _FEWEST_A_FOLD)
    groups = None if case.groups is None else np.unique(case.groups[scored.rows], return_inverse=True)[1].reshape(-1)
    found = spread(scored.losses, scored.fold, groups, case.random("spread over folds"))
    estimate = Estimate(
        "spread",
        found.value,
        found.low,
        found.high,
        len(scored.rows),
        "",
        False,
        "out of fold",
        "noncentral chi-square",
    )
    threshold = case.threshold(SPREAD, "spread_over_folds")
    judgement = judge(estimate, threshold, found.p_value)
    against = _against_test(case, scored, test)
    headline = (
        f"Over {len(found.means)} folds the mean loss lies between {number(min(found.means))} and "
        f"{number(max(found.means))}: {number(100 * found.value)} % beyond what chance explains "
        f"({number(100 * found.low)} to {number(100 * found.high)}, p = {number(found.p_value)})."
    )
    seeds = _seeds(case) if case.budget.fits(_PLENTY) and len(test.rows) >= _FEWEST_A_FOLD else ()
    return Check(
        "spread_over_folds",
        judgement.verdict,
        headline,
        judgement.reason,
        (estimate, *against, *seeds),
        threshold,
        found.p_value,
        tables=(_table(found, test),),
    )


def _against_test(case: Case, scored: Scored, test: Scored) -> tuple[Estimate, ...]:
    """Mean loss of the bundle on test rows over that out of fold, less 1; above 0 the test rows are harder."""
    if len(test.rows) < _FEWEST_A_FOLD:
        return ()
    seed = case.bundle.recipe.seed
    ours, theirs = (held(case, one).mean_loss(seed + k) for k, one in enumerate((test, scored)))
    return (excess("test_over_folds", ours, theirs, Facts(len(test.rows), "test")),)


def _seeds(case: Case) -> tuple[Estimate, ...]:
    """Largest difference between seeds in the mean loss on test rows, as a share; nothing is chosen by it."""
    test, lesson, task = case.scored("test"), case.lesson, case.bundle.task
    losses = [test.losses]
    for k in range(1, _SEEDS + 1):
        other = replace(lesson, recipe=replace(lesson.recipe, seed=lesson.recipe.seed + k))
        losses.append(task.losses(case.retrain(other, test.rows), test.truth))
    table = np.stack(losses, axis=1)
    order = np.argsort(table.mean(axis=0))
    worst, best = table[:, order[-1]], table[:, order[0]]
    groups = None if case.groups is None else case.groups[test.rows]
    drawn = bootstrap(
        lambda weights: weights @ worst / (weights @ best) - 1, len(test.rows), resamples=400, groups=groups
    )
    low, high = drawn.interval()
    ends = float(drawn.value[0]), float(low[0]), float(high[0])
    return (Estimate(f"range[{len(losses)} seeds]", *ends, len(test.rows), "", False, "test"),)


def _table(found: Spread, test: Scored) -> Table:
    rows = [(f"fold {k + 1}", n, float(mean)) for k, (n, mean) in enumerate(zip(found.rows, found.means, strict=True))]
    if len(test.rows):
        rows.append(("test", len(test.rows), float(test.losses.mean())))
    return Table("Mean loss on rows that the network never saw", ("rows of", "rows", "mean loss"), tuple(rows))
