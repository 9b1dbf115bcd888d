"""Remedies that change what training learns from: how much rows of each group count, or how often they stand.

The sensitive columns are needed in training alone. Rows that decide when to stop stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vouch.challenges.fairness.groups import Codes, groupings
from vouch.challenges.fairness.judging import measure_of
from vouch.contracts.case import Case, Lesson, Strength
from vouch.contracts.recipe import Recipe

Floats = npt.NDArray[np.float64]

# The most promising first: where time is short, no others are tried.
_POWERS = (1.0, 0.5)
_CLOSED = (1.0, 0.5)
_MOST_REPEATS = 10
_STEPS, _RATE, _BOUND = 500, 0.2, 1.0
_LEAST = 0.05
_PENALTIES, _STEEP = (10.0, 3.0, 30.0), (1.0, 5.0)


def reweigh(case: Case, lesson: Lesson, power: Strength) -> Lesson:
    """Weigh rows so that group and target are independent of each other; a power below 1 goes part of the way.

    Source:
        Kamiran and Calders (2012), Data preprocessing techniques for classification without discrimination.
    """
    group, target = _cells(case, lesson)
    return _weighed(lesson, independent(group, target) ** float(power))


def balance(case: Case, lesson: Lesson, power: Strength) -> Lesson:
    """Draw as many training rows of each class as before, more of them from groups that are rare within it.

    Source:
        Idrissi and others (2022), Simple data balancing achieves competitive worst-group-accuracy.
    """
    group, target = _cells(case, lesson)
    rng = case.random("balance groups")
    parts = [
        balanced(lesson.train[target == one], group[target == one], float(power), rng) for one in np.unique(target)
    ]
    return replace(lesson, train=np.sort(np.concatenate(parts)))


def exponentiate(case: Case, lesson: Lesson, closed: Strength) -> Lesson:
    """Weigh rows of each group and class by what the constraint costs there, found by exponentiated gradients.

    The game of Agarwal and others has a learner that answers each step with a network of its own. Here the answers are
    those of the bundle's network with another threshold for each group, which need no training; one network is then
    trained with the mean of all multipliers, and no lot is drawn between networks.

    Source:
        Agarwal and others (2018), A reductions approach to fair classification.
    """
    train = np.unique(lesson.train)
    group, measure = groupings(case)[-1].code, measure_of(case)
    assert measure is not None, "a remedy without strengths is not tried"
    score = case.answered(replace(case.bundle, shifts=None), train)[:, 1]
    costs = group_costs(score, case.truth(train) == 1, group[train], measure.name, float(closed))
    own = lesson.train
    return _weighed(lesson, costs[group[own], (case.truth(own) == 1).astype(np.int64)])


def powers(case: Case) -> Sequence[Strength]:
    """Where there are groups, and one class or value for each row."""
    return _POWERS if groupings(case) and case.bundle.task.name != "multilabel" else ()


def closed_shares(case: Case) -> Sequence[Strength]:
    """Where one of two classes is decided for, by a criterion that compares how often."""
    measure = measure_of(case)
    suits = measure is not None and measure.name in _EVENTS and case.bundle.task.name == "binary"
    return _CLOSED if suits and groupings(case) else ()


def penalise(case: Case, recipe: Recipe, strength: Strength) -> Recipe:
    """Penalise the gap that the criterion is about: over all rows, or within each class."""
    measure = measure_of(case)
    within = measure is not None and _EVENTS.get(measure.name, ("all",)) != ("all",)
    return replace(recipe, fairness_penalty=float(strength), fairness_within=within)


def count_by_loss(case: Case, recipe: Recipe, strength: Strength) -> Recipe:
    """Let groups of high loss count more."""
    del case
    return replace(recipe, group_dro=float(strength))


def penalties(case: Case) -> Sequence[Strength]:
    """Where the network is shown a sensitive column, and the criterion compares mean answers."""
    measure, recipe = measure_of(case), case.bundle.recipe
    able = measure is not None and measure.name in (*_EVENTS, "mean_parity")
    free = not recipe.group_dro and not recipe.fairness_penalty
    return _PENALTIES if able and free and _shown(case) else ()


def steepness(case: Case) -> Sequence[Strength]:
    """Where the network is shown a sensitive column, and nothing else weighs losses."""
    recipe = case.bundle.recipe
    return _STEEP if not (recipe.group_dro or recipe.fairness_penalty or recipe.focal) and _shown(case) else ()


def _shown(case: Case) -> bool:
    return any(name in case.dataset.frame.columns for name in case.bundle.schema.sensitive)


def independent(group: Codes, target: Codes) -> Floats:
    """For each row the share that its group and target would have together if they were independent, over the one they
    have (n,).

    Example:
        >>> independent(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])).round(2).tolist()
        [0.75, 0.75, 1.5, 0.5]
    """
    table = np.zeros((group.max() + 1, target.max() + 1))
    np.add.at(table, (group, target), 1.0)
    expected = table.sum(axis=1)[group] * table.sum(axis=0)[target] / len(group)
    return expected / table[group, target]


def balanced(rows: Codes, group: Codes, power: float, rng: np.random.Generator) -> Codes:
    """As many rows as there are, drawn so that groups come nearer to equal shares; none stands more than ten times.

    Example:
        >>> found = balanced(np.arange(8), np.array([0] * 6 + [1] * 2), 1.0, np.random.default_rng(0))
        >>> len(found), int((found >= 6).sum())
        (8, 4)
    """
    sizes = np.bincount(group)
    present = np.flatnonzero(sizes)
    most, shares = _MOST_REPEATS * sizes[present], sizes[present] ** (1 - power)
    wanted, full = np.zeros(len(present)), np.zeros(len(present), bool)
    while not full.all() and (wanted.sum() < len(rows) - 0.5):
        # What a group cannot give without standing too often, the others give.
        wanted[~full] = (len(rows) - wanted[full].sum()) * shares[~full] / shares[~full].sum()
        full |= wanted >= most
        wanted = np.minimum(wanted, most)
    out = []
    for k, count in zip(present, np.round(wanted).astype(np.int64), strict=True):
        mine = rows[group == k]
        whole, rest = divmod(int(count), len(mine))
        out += [np.repeat(mine, whole), rng.permutation(mine)[:rest]]
    return np.concatenate(out).astype(np.int64)


# Which rows a criterion compares: all, those of the class, those that are not.
_EVENTS = {"demographic_parity": ("all",), "equal_opportunity": ("of it",), "equalized_odds": ("of it", "not of it")}


def group_costs(
    score: Floats, actual: npt.NDArray[np.bool_], group: Codes, criterion: str, closed: float
) -> Floats:  # fmt: skip
    """How much rows of each group count when they are not of the class, and when they are (G, 2).

    Args:
        score: probability of the class (n,).
        actual: whether a row is of it (n,).
        group: of each row (n,).
        criterion: how often which rows are called the class is compared.
        closed: the share of the gap at one half that is to be closed.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> group = np.repeat([0, 1], 2000)
        >>> score = np.clip(rng.uniform(size=4000) - 0.2 * group, 0.01, 0.99)
        >>> found = group_costs(score, rng.uniform(size=4000) < score, group, "demographic_parity", 1.0)
        >>> bool(found[1, 1] > 1 > found[0, 1])
        True
    """
    events = np.stack([{"all": np.ones_like(actual), "of it": actual, "not of it": ~actual}[one]
                       for one in _EVENTS[criterion]], axis=1)  # fmt: skip
    inside = group[:, None] == np.arange(group.max() + 1)
    sizes = np.maximum(inside.T.astype(float) @ events, 1.0)
    share = sizes / events.sum(axis=0)

    def apart(called: npt.NDArray[np.bool_]) -> Floats:
        """How much more often than all rows each group is called the class, for each event (G, E)."""
        rates = (inside.T.astype(float) @ (events & called[:, None])) / sizes
        return rates - (share * rates).sum(axis=0)

    left = (1 - closed) * np.abs(apart(score > 0.5)).max()
    theta, total = np.zeros((2, *sizes.shape)), np.zeros_like(sizes)
    for _ in range(_STEPS):
        grown = np.exp(theta)
        over, under = _BOUND * grown / (1 + grown.sum())
        multipliers = over - under
        total += multipliers
        added = _added(multipliers, share, len(score), events.sum(axis=0))
        called = _best_answer(score, added[group], _EVENTS[criterion])
        gap = apart(called)
        theta += _RATE * np.stack([gap - left, -gap - left])
    added = _added(total / _STEPS, share, len(score), events.sum(axis=0))
    when_not, when_it = _by_class(added, _EVENTS[criterion])
    return np.maximum(np.stack([1 + when_not, 1 - when_it], axis=1), _LEAST)


def _added(multipliers: Floats, share: Floats, rows: int, counted: npt.NDArray[np.int64]) -> Floats:
    """What calling a row the class costs beyond its error, for each group and event (G, E)."""
    return rows / counted * (multipliers / share - multipliers.sum(axis=0))


def _by_class(added: Floats, events: Sequence[str]) -> tuple[Floats, Floats]:
    """The same for rows that are not of the class, and for those that are."""
    zero = np.zeros(len(added))
    when_not = sum((added[:, k] for k, one in enumerate(events) if one != "of it"), zero)
    when_it = sum((added[:, k] for k, one in enumerate(events) if one != "not of it"), zero)
    return when_not, when_it


def _best_answer(score: Floats, added: Floats, events: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which rows are best called the class, by what is expected of them."""
    when_not, when_it = _by_class(added, events)
    return score * (1 - when_it) > (1 - score) * (1 + when_not)


def _cells(case: Case, lesson: Lesson) -> tuple[Codes, Codes]:
    """The group and the class of each training row; of a quantity the quarter that it lies in."""
    group, truth = groupings(case)[-1].code[lesson.train], case.truth(lesson.train)
    if truth.dtype.kind == "f":
        truth = np.searchsorted(np.quantile(truth, [0.25, 0.5, 0.75]), truth)
    return group, np.maximum(truth, 0).astype(np.int64)


def _weighed(lesson: Lesson, factors: Floats) -> Lesson:
    """Weights of the training rows times some factors (n,); the mean weight stays what it was."""
    weights = np.ones(lesson.dataset.frame.height) if lesson.weights is None else lesson.weights.copy()
    before = weights[lesson.train].mean()
    weights[lesson.train] *= factors
    weights[lesson.train] *= before / max(weights[lesson.train].mean(), 1e-12)
    return replace(lesson, weights=weights)
