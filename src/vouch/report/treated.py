"""What was done to a network, and what its probabilities and sets promise, in sentences for the page and the card."""

from __future__ import annotations

import math

from vouch.contracts.backbone import Backbone
from vouch.contracts.bundle import BundleValue, Calibrator, Conformal, GroupShifts, Treatment
from vouch.wording import clean, count, listed

_RECALIBRATED = {
    "temperature": "all log-probabilities are divided by one number, which changes no prediction",
    "vector": "the log-probability of each class is weighed and shifted, which may change predictions",
    "isotonic": "each probability is replaced by what rows with such a one showed, which may change predictions",
}
_HOLDS = {
    "binary": "have the truth in their set",
    "multiclass": "have the truth in their set",
    "multilabel": "have all their labels in their set",
    "regression": "have the truth in their interval",
}
_MOST = 20


def treatments(bundle: BundleValue) -> tuple[tuple[str, str], ...]:
    """Every remedy that made the bundle what it is: its name with its strength and challenge, and what it did."""
    said = [(_name(one), clean(one.says, 300)) for one in bundle.treatments[:_MOST]]
    rest = len(bundle.treatments) - len(said)
    return (*said, *([(f"and {count(rest, 'more treatment')}", "Listed in model.json.")] if rest else []))


def promises(bundle: BundleValue) -> tuple[str, ...]:
    """How probabilities were recalibrated, what the sets guarantee, and how the training rows differ from the data."""
    said = [] if bundle.start is None else [_started(bundle.start)]
    said += [] if bundle.calibrator is None else [_recalibrated(bundle.calibrator)]
    said += [] if bundle.conformal is None else [_guaranteed(bundle.conformal, bundle.schema.task)]
    said += [] if bundle.shifts is None else [_shifted(bundle.shifts)]
    if (taught := bundle.taught) is not None and taught.rows:
        said.append(f"{count(len(taught.rows), 'training row')} had another target in training than in the data.")
    if taught is not None and taught.weighted:
        said.append(f"{count(len(taught.weighted), 'training row')} counted for more or less than one.")
    return tuple(said)


def started(start: Backbone) -> str:
    """What a network started from, in half a sentence."""
    how = {"labels": "trained with labels", "no labels": "learned without labels", "checkpoint": "from elsewhere"}
    return f"“{clean(start.name, 60)}” ({how[start.how]}, digest {start.digest[:16]})"


def plain(name: str) -> str:
    """The name of a challenge, check or remedy as words."""
    return clean(name.replace("_", " "), 60)


def _name(one: Treatment) -> str:
    strength = f" ({clean(one.strength, 60)})" if one.strength else ""
    return f"{plain(one.remedy).capitalize()}{strength}, for {plain(one.challenge)}"


def _started(start: Backbone) -> str:
    unknown = "what that one saw in training is not known here"
    return f"It did not start from random weights but from {started(start)}; {unknown}."


def _recalibrated(calibrator: Calibrator) -> str:
    taken_out = f" The label smoothing of training ({calibrator.smoothing:g}) is taken out first."
    smoothed = taken_out if calibrator.smoothing else ""
    how = _RECALIBRATED.get(calibrator.method, "they are changed after the network has spoken")
    return (
        f"Probabilities are recalibrated by {clean(calibrator.method, 30)} scaling"
        f"{'' if calibrator.method != 'isotonic' else ' (a rising curve)'}: {how}. "
        f"It was learned from {count(calibrator.rows, 'validation row')}.{smoothed}"
    )


def _shifted(shifts: GroupShifts) -> str:
    moved = sum(any(row) for row in shifts.shifts)
    what = f"for the sake of {plain(shifts.criterion)}, learned from {count(shifts.rows, 'row')}"
    if not shifts.rule.columns:
        return f"All answers are moved to another threshold, {what}: probabilities are no frequencies any more."
    by = clean(listed([clean(name, 40) for name in shifts.rule.columns]), 120)
    return (
        f"Answers are moved to other thresholds in {moved} of {count(len(shifts.shifts), 'group')} by {by}, {what}: "
        "probabilities are no frequencies any more. These columns are needed in prediction; rows of unknown groups are "
        "left as they are."
    )


def _guaranteed(conformal: Conformal, task: str) -> str:
    share, kind = f"{100 * conformal.coverage:.4g} %", "an interval" if task == "regression" else "a set of answers"
    if task == "regression" and not all(map(math.isfinite, conformal.quantiles)):
        return f"Intervals promise {share}, but {count(conformal.rows, 'row')} were too few: they are endless."
    classes = len(conformal.quantiles) > 1 and task in ("binary", "multiclass")
    each = (
        " Classes with rows enough have a limit of their own, so that it holds within each of them." if classes else ""
    )
    return (
        f"With each prediction comes {kind} (conformal prediction). Of new rows from the "
        f"same source, at least {share} {_HOLDS[task]}, on average over sets of calibration rows; here these were "
        f"{count(conformal.rows, 'validation row')}.{each} It is no promise for one row, nor for one kind of row."
    )
