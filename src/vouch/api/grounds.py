"""The rows on which remedies are compared before the sealed rows are looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vouch.api.casing import LiveCase
from vouch.auditing.search import Ground
from vouch.data.split import folds, part_of

_FEW_ROWS, _FOLDS = 2_000, 3
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
    fold = folds(case.dataset, lesson.schema, rows, _FOLDS, rng)
    lessons, held = [], []
    for number in range(_FOLDS):
        learn = rows[fold != number]
        valid = part_of(case.dataset, lesson.schema, learn, lesson.recipe.valid_fraction, rng)
        lessons.append(replace(lesson, train=np.setdiff1d(learn, valid), valid=valid))
        held.append(rows[fold == number])
    return Ground(tuple(lessons), tuple(held))


def ground_of_bundle(case: LiveCase, rng: np.random.Generator) -> Ground:
    """For remedies that change a trained bundle: validation rows, dealt into folds; what belongs together stays so."""
    valid, lesson = case.split.valid, case.lesson
    fold = folds(case.dataset, lesson.schema, valid, min(_FOLDS_OF_BUNDLE, len(valid)), rng)
    held = tuple(np.sort(valid[fold == number]) for number in np.unique(fold))
    return Ground(tuple(replace(lesson, valid=np.setdiff1d(valid, part)) for part in held), held)
