"""Whether an explanation knows the target: it must change when a network learns from the same rows without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vouch.challenges.black_box.attributed import asked, attributed, suitable
from vouch.challenges.black_box.likeness import FEWEST_PARTS, compared, unranked
from vouch.challenges.judging import judge, not_asked
from vouch.contracts.case import BudgetSpent, Case, Lesson
from vouch.contracts.explaining import Attribution, Explainer
from vouch.contracts.finding import Check, Table, Threshold
from vouch.explainers import ALL
from vouch.wording import number

Rows = npt.NDArray[np.int64]

TAUGHT = Threshold(
    "likeness_to_untaught", warn=0.7, fail=0.9,
    why="1 is an explanation that has nothing to do with the target; on a table, photos and texts, methods were alike "
    "by .5 at most where nothing was taught of it (the plain gradient by .8), and by .4 to .9 where half the rows were",
)  # fmt: skip
# Shares of the rows that are learned from, as far as the time goes; as many trainings are spent.
_SHARES = (1 / 2, 1 / 4, 1 / 8)
# Answers that move by less, out of how far those of the network move, are all alike.
_STILL = 1e-3


def knows_the_target(case: Case, methods: Sequence[Explainer] = ALL) -> Check:
    """Does the explanation change when a network learns from the same rows, but with permuted targets?

    An explanation that stays the same tells of the rows, or of how the network is built, and not of what the target has
    to do with them (the data randomisation test of Adebayo and others, 2018). A network of the same recipe learns half
    of the training rows by heart, a quarter or an eighth where there is time for no more, after their targets were
    permuted. The figure is Spearman's correlation of the sizes of contributions to both networks, the mean over sealed
    rows. It is of the method that was best on validation rows; the others stand beside it.

    Promises to find: an explanation that looks at the row alone, on 60 sealed rows of columns or 24 others.
    """
    name = "knows_the_target"
    some = asked(case, "test")
    ranked = some.parts >= FEWEST_PARTS
    if (nothing := unranked(case, name, ranked)) is not None:
        return nothing
    fit, lesson = suitable(case, methods), _by_heart(case)
    after = case.attributions(lesson, fit, some.questions)
    own, other = (_spread(one) for one in (attributed(case, "test", fit[0]).found, after[0]))
    if other <= _STILL * own:
        return not_asked(name, "a network that learns from permuted targets answers all rows alike")
    likeness = compared(case, fit, after, ranked)
    estimate, threshold = likeness.estimate(TAUGHT.name), case.threshold(TAUGHT, name)
    judged = judge(estimate, threshold)
    headline = (
        f"A network that learned from permuted targets ranks the contributions of '{likeness.chosen.name}' alike by "
        f"{number(estimate.value)} on {estimate.n} sealed rows, where 1 tells nothing of the target."
    )
    tables = (
        likeness.table("Likeness of ranks to those without the target", threshold, "blind to the target"),
        Table(
            "What was learned from permuted targets",
            ("rows", "epochs", "standard deviation of answers", "of the network itself"),
            ((len(lesson.train), lesson.recipe.epochs, round(other, 4), round(own, 4)),),
        ),
    )
    return Check(name, judged.verdict, headline, judged.reason, (estimate,), threshold, tables=tables)


def permuted(lesson: Lesson, rows: Rows, rng: np.random.Generator) -> Lesson:
    """The same lesson in which some rows have exchanged their targets at random.

    Args:
        lesson: stays as it is.
        rows: their numbers (n,), each once.
        rng: draws who has whose.

    Source:
        Adebayo and others, Sanity checks for saliency maps (2018), the data randomisation test.
    """
    frame, name = lesson.dataset.frame, lesson.schema.target.name
    whose = np.arange(frame.height)
    whose[rows] = rng.permutation(rows)
    return replace(lesson, dataset=replace(lesson.dataset, frame=frame.with_columns(frame[name][whose])))


def _by_heart(case: Case) -> Lesson:
    """Some of the training rows with permuted targets, for as many epochs as the network itself took.

    Validation rows would stop at once what cannot be foretold, and keep a network that answers all rows alike. So the
    rows that are learned decide which weights are kept: those that know them best. The weights begin elsewhere than
    those of the bundle's network, so that what both owe to their beginning is not counted.

    Raises:
        BudgetSpent: there is no time for the smallest share.
    """
    share = next((share for share in _SHARES if case.budget.fits(share)), None)
    if share is None:
        raise BudgetSpent(f"no time for a fit with permuted targets: {_SHARES[-1]:.2f} of a training")
    lesson, rng = case.lesson, case.random("labels")
    train = np.unique(lesson.train)
    rows = np.sort(rng.permutation(train)[: max(int(share * len(train)), 1)])
    recipe = replace(
        lesson.recipe, seed=int(rng.integers(2**31)), epochs=max(len(case.bundle.run.history), 1), patience=0,
        networks=1, folds=0,
    )  # fmt: skip
    return replace(permuted(lesson, rows, rng), recipe=recipe, train=rows, valid=rows)


def _spread(found: Sequence[Attribution]) -> float:
    """Standard deviation of the answers that were explained."""
    return float(np.concatenate([one.answers for one in found]).std())
