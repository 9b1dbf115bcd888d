"""The verb that ranks rows without a label by what their labels would be worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from vouch.api.predicting import device_of, named_as_fitted
from vouch.contracts.bundle import BundleValue
from vouch.contracts.dataset import Dataset, Note
from vouch.data.clean import clean, unreadable_rows
from vouch.data.encode import encode
from vouch.data.read import read
from vouch.data.schema import without_marks
from vouch.data.shelf import gathered, let_go
from vouch.errors import EmptyDataError, UsageError
from vouch.nets.network import Network
from vouch.statistics.recalibration import said
from vouch.statistics.shifting import decided, deciding
from vouch.statistics.worth import worth_labelling

Floats = npt.NDArray[np.float64]
ROWS = 100
# Numbers before the head that are held at once: 200 MB.
_MOST_KEPT = 50_000_000
_BATCH = 1024


def label(bundle: BundleValue, data: object, *, rows: int = ROWS, device: str = "auto") -> pl.DataFrame:
    """Rank rows without a label by how much a network would learn from their labels.

    Args:
        bundle: from ``fit`` or ``load``.
        data: whatever ``fit`` reads; where some rows have the target, the others are ranked.
        rows: how many to rank.
        device: where to compute.

    Returns:
        One row for each ranked one, best first: "rank" from 1, "row" (its number in the data, from 0), "score" (how
        unsure the network is: 0 sure, 1 torn between two answers; of a quantity the spread of the network's members),
        and "prediction".

    Raises:
        VouchError: the data is not usable, or has no row without a label.

    Example:
        >>> import vouch
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> label(vouch.fit(rows, "large", settings={"epochs": 2}), {"size": [3.0, 29.5, 58.0]}, rows=2).columns
        ['rank', 'row', 'score', 'prediction']
    """
    return label_with_notes(bundle, data, rows=rows, device=device)[0]


def label_with_notes(
    bundle: BundleValue, data: object, *, rows: int = ROWS, device: str = "auto"
) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """The same as :func:`label`, and what had to be done to the data on the way."""
    if rows < 1:
        raise UsageError("there is nothing to rank", expected="1 row or more", received=str(rows))
    place, raw = device_of(device), named_as_fitted(bundle, read(data))
    canonical = clean(raw, bundle.schema, labelled=False)
    open_rows, notes = _without_label(raw, canonical, bundle)
    frame = gathered(canonical.frame, open_rows)
    outputs, vectors = _outputs(bundle, frame, place)
    decoded = said(bundle, outputs)
    doubts, scores = _doubts(bundle, decoded, outputs)
    few = _most_doubted(scores, vectors.shape[1])
    chosen = few[worth_labelling(doubts[few], vectors[few].numpy(), rows, np.random.default_rng(bundle.recipe.seed))]
    columns = deciding(bundle, frame, raw.frame, pl.Series(open_rows))
    predictions = bundle.task.frame(decided(bundle, decoded, columns))["prediction"]
    found = pl.DataFrame({
        "rank": np.arange(1, len(chosen) + 1), "row": open_rows[chosen], "score": scores[chosen],
        "prediction": predictions[chosen],
    })  # fmt: skip
    return found, (*canonical.notes, *notes)


def _without_label(
    raw: Dataset, canonical: Dataset, bundle: BundleValue
) -> tuple[npt.NDArray[np.int64], tuple[Note, ...]]:
    """Numbers of the rows to rank: those without a label, whose pictures can be read."""
    bad = unreadable_rows(raw, canonical, bundle.schema).to_numpy()
    notes = [Note("skipped", f"{bad.sum()} rows whose picture cannot be read", int(bad.sum()))] if bad.any() else []
    target, known = bundle.schema.target, np.zeros(len(bad), bool)
    if target.name in raw.frame.columns:
        cells = raw.frame[target.name]
        cells = without_marks(cells, target.missing) if cells.dtype == pl.String else cells
        known = cells.is_not_null().to_numpy()
    if known.all() and len(known):
        notes.append(Note("read", "all rows have a label, which is not looked at", len(known)))
    elif known.any():
        notes.append(Note("skipped", f"{known.sum()} rows that have a label already", int(known.sum())))
    open_rows = np.flatnonzero(~bad & ~(known & ~known.all()))
    if not len(open_rows):
        raise EmptyDataError(
            "there is no row to label", where=raw.source, next_step="Give rows that have no label yet."
        )
    return open_rows, tuple(notes)


@torch.inference_mode()
def _outputs(bundle: BundleValue, frame: pl.DataFrame, place: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """What the network puts out (n, M, K), and its vectors before the head (n, M·H), on the processor."""
    network = bundle.network.to(place).eval()
    if not isinstance(network, Network):
        raise TypeError(f"a {type(network).__name__} has no vectors before its head")
    outputs, vectors = [], []
    batches = zip(*(x.split(_BATCH) for x in encode(frame, bundle.encoders)), strict=True)
    for batch in batches:
        hidden = network.trunk(network.vectors(*(x.to(place) for x in batch)))
        outputs.append(network.head(hidden).cpu())
        # Of several members the mean: each would else have a space of its own, as large again.
        vectors.append(hidden.mean(1).float().cpu())
        let_go()
    return torch.cat(outputs), torch.cat(vectors)


def _doubts(bundle: BundleValue, decoded: Floats, outputs: torch.Tensor) -> tuple[Floats, Floats]:
    """How the answer would have to change (n, K), and how unsure the network is of it (n,)."""
    if bundle.schema.task == "multilabel":
        return decoded - np.round(decoded), (1 - np.abs(2 * decoded - 1)).mean(1)
    if bundle.task.classes:
        ordered = np.sort(decoded, axis=1)
        certain = np.eye(decoded.shape[1])[decoded.argmax(1)]
        return decoded - certain, 1 - (ordered[:, -1] - ordered[:, -2])
    spread = outputs[..., 0].double().std(1, correction=0).numpy()
    scale = bundle.task.decode(torch.ones(1, 1, 1))[0] - bundle.task.decode(torch.zeros(1, 1, 1))[0]
    # One member has no spread: then rows are ranked by how much they differ alone.
    return (spread if spread.any() else np.ones_like(spread))[:, None], spread * abs(float(scale))


def _most_doubted(scores: Floats, size: int) -> npt.NDArray[np.int64]:
    """As many of the most doubted rows as there is memory for, in the order of the data."""
    most = max(1, _MOST_KEPT // max(size, 1))
    return np.sort(np.argsort(-scores, kind="stable")[:most])
