"""The rows on which remedies are compared before the sealed rows are looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vouch.api.casing import LiveCase
from vouch.auditing.search import Ground
from vouch.data.split import folds, part_of

_FEW_ROWS, _FOLDS, _FEW_FOLDS = 2_000, 3, 2
_LARGEST_SHARE, _ENOUGH_ROWS = 0.25, 2_000
_FOLDS_OF_BUNDLE = 5


def ground_of_training(case: LiveCase, rng: np.random.Generator) -> Ground:
    """For remedies that train anew: rows that no training has stopped on, for those are blind to what stopped it.

    Many rows: a part of the training rows is put aside for every candidate. Few rows: all that are not sealed, in
    folds, each with validation rows of its own.
    """
    lesson = case.lesson
    rows = np.union1d(lesson.train, lesson.valid)
    if len(rows) > _FEW_ROWS:
        share = min(_LARGEST_SHARE, _ENOUGH_ROWS / len(lesson.train))
        held = part_of(case.dataset, lesson.schema, np.unique(lesson.train), share, rng)
        return Ground((replace(lesson, train=lesson.train[~np.isin(lesson.train, held)]),), (held,))
    return _in_folds(case, rows, _FOLDS, rng)


def ground_of_folds(case: LiveCase, rng: np.random.Generator) -> Ground:
    """For both kinds together: all rows that are not sealed, in folds, however many there are.

    What differs between groups shows on a few rows of each alone, so that every row is needed to choose by. Two folds
    cost about one training.
    """
    rows = np.union1d(case.lesson.train, case.lesson.valid)
    return _in_folds(case, rows, _FOLDS if len(rows) <= _FEW_ROWS else _FEW_FOLDS, rng)


def ground_of_bundle(case: LiveCase, rng: np.random.Generator, rows: npt.NDArray[np.int64] | None = None) -> Ground:
    """For remedies that change a trained bundle: rows dealt into folds; what belongs together stays so.

    Args:
        case: of the bundle.
        rng: deals them.
        rows: of which it is known what networks that never saw them say; validation rows when not given.
    """
    rows, lesson = case.split.valid if rows is None else rows, case.lesson
    fold = folds(case.dataset, lesson.schema, rows, min(_FOLDS_OF_BUNDLE, len(rows)), rng)
    held = tuple(np.sort(rows[fold == number]) for number in np.unique(fold))
    return Ground(tuple(replace(lesson, valid=np.setdiff1d(rows, part)) for part in held), held)


def _in_folds(case: LiveCase, rows: npt.NDArray[np.int64], count: int, rng: np.random.Generator) -> Ground:
    """Some rows in folds, each held out of a lesson with validation rows of its own."""
    lesson = case.lesson
    fold = folds(case.dataset, lesson.schema, rows, count, rng)
    lessons, held = [], []
    for number in range(count):
        learn = rows[fold != number]
        valid = part_of(case.dataset, lesson.schema, learn, lesson.recipe.valid_fraction, rng)
        lessons.append(replace(lesson, train=np.setdiff1d(learn, valid), valid=valid))
        held.append(rows[fold == number])
    return Ground(tuple(lessons), tuple(held))
