"""What the networks of folds say of rows that they never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from vouch.api.measuring import predicted, truth_of
from vouch.api.predicting import Bundle, as_bundle
from vouch.api.preparing import Ready
from vouch.statistics.evidence import evidence


def with_folds(bundle: Bundle, ready: Ready) -> Bundle:
    """A bundle with the predictions out of fold, and their figures with intervals.

    Args:
        bundle: of the networks of all folds, joined.
        ready: the trained networks, and the fold of each row.

    Returns:
        The bundle; as it was where there are no folds. Where folds follow one another in time, the rows before the
        first fold are predicted by nobody, and the predictions are not kept for an audit, which wants all rows.
    """
    if ready.fold is None:
        return bundle
    rows = np.flatnonzero(ready.fold >= 0)
    fold = ready.fold[rows]
    parts = {}
    for number, network in enumerate(ready.networks):
        parts[number] = predicted(replace(ready, network=network), rows[fold == number])
    decoded = np.empty((len(rows), *parts[0].shape[1:]))
    for number, part in parts.items():
        decoded[fold == number] = part
    truth = truth_of(bundle, ready.dataset, rows, "out of fold")
    found = replace(bundle.evidence, out_of_fold=evidence(truth, decoded, ready.recipe.seed))
    columns = decoded.reshape(len(decoded), -1).T
    said = {f"said[{k}]": column for k, column in enumerate(columns)}
    frame = pl.DataFrame({"row": rows, "fold": fold, **said})
    return as_bundle(replace(bundle, evidence=found, out_of_fold=None if ready.expanding else frame))
