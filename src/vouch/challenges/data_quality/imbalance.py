"""Imbalance: classes that are so rare that the network neglects them."""

from __future__ import annotations

import numpy as np

from vouch.challenges.data_quality.looking import Floats, not_asked, table, too_few
from vouch.challenges.judging import Judgement, judge
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Estimate, Threshold
from vouch.statistics.intervals import wilson
from vouch.wording import clean, number

GAP = Threshold("recall_gap", 0.2, 0.5, why="a rare class that is found so much less often is neglected")
_RATIO = 2.0
_FEWEST_SEALED = 10


def imbalance(case: Case) -> Check:
    """How unlike the classes are in number, and how much less often the rarest is found than the most frequent.

    Where the most frequent class has less than twice the rows of the rarest there is nothing to find. It promises to
    find, with power .9, a recall that is .5 lower, where each of both classes has 50 sealed rows.
    """
    task = case.bundle.task
    if task.name not in ("binary", "multiclass"):
        return not_asked("imbalance", "The target has no classes that exclude one another.")
    if few := too_few(case, "imbalance"):
        return few
    truth = case.truth(np.arange(case.dataset.frame.height))
    rows = np.bincount(truth[truth >= 0], minlength=len(task.classes))
    train = case.truth(case.split.train)
    learned = np.bincount(train[train >= 0], minlength=len(task.classes))
    rare, most = int(np.argmin(rows)), int(np.argmax(rows))
    scored = case.scored("test")
    said = scored.decoded.argmax(axis=1)
    sealed = np.array([int((scored.truth == k).sum()) for k in range(len(task.classes))])
    right = np.array([int(((scored.truth == k) & (said == k)).sum()) for k in range(len(task.classes))])
    ratio = rows[most] / max(rows[rare], 1)
    gap = recall_gap(right[[most, rare]].astype(float), sealed[[most, rare]].astype(float))
    low, high = wilson(right[rare], sealed[rare])
    recall = Estimate(
        f"recall[{clean(task.classes[rare])}]", right[rare] / max(sealed[rare], 1), *_ends(low, high),
        int(sealed[rare]), method="wilson",
    )  # fmt: skip
    threshold = case.threshold(GAP, "imbalance")
    verdict = judge(gap, threshold)
    if ratio < _RATIO:
        verdict = Judgement("pass", "the classes are about as frequent")
    elif sealed[rare] < _FEWEST_SEALED:
        verdict = Judgement("inconclusive", f"the rarest class has {sealed[rare]} sealed rows, too few to tell")
    headline = (
        f"'{clean(task.classes[most], 40)}' has {number(ratio)} times the rows of '{clean(task.classes[rare], 40)}', "
        f"of which the network finds {number(100 * recall.value)} %, "
        f"against {number(100 * (recall.value + gap.value))} %."
    )
    if ratio < _RATIO:
        headline = (
            f"The most frequent class has {number(ratio)} times the rows of the rarest, of {int(rows.sum()):,} in all."
        )
    order = np.argsort(rows, kind="stable")
    shown = [
        (clean(task.classes[k], 60), int(rows[k]), round(float(rows[k] / rows.sum()), 4), int(learned[k]),
         round(float(right[k] / sealed[k]), 4) if sealed[k] else None)
        for k in order.tolist()
    ]  # fmt: skip
    heads = ("class", "rows", "share", "training rows", "recall on sealed rows")
    return Check(
        "imbalance", verdict.verdict, headline, verdict.reason, (gap, recall), threshold,
        tables=(table("Classes, rarest first", heads, shown),),
    )  # fmt: skip


def recall_gap(right: Floats, rows: Floats) -> Estimate:
    """How much lower the second recall is than the first, with Newcombe's interval (1998).

    Args:
        right: rows of each class that were found (2,).
        rows: rows of each class (2,).

    Returns:
        The difference; between -1 and 1 where a class has no row.

    Example:
        >>> recall_gap(np.array([90.0, 40.0]), np.array([100.0, 100.0])).value
        0.5
    """
    n = int(rows.sum())
    if not rows.all():
        return Estimate("recall_gap", 0.0, -1.0, 1.0, n, "", False, "test", "newcombe")
    (la, lb), (ha, hb) = wilson(right, rows)
    p, q = (right / rows).tolist()
    low = p - q - float(np.hypot(p - la, hb - q))
    high = p - q + float(np.hypot(ha - p, q - lb))
    return Estimate("recall_gap", p - q, low, high, n, "", False, "test", "newcombe")


def _ends(low: Floats, high: Floats) -> tuple[float, float]:
    """An interval as numbers; all of it where nothing is known."""
    return (float(low), float(high)) if np.isfinite(low) else (0.0, 1.0)
