"""Whether explanations stay what they are: with other draws, and when what matters least in the row is exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from vouch.challenges.black_box.attributed import Floats, asked, attributed, best
from vouch.challenges.black_box.likeness import FEWEST, unranked
from vouch.challenges.judging import judge, too_few
from vouch.contracts.case import Case
from vouch.contracts.explaining import Attribution, Explainer, Question
from vouch.contracts.finding import Check, Estimate, Table, Threshold
from vouch.explainers import ALL
from vouch.explainers.faithfulness import rank_correlation
from vouch.explainers.game import owner_of_values
from vouch.statistics.simultaneous import several_means
from vouch.wording import number

STABLE = Threshold(
    "stability", warn=0.5, fail=0.3, higher_is_worse=False,
    why="1 is the same order of parts each time; below 0.3 a reader who asks twice is given two stories",
)  # fmt: skip
_FEWEST_PARTS = 4
# Before two orders are compared, parts that bring next to nothing are left out: their order is no story.
_NEXT_TO_NOTHING = 0.02


def stable_explanations(case: Case, methods: Sequence[Explainer] = ALL) -> Check:
    """Is the same told of a row when it is asked again, and of a row that differs in what matters least?

    The method is the one that was best on validation rows. It is asked again with other random draws, and of the row in
    which the part of the smallest contribution is exchanged for what stands in for it. The figure is the lower of both
    rank correlations of the sizes of contributions (Alvarez-Melis and Jaakkola, 2018, on why this must hold), the mean
    over sealed rows; parts that bring less than 2 % of the largest contribution each time are left out.

    Promises to find: contributions of which four fifths are drawn at random, on 60 sealed rows of columns or 24 others.
    """
    name = "stable_explanations"
    some = asked(case, "test")
    ranked = some.parts >= _FEWEST_PARTS
    if (nothing := unranked(case, name, ranked)) is not None:
        return nothing
    chosen = best(case, methods)
    before = attributed(case, "test", chosen).found
    rng = case.random("exchanged")
    exchanged = [without_least(q, one, rng) for q, one in zip(some.questions, before, strict=True)]
    again = [replace(question, seed=question.seed + 1) for question in some.questions]
    likes = np.stack([_likeness(before, _answers(chosen, other)) for other in (again, exchanged)], axis=1)
    known = ~np.isnan(likes) & ranked[:, None]
    if known.sum(axis=0).min() < FEWEST:
        return too_few(name, int(known.sum(axis=0).min()), "rows whose answers rest on several parts", FEWEST)
    found = several_means(np.nan_to_num(likes), known, some.together(case))
    value, low, high = found.smallest()
    estimate = Estimate(f"{STABLE.name}[{chosen.name}]", value, low, high, int(known.sum(axis=0).min()), method="t")
    threshold = case.threshold(STABLE, name)
    judged = judge(estimate, threshold)
    headline = (
        f"Asked again, '{chosen.name}' ranks the parts of a row alike by {number(float(found.value[0]))}, and with the "
        f"least of them exchanged by {number(float(found.value[1]))}, where 1 is the same order."
    )
    heads = ("asked again", "likeness of ranks", "from", "to")
    told = ("with other random draws", "with the least part exchanged")
    cells = tuple(
        (what, *(round(float(x[k]), 3) for x in (found.value, found.low, found.high))) for k, what in enumerate(told)
    )
    tables = (Table("What stays the same", heads, cells),)
    return Check(name, judged.verdict, headline, judged.reason, (estimate,), threshold, tables=tables)


def without_least(question: Question, found: Attribution, rng: np.random.Generator) -> Question:
    """The same question about rows in which the part of the smallest contribution is exchanged.

    Args:
        question: about rows of the same parts.
        found: what a method says to it.
        rng: draws the row that stands in, where a part leaves no blank.

    Returns:
        A question about as many rows; all other parts are as they were.
    """
    inputs = [x.clone() for x in question.inputs]
    owners = owner_of_values(question)
    for row, part in enumerate(np.abs(found.values).argmin(axis=1)):
        other = int(rng.integers(len(question.others[0])))
        for block, (some, others) in enumerate(zip(question.parts, question.others, strict=True)):
            behind = others[other] if some.blank is None else some.blank
            inputs[block][row] = torch.where(owners[block] == int(part), behind, inputs[block][row])
    return replace(question, inputs=tuple(inputs))


def _answers(method: Explainer, questions: Sequence[Question]) -> list[Attribution]:
    return [method.attribute(question) for question in questions]


def _likeness(before: Sequence[Attribution], after: Sequence[Attribution]) -> Floats:
    """How alike the ranks are, of each row (n,); NaN where fewer than two parts bring anything."""
    pairs = [
        pair for one, other in zip(before, after, strict=True) for pair in zip(one.values, other.values, strict=True)
    ]
    return np.array([_of_row(*pair) for pair in pairs])


def _of_row(one: Floats, other: Floats) -> float:
    least = _NEXT_TO_NOTHING * max(np.abs(one).max(), np.abs(other).max())
    counted = (np.abs(one) > least) | (np.abs(other) > least)
    if counted.sum() < 2:
        return float("nan")
    return float(rank_correlation(one[None, counted], other[None, counted])[0])
