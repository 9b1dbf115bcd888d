"""What the networks of folds say of rows that they never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from vouch.api.measuring import predicted, truth_of
from vouch.api.predicting import Bundle, as_bundle
from vouch.api.preparing import Ready
from vouch.contracts.bundle import Evidence
from vouch.data.split import most_sealed
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
    found = _with_figures(bundle, ready, rows, decoded)
    columns = decoded.reshape(len(decoded), -1).T
    said = {f"said[{k}]": column for k, column in enumerate(columns)}
    frame = pl.DataFrame({"row": rows, "fold": fold, **said})
    return as_bundle(replace(bundle, evidence=found, out_of_fold=None if ready.expanding else frame))


def _with_figures(
    bundle: Bundle, ready: Ready, rows: npt.NDArray[np.int64], decoded: npt.NDArray[np.float64]
) -> Evidence:
    """The evidence with figures out of fold; of very many rows those of as many as suffice, drawn at random."""
    most, seed, told = most_sealed(ready.schema), ready.recipe.seed, bundle.evidence.notes
    if len(rows) > most:
        drawn = np.sort(np.random.default_rng([seed, 4]).choice(len(rows), most, replace=False))
        told = (*told, f"Figures out of fold are of {most:,} of {len(rows):,} rows, drawn at random.")
        rows, decoded = rows[drawn], decoded[drawn]
    truth = truth_of(bundle, ready.dataset, rows, "out of fold")
    return replace(bundle.evidence, out_of_fold=evidence(truth, decoded, seed), notes=told)
