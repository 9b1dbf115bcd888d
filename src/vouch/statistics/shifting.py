"""What a bundle answers once its network has spoken: recalibrated, and shifted by group where that was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, softmax

from vouch.contracts.bundle import BundleValue, GroupShifts
from vouch.statistics.grouping import columns_of, group_of
from vouch.statistics.recalibration import recalibrate

if TYPE_CHECKING:
    import polars as pl

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]

_SMALLEST = 1e-15


def answered(bundle: BundleValue, decoded: Floats, frame: pl.DataFrame | None) -> Floats:
    """What a bundle answers where its network says this: recalibrated, and shifted by group where it is.

    Args:
        bundle: with a calibrator and shifts, or without.
        decoded: what the network says by itself: probabilities (B, K), or values (B,).
        frame: the columns by which these rows are grouped (B rows); needed where the bundle shifts by group.
    """
    told = decoded if bundle.calibrator is None else recalibrate(bundle.calibrator, decoded)
    return decided(bundle, told, frame)


def decided(bundle: BundleValue, told: Floats, frame: pl.DataFrame | None) -> Floats:
    """The same, where what is told is recalibrated already."""
    if bundle.shifts is None:
        return told
    if not bundle.shifts.rule.columns:
        return shifted(bundle.shifts, told, np.zeros(len(told), np.int64), bundle.task.name)
    if frame is None:
        raise ValueError("the bundle shifts by group, and the columns that tell the group are not given")
    return shifted(bundle.shifts, told, group_of(bundle.shifts.rule, frame), bundle.task.name)


def shifted(shifts: GroupShifts, told: Floats, group: Codes, task: str) -> Floats:
    """Answers with what is added to each group; rows of unknown groups, and of those with nothing to add, stay.

    Probabilities are moved on purpose and are no longer frequencies: which side of one half they are on is what counts.

    Args:
        shifts: for each group.
        told: probabilities (B, K), or values (B,).
        group: of each row (B,); -1 for an unknown one.
        task: binary, multiclass, multilabel or regression.

    Returns:
        Probabilities (B, K), where rows of classes sum to 1, or values (B,).

    Source:
        Hardt, Price and Srebro (2016), Equality of opportunity in supervised learning.

    Example:
        >>> from vouch.contracts.bundle import GroupRule
        >>> rule = GroupRule(("sex",), ((),), (("f",), ("m",)), (0, 1), ("f", "m"))
        >>> lower = GroupShifts(rule, ((0.0, np.log(3.0)), (0.0, 0.0)), "demographic_parity", 100)
        >>> shifted(lower, np.array([[0.75, 0.25], [0.75, 0.25]]), np.array([0, 1]), "binary").round(2).tolist()
        [[0.5, 0.5], [0.75, 0.25]]
    """
    every = np.array(shifts.shifts)
    added = np.where(group[:, None] >= 0, every[np.maximum(group, 0)], 0.0)
    moved = added.any(axis=1)
    out = np.asarray(told, np.float64).copy()
    if task == "regression":
        out[moved] += added[moved, 0]
    elif task == "multilabel":
        out[moved] = expit(logit(np.clip(out[moved], _SMALLEST, 1 - _SMALLEST)) + added[moved])
    else:
        out[moved] = softmax(np.log(np.clip(out[moved], _SMALLEST, None)) + added[moved], axis=1)
    return out


def deciding(
    bundle: BundleValue, canonical: pl.DataFrame, raw: pl.DataFrame, lines: pl.Series | None
) -> pl.DataFrame | None:
    """The columns by which a bundle's shifts group rows; none where it needs none.

    Args:
        bundle: with shifts or without.
        canonical: the rows as the network is shown them.
        raw: the data as it was read.
        lines: which raw row each of them is; the same where it is not said.
    """
    rule = None if bundle.shifts is None else bundle.shifts.rule
    return None if rule is None or not rule.columns else columns_of(rule.columns, canonical, raw, lines)


def unknown(bundle: BundleValue, frame: pl.DataFrame | None) -> int:
    """How many rows are of a group that a bundle's shifts do not know, so that they are left as they are."""
    if bundle.shifts is None or frame is None:
        return 0
    return int((group_of(bundle.shifts.rule, frame) < 0).sum())
