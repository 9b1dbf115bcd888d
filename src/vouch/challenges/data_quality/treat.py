"""What may be done about poor data: rows left out, weighed or repeated, columns left out, and two changes of the loss.

Training rows alone are treated; those that decide when to stop, and the sealed ones, stay as they are. Nothing on disk
changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from vouch.challenges.data_quality.duplicates import copies_of
from vouch.challenges.data_quality.labelling import DOWNWEIGHT, PRUNE, RELABEL
from vouch.challenges.data_quality.leaks import leaking
from vouch.challenges.data_quality.looking import Floats, Rows
from vouch.challenges.data_quality.overlap import near_pairs
from vouch.contracts.case import Case, Lesson, Remedy, Strength
from vouch.contracts.recipe import Recipe

_UNLIKE = 1.5
_MOST_REPEATS = 50
EXACT, NEAR = "exact", "near"


def drop_repeated_rows(case: Case, lesson: Lesson, strength: Strength) -> Lesson:
    """Keep the first of equal training rows, and of nearly equal ones if asked."""
    return replace(lesson, train=lesson.train[~repeated(case, lesson.train, near=strength == NEAR)])


def drop_leaks(case: Case, lesson: Lesson, strength: Strength) -> Lesson:
    """Make the network blind to the columns that alone tell the target."""
    del strength
    names = leaking(case)
    columns = tuple(
        replace(c, role="ignored", why="left out as a leak") if c.name in names else c for c in lesson.schema.columns
    )
    return replace(lesson, schema=replace(lesson.schema, columns=columns))


def weigh(case: Case, lesson: Lesson, strength: Strength) -> Lesson:
    """Weigh each training row by the inverse frequency of its class to a power; the mean weight stays what it was."""
    factors = inverse_frequency(case.truth(lesson.train), float(strength))
    weights = np.ones(lesson.dataset.frame.height) if lesson.weights is None else lesson.weights.copy()
    before = weights[lesson.train].mean()
    weights[lesson.train] *= factors
    weights[lesson.train] *= before / max(weights[lesson.train].mean(), 1e-12)
    return replace(lesson, weights=weights)


def oversample(case: Case, lesson: Lesson, strength: Strength) -> Lesson:
    """Repeat training rows of rare classes, drawn evenly, towards the size of the largest class."""
    train = lesson.train
    return replace(lesson, train=repeats(train, case.truth(train), float(strength), case.random("oversample")))


def repeated(case: Case, train: Rows, *, near: bool) -> np.ndarray:
    """Which training rows repeat an earlier training row (n,), exactly or nearly."""
    group = copies_of(case, target=True)
    known, out = set(), np.zeros(len(train), dtype=bool)
    if group.beyond_chance:
        for at, code in enumerate(group.group[train].tolist()):
            out[at] = code in known
            known.add(code)
    if near:
        pairs = near_pairs(case)
        both = np.isin(pairs.first, train) & np.isin(pairs.second, train)
        # A chain of near copies keeps its first row alone, since every later one is the second of some pair.
        out |= np.isin(train, pairs.second[both])
    return out


def inverse_frequency(codes: Rows, power: float) -> Floats:
    """Weights of mean 1: the inverse share of each row's class to a power (n,).

    Example:
        >>> inverse_frequency(np.array([0, 0, 0, 1]), 1.0).round(2).tolist()
        [0.67, 0.67, 0.67, 2.0]
    """
    sizes = np.bincount(np.maximum(codes, 0))
    weights = (len(codes) / sizes[np.maximum(codes, 0)].astype(np.float64)) ** power
    return weights / weights.mean()


def repeats(train: Rows, codes: Rows, power: float, rng: np.random.Generator) -> Rows:
    """Training rows with those of rare classes repeated: a class of share s stands (largest / s) to a power times.

    Example:
        >>> rows, codes = np.arange(4), np.array([0, 0, 0, 1])
        >>> repeats(rows, codes, 1.0, np.random.default_rng(0)).tolist()
        [0, 1, 2, 3, 3, 3]
    """
    sizes = np.bincount(np.maximum(codes, 0))
    more = []
    for k in np.flatnonzero(sizes):
        mine = train[codes == k]
        times = min((sizes.max() / sizes[k]) ** power, _MOST_REPEATS)
        whole, rest = divmod(round(times * len(mine)), max(len(mine), 1))
        more += [np.repeat(mine, max(whole, 1)), rng.permutation(mine)[: rest if whole else 0]]
    return np.sort(np.concatenate(more)).astype(np.int64)


def _set(key: str) -> Callable[[Case, Recipe, Strength], Recipe]:
    """A treatment that sets one key of the recipe."""

    def treat(case: Case, recipe: Recipe, strength: Strength) -> Recipe:
        del case
        return replace(recipe, **{key: strength})

    return treat


def _copies(case: Case) -> Sequence[Strength]:
    exact = bool(repeated(case, case.lesson.train, near=False).any())
    nearly = int(repeated(case, case.lesson.train, near=True).sum()) > 0
    return (*((EXACT,) if exact else ()), *((NEAR,) if nearly and len(near_pairs(case).first) else ()))


def _leaks(case: Case) -> Sequence[Strength]:
    names = leaking(case)
    return ("all",) if names and len(names) < len(case.lesson.schema.features) else ()


def _classes(case: Case, strengths: Sequence[Strength], least: float = 1.0) -> Sequence[Strength]:
    if case.bundle.task.name not in ("binary", "multiclass"):
        return ()
    codes = case.truth(case.lesson.train)
    sizes = np.bincount(codes[codes >= 0], minlength=len(case.bundle.task.classes))
    sizes = sizes[sizes > 0]
    return tuple(strengths) if len(sizes) > 1 and sizes.max() >= least * sizes.min() else ()


def _unlike(case: Case) -> Sequence[Strength]:
    return _classes(case, (0.5, 1.0), _UNLIKE)


DROP_DUPLICATES = Remedy(
    "drop_duplicates", "Training rows that repeat another are learned from once.", "lesson", _copies, drop_repeated_rows
)
DROP_LEAKS = Remedy(
    "drop_leaking_columns",
    "The network no longer sees columns that alone tell the target.",
    "lesson",
    _leaks,
    drop_leaks,
    outright=True,
)
WEIGH_CLASSES = Remedy(
    "weigh_classes", "Rows of rare classes count more, by their inverse frequency to a power.", "lesson", _unlike, weigh
)
OVERSAMPLE = Remedy(
    "oversample_rare_classes", "Rows of rare classes are learned from several times.", "lesson", _unlike, oversample
)
ADJUST_LOGITS = Remedy(
    "adjust_logits", "The loss allows for how frequent each class is (Menon et al., 2021).", "recipe", _unlike,
    _set("logit_adjustment"),
)  # fmt: skip
FOCUS = Remedy(
    "focus_on_hard_rows", "Rows that are already right count less in the loss (Lin et al., 2017).", "recipe",
    lambda case: _classes(case, (1.0, 2.0)), _set("focal"),
)  # fmt: skip

REMEDIES: tuple[Remedy[Lesson] | Remedy[Recipe], ...] = (
    RELABEL, PRUNE, DOWNWEIGHT, DROP_DUPLICATES, DROP_LEAKS, WEIGH_CLASSES, OVERSAMPLE, ADJUST_LOGITS, FOCUS,
)  # fmt: skip
