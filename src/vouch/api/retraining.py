"""A remedy that trains anew: the treated network, and what it says of the sealed rows beside the network as it was."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vouch.api.affording import FEWEST_SEEDS, affordable
from vouch.api.casing import Floats, LiveCase, taught_by
from vouch.api.measuring import measure, predicted, remeasured, truth_of
from vouch.api.predicting import Bundle, as_bundle
from vouch.api.preparing import Ready, fingerprint_of
from vouch.auditing.proving import Pair
from vouch.challenges.calibration.treat import as_before
from vouch.contracts.bundle import BundleValue
from vouch.contracts.case import BudgetSpent, Lesson
from vouch.errors import UsageError
from vouch.statistics.recalibration import fit_calibrator, recalibrate


def retrained(
    case: LiveCase, given: BundleValue, lesson: Lesson, seeds: tuple[int, ...], remedy: str
) -> tuple[Bundle, Pair]:
    """Train a changed lesson, and both lessons with further seeds.

    Where the bundle that is treated was recalibrated, every network is, in the same way and on its own validation rows:
    a proof about networks that nobody uses would prove nothing.

    Args:
        case: of the bundle's network without calibrator and sets.
        given: the bundle as it is used, with them.
        lesson: after the remedy.
        seeds: of the proof; the first pair is the bundle's own network and the treated one that is kept.
        remedy: its name, for the reader.

    Returns:
        The treated bundle, and its answers on the sealed rows beside those of the given one, for each seed.

    Raises:
        UsageError: there was time for fewer than three seeds.
    """
    plain, test = case.lesson, case.split.test
    # A calibrator is learned from the validation rows, so that they are predicted as well.
    rows = test if given.calibrator is None else np.concatenate([case.split.valid, test])
    started = time.perf_counter()
    case.budget.spend(case.share_of(lesson))
    ready, history = case.learned(lesson)
    seconds = {"train": time.perf_counter() - started}
    before = [case.answered(given, test)]
    after = [_recalibrated(case, given, lesson, predicted(ready, rows))]
    try:
        proving = affordable(case, seeds, plain, lesson)
        for number, seed in enumerate(proving[1:], 2):
            case.means.progress("proving", seed=number, of=len(proving))
            one, other = (_seeded(some, seed) for some in (plain, lesson))
            pair = case.retrain(one, rows), case.retrain(other, rows)
            before.append(_recalibrated(case, given, plain, pair[0]))
            after.append(_recalibrated(case, given, lesson, pair[1]))
    except BudgetSpent as spent:
        if len(before) < FEWEST_SEEDS:
            raise UsageError(
                "the time was over before the proof", expected=f"{FEWEST_SEEDS} seeds",
                received=f"{len(before)}, with {remedy}", next_step="Give more, such as --budget 30m.",
            ) from spent  # fmt: skip
    truth = truth_of(case.bundle, case.dataset, test, "test")
    return _as_bundle(case, given, ready, (history, seconds), lesson), Pair(truth, before, after)


def _recalibrated(case: LiveCase, given: BundleValue, lesson: Lesson, decoded: Floats) -> Floats:
    """What is said of the sealed rows, by what is said of the validation rows, if those come first."""
    if given.calibrator is None:
        return decoded
    valid = case.split.valid
    made = fit_calibrator(
        given.calibrator.method, decoded[: len(valid)], case.truth(valid), lesson.recipe.label_smoothing
    )  # fmt: skip
    return recalibrate(made, decoded[len(valid) :])


def _as_bundle(
    case: LiveCase, given: BundleValue, ready: Ready, trained: tuple[Sequence[Any], dict[str, float]], lesson: Lesson
) -> Bundle:
    """A bundle of the network that was trained with the remedy, measured like any other."""
    history, seconds = trained
    # As the data will be read again under the lesson's schema, which may see fewer columns.
    unseen = [column.name for column in lesson.schema.columns if column.role == "ignored"]
    dataset = replace(case.dataset, frame=case.dataset.frame.drop(unseen, strict=False))
    split = replace(case.split, train=lesson.train, valid=lesson.valid)
    ready = replace(ready, split=split, fingerprint=fingerprint_of(dataset), asked=case.bundle.run.asked)
    fresh = measure(ready, history, seconds)
    done = as_bundle(
        replace(
            fresh, taught=taught_by(lesson, dataset), treatments=case.bundle.treatments,
            run=replace(fresh.run, source=case.bundle.run.source),
        )
    )  # fmt: skip
    if given.calibrator is None and given.conformal is None:
        return done
    own = replace(case, bundle=done, dataset=dataset, means=replace(case.means, memo={}))
    again = as_before(own, done, given)
    return remeasured(again, dataset, [block.encoded for block in own.blocks], own.answered(again, split.test))


def _seeded(lesson: Lesson, seed: int) -> Lesson:
    return replace(lesson, recipe=replace(lesson.recipe, seed=seed))
