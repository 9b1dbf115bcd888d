"""Remedies that leave the network as it is and change what is decided from its answers, for each group or for all.

All become a :class:`GroupShifts`, which is kept in the bundle: a threshold t for a group is what is added to the
log-probability of the class, so that one half is then where t was. They learn from rows that the network was not
trained on: all that are not sealed, where it is known what networks that never saw them say, else the validation rows.
Those that tell groups apart need the sensitive columns of every row that is to be predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vouch.challenges.fairness.groups import Codes, Grouping, groupings
from vouch.challenges.fairness.judging import measure_of
from vouch.challenges.fairness.thresholds import ASKED, RATES, chosen_cuts, class_shifts, curves_of
from vouch.contracts.bundle import BundleValue, GroupRule, GroupShifts
from vouch.contracts.case import Case, Strength
from vouch.statistics.conformal import OVERALL, fit_conformal

Floats = npt.NDArray[np.float64]

FEWEST_ROWS = 50
_TOGETHER = GroupRule((), (), (), (), ("all rows",))
# The last of a gap costs the most, so there the steps are fine enough to use up what may be lost.
_SHARES = (0.5, 0.8, 0.9, 0.925, 0.95, 0.975, 1.0)
_BANDS = (0.1, 0.2, 0.4, 0.6)
_CUTS = (0.3, 0.4, 0.6, 0.7)
# Only these say which of two groups is called the class too seldom.
_WITH_A_SIDE = ("demographic_parity", "equal_opportunity", "equalized_odds")
_MOVED = {"mean_parity": 0.0, "residual_parity": 1.0}


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What a bundle says of rows that its network was not trained on, before anything is shifted.

    Args:
        told: probabilities (n, K), or values (n,).
        truth: of these rows.
        code: the group of each (n,).
        grouping: all groups.
    """

    told: Floats
    truth: npt.NDArray[Any]
    code: Codes
    grouping: Grouping


def shift_by_group(case: Case, bundle: BundleValue, closed: Strength) -> BundleValue:
    """Give each group thresholds that close a share of the criterion's gap; of a quantity, move each group's values."""
    known, criterion = _known(case, bundle), _criterion(case)
    if bundle.task.name == "regression":
        return _with(case, bundle, known, _moves(known, criterion, float(closed)))
    if bundle.task.name == "multiclass":
        grouped = known.code, len(known.grouping.names)
        added = class_shifts(known.told, known.truth, grouped, criterion, float(closed))
        return _with(case, bundle, known, added)
    questions = [(known.told[:, k], _is(known.truth, k), k) for k in _asked(known.told, bundle.task.name)]
    shifts = np.zeros((len(known.grouping.names), known.told.shape[1]))
    for score, actual, k in questions:
        curves = curves_of(score, actual, known.code, len(shifts))
        shifts[:, k] = _shift(chosen_cuts(curves, criterion, float(closed)))
    return _with(case, bundle, known, shifts)


def reject_options(case: Case, bundle: BundleValue, width: Strength) -> BundleValue:
    """Within a band around one half, call rows of groups that are called the class too seldom it, and others not.

    Source:
        Kamiran, Karim and Zhang (2012), Decision theory for discrimination-aware classification.
    """
    known, groups = _known(case, bundle), range(len(groupings(case)[-1].names))
    curves = curves_of(known.told[:, 1], known.truth == 1, known.code, len(groups))
    rate = curves.rates(_criterion(case))[:, np.flatnonzero(curves.cuts == 0.5)[0], 0]
    size = curves.rows[:, 0]
    seen = ~np.isnan(rate)
    middle = float((rate[seen] * size[seen]).sum() / size[seen].sum())
    side = np.where(seen, np.sign(np.where(seen, rate, 0.0) - middle), 0.0)
    shifts = np.zeros((len(groups), 2))
    shifts[:, 1] = _shift(0.5 + side * float(width) / 2)
    return _with(case, bundle, known, shifts)


def shift_for_all(case: Case, bundle: BundleValue, cut: Strength) -> BundleValue:
    """Call rows the class from another probability than one half, the same one for every group.

    Source:
        Corbett-Davies and others (2017), Algorithmic decision making and the cost of fairness.
    """
    known = _known(case, bundle)
    shifts = np.array([[0.0, float(_shift(np.array(float(cut))))]])
    return _with(case, bundle, replace(known, grouping=Grouping((), ("all rows",), known.code, rule=_TOGETHER)), shifts)


def shares(case: Case) -> Sequence[Strength]:
    """Shares of the gap; none where the criterion cannot be met by moving answers, or too few rows could tell how."""
    task, measure = case.bundle.task.name, measure_of(case)
    able = {"regression": tuple(_MOVED), "multiclass": tuple(ASKED)}.get(task, tuple(RATES))
    suits = measure is not None and measure.name in able and _told_apart(case)
    return _SHARES if suits and len(case.split.valid) >= FEWEST_ROWS else ()


def bands(case: Case) -> Sequence[Strength]:
    """Widths of the band, where one of two classes is decided for and the criterion has a side."""
    measure = measure_of(case)
    sided = measure is not None and measure.name in _WITH_A_SIDE
    suits = case.bundle.task.name == "binary" and sided and _told_apart(case)
    return _BANDS if suits and len(case.split.valid) >= FEWEST_ROWS else ()


def cuts(case: Case) -> Sequence[Strength]:
    """Thresholds for all rows, where one of two classes is decided for."""
    return _CUTS if case.bundle.task.name == "binary" and groupings(case) else ()


def _told_apart(case: Case) -> bool:
    """Whether there are two groups at least."""
    every = groupings(case)
    return bool(every) and len(every[-1].names) > 1


def _criterion(case: Case) -> str:
    measure = measure_of(case)
    assert measure is not None, "a remedy without strengths is not tried"
    return measure.name


def _known(case: Case, bundle: BundleValue) -> Known:
    """What the bundle says of rows its network did not learn from; of those that a search holds back, nothing."""
    plain, kept, grouping = replace(bundle, shifts=None), bundle.out_of_fold, groupings(case)[-1]
    rows, speaker = case.split.valid, case
    if kept is not None:
        mine = np.isin(kept["row"].to_numpy(), np.concatenate([case.split.train, case.split.valid]))
        rows, decoded = kept["row"].to_numpy()[mine], kept.drop("row", "fold").to_numpy()[mine]
        speaker = case.speaking(rows, decoded if bundle.task.classes else decoded[:, 0])
    return Known(speaker.answered(plain, rows), case.truth(rows), grouping.code[rows], grouping)


def _with(case: Case, bundle: BundleValue, known: Known, shifts: Floats) -> BundleValue:
    """The bundle with shifts; its sets, if it gives any, are made anew for what it then says."""
    assert known.grouping.rule is not None, "groups of a case have a rule"
    said = tuple(tuple(row) for row in shifts.tolist())
    made = replace(bundle, shifts=GroupShifts(known.grouping.rule, said, _criterion_name(case), len(known.truth)))
    if (sets := bundle.conformal) is None:
        return made
    decoded, truth = case.answered(made, case.split.valid), case.truth(case.split.valid)
    again = fit_conformal(decoded, truth, bundle.task.name, sets.coverage, by_class=sets.method != OVERALL)
    return replace(made, conformal=again)


def _criterion_name(case: Case) -> str:
    measure = measure_of(case)
    return measure.name if measure else case.criterion


def _asked(told: Floats, task: str) -> Sequence[int]:
    """Which columns are decided for at one half: the second of two classes, or every label."""
    return (1,) if task == "binary" else range(told.shape[1])


def _is(truth: npt.NDArray[Any], k: int) -> npt.NDArray[np.bool_]:
    return truth[:, k] == 1 if truth.ndim == 2 else truth == k


def _shift(cuts: Floats) -> Floats:
    """What is added to log-odds, so that one half is where the threshold was."""
    safe = np.clip(cuts, 1e-6, 1 - 1e-6)
    return np.where(cuts == 0.5, 0.0, np.log1p(-safe) - np.log(safe))


def _moves(known: Known, criterion: str, closed: float) -> Floats:
    """What is added to the values of each group (G, 1), so that its mean, or mean error, nears that of all rows."""
    figure = known.told - _MOVED[criterion] * known.truth
    size = np.bincount(known.code, minlength=len(known.grouping.names))
    mean = np.bincount(known.code, figure, len(size)) / np.maximum(size, 1)
    return np.where(size > 0, closed * (figure.mean() - mean), 0.0)[:, None]


Treat = Callable[[Case, BundleValue, Strength], BundleValue]
