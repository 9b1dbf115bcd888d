"""Remedies for probabilities that promise too much or too little, and sets that say how sure a prediction is.

All of them leave the network as it is and are fitted on validation rows. A calibrator is learned from what the network
says by itself, so that it takes the place of another one. Sets are made for the probabilities that the bundle will
report; where validation rows have already taught the calibrator, each of them is judged by one that never saw it, since
sets made on its own lessons would cover too little. Label smoothing, which makes a network say less than it knows, is
taken out before anything is learned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vouch.challenges.calibration.parts import REGRESSION
from vouch.challenges.judging import FEWEST_ROWS, together_of
from vouch.contracts.bundle import BundleValue
from vouch.contracts.case import Case, Remedy, Scored, Strength
from vouch.statistics.conformal import COVERAGE, OVERALL, fewest_rows, fit_conformal
from vouch.statistics.recalibration import Floats, cross_validated, deal, fit_calibrator
from vouch.wording import count

_FOLDS = 5
# The more a calibrator may bend, the more rows it needs: isotonic regression is behind simpler ones below a thousand
# (Niculescu-Mizil and Caruana, "Predicting Good Probabilities With Supervised Learning", 2005).
_SOME, _MANY = 300, 1_000


def _calibrate(method: str) -> Callable[[Case, BundleValue, Strength], BundleValue]:
    def treat(case: Case, bundle: BundleValue, _: Strength) -> BundleValue:
        valid = case.scored("valid")
        decoded = _by_itself(case, bundle, valid)
        calibrator = fit_calibrator(method, decoded, valid.truth, bundle.recipe.label_smoothing)
        treated = replace(bundle, calibrator=calibrator)
        if (sets := bundle.conformal) is None:
            return treated
        return _wrap(by_class=sets.method != OVERALL)(case, treated, sets.coverage)

    return treat


def _wrap(*, by_class: bool) -> Callable[[Case, BundleValue, Strength], BundleValue]:
    def treat(case: Case, bundle: BundleValue, coverage: Strength) -> BundleValue:
        decoded, truth = _unseen(case, bundle), case.scored("valid").truth
        made = fit_conformal(decoded, truth, bundle.task.name, float(coverage), by_class=by_class)
        return replace(bundle, conformal=made)

    return treat


def as_before(case: Case, bundle: BundleValue, before: BundleValue) -> BundleValue:
    """A bundle whose network is new, recalibrated and with sets as the one before: fitted anew, in the same way.

    Args:
        case: of the new bundle.
        bundle: as its network speaks by itself.
        before: which had a calibrator, or sets, or neither.
    """
    if before.calibrator is not None:
        bundle = _calibrate(before.calibrator.method)(case, bundle, "")
    if before.conformal is not None:
        bundle = _wrap(by_class=before.conformal.method != OVERALL)(case, bundle, before.conformal.coverage)
    return bundle


def _unseen(case: Case, bundle: BundleValue) -> Floats:
    """What the bundle says of validation rows, each by a calibrator that it did not teach."""
    valid = case.scored("valid")
    decoded = _by_itself(case, bundle, valid)
    if bundle.calibrator is not None:
        fold = deal(valid.truth, _FOLDS, case.random("conformal"), together_of(case, valid))
        method, smoothing = bundle.calibrator.method, bundle.calibrator.smoothing
        decoded = cross_validated(method, decoded, valid.truth, fold, smoothing)
    if bundle.shifts is None:
        return decoded
    # Sets are made for what is answered in the end.
    return case.speaking(valid.rows, decoded).answered(replace(bundle, calibrator=None), valid.rows)


def _by_itself(case: Case, bundle: BundleValue, scored: Scored) -> Floats:
    """What the network says of rows without any calibrator, before any shift."""
    return case.answered(replace(bundle, calibrator=None, shifts=None), scored.rows)


def _from(fewest: int) -> Callable[[Case], Sequence[Strength]]:
    """There is one strength, what the validation rows say; none where they are too few to say it.

    Thresholds that were chosen for probabilities as they are would come to lie elsewhere if these were changed.
    """

    def strengths(case: Case) -> Sequence[Strength]:
        if case.bundle.task.name == REGRESSION or case.bundle.shifts is not None:
            return ()
        rows = len(case.scored("valid").rows)
        return (f"as {count(rows, 'validation row')} say",) if rows >= fewest else ()

    return strengths


def _coverages(case: Case) -> Sequence[Strength]:
    return (COVERAGE,) if len(case.scored("valid").rows) >= fewest_rows(COVERAGE) else ()


def _coverages_of_classes(case: Case) -> Sequence[Strength]:
    """Where one class out of K is asked for there are two kinds of sets; else there is one."""
    return _coverages(case) if case.bundle.task.name in ("binary", "multiclass") else ()


REMEDIES: tuple[Remedy[BundleValue], ...] = (
    Remedy(
        "scale_temperature",
        "Divides all log-probabilities by one number, fitted on validation rows; no prediction changes.",
        "bundle", _from(FEWEST_ROWS), _calibrate("temperature"),
    ),
    Remedy(
        "scale_vector",
        "Weighs and shifts the log-probability of each class, fitted on validation rows; predictions may change.",
        "bundle", _from(_SOME), _calibrate("vector"),
    ),
    Remedy(
        "fit_isotonic",
        "Replaces each probability by what validation rows with such a one show; predictions may change.",
        "bundle", _from(_MANY), _calibrate("isotonic"),
    ),
    Remedy(
        "wrap_conformal",
        "Adds to each prediction a set, or an interval, that holds the truth with a stated probability.",
        "bundle", _coverages, _wrap(by_class=True), finishes=True,
    ),
    Remedy(
        "wrap_conformal_overall",
        "Adds such sets with one limit for all classes: they cover all rows as stated, and rare classes less.",
        "bundle", _coverages_of_classes, _wrap(by_class=False), finishes=True, outright=True,
    ),
)  # fmt: skip
