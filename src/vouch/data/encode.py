"""From canonical columns to tensors: encoders learn from training rows, then encode any rows."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from vouch.contracts.dataset import Dataset
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities, Encoder
from vouch.contracts.schema import Schema
from vouch.contracts.split import Split
from vouch.modalities import ALL as MODALITIES

RESIDENT_BYTES = 4 * 2**30
QUANTILE_ROWS = 100_000
CHUNK = 65_536


def fit_encoders(
    dataset: Dataset, schema: Schema, split: Split, recipe: Recipe, classes: Tensor | None
) -> tuple[Encoder, ...]:
    """Learn one encoder for each block of columns, from the training rows alone.

    Columns of a joint modality (numbers, categories) share a block; of others each column is a block.

    Args:
        dataset: canonical data.
        schema: what each column is.
        split: says which rows train.
        recipe: sizes that encoders ask for, such as the vocabulary.
        classes: class codes of all rows (B,); none when the target is no class.

    Returns:
        Encoders in the order of the modalities.
    """
    encoders: list[Encoder] = []
    for modality in MODALITIES:
        columns = [column for column in schema.features if column.kind == modality.kind]
        blocks = [columns] if modality.joint and columns else [[column] for column in columns]
        for block in blocks:
            rows = _rows_to_learn_from(split, modality.capabilities)
            frame = dataset.frame.select(column.name for column in block)[rows]
            target = None if classes is None else classes[torch.from_numpy(rows)]
            encoders.append(modality.fit(frame, block, recipe, target))
    return tuple(encoders)


def _rows_to_learn_from(split: Split, kind: Capabilities) -> npt.NDArray[np.int64]:
    """All training rows; of quantities so many, evenly spread, as fix their quantiles to 0.3 % of the rows."""
    step = len(split.train) // QUANTILE_ROWS if kind.continuous and not kind.spatial else 0
    return split.train[:: max(step, 1)]


def encode(frame: pl.DataFrame, encoders: Sequence[Encoder], limit: int = RESIDENT_BYTES) -> list[Tensor]:
    """Canonical rows as one tensor for each encoder, first dimension B.

    Rows are encoded in chunks, so that no second copy of the whole is ever held. Tensors that would together pass the
    limit are memory-mapped from an unnamed temporary file, and are indexed like any other.

    Args:
        frame: canonical columns (B rows).
        encoders: one for each block.
        limit: bytes up to which tensors stay in memory.

    Returns:
        The tensors, in the order of the encoders.
    """
    if frame.height <= CHUNK:
        return [encoder.encode(frame) for encoder in encoders]
    head = [encoder.encode(frame.head(1)) for encoder in encoders]
    whole = frame.height * sum(x.nbytes for x in head)
    tensors = [_room((frame.height, *x.shape[1:]), x.dtype, mapped=whole > limit) for x in head]
    for start in range(0, frame.height, CHUNK):
        chunk = frame.slice(start, CHUNK)
        for tensor, encoder in zip(tensors, encoders, strict=True):
            tensor[start : start + chunk.height] = encoder.encode(chunk)
    return tensors


def _room(shape: tuple[int, ...], dtype: torch.dtype, *, mapped: bool) -> Tensor:
    """An empty tensor, in memory or on disk."""
    if not mapped:
        return torch.empty(shape, dtype=dtype)
    kind = torch.empty(0, dtype=dtype).numpy().dtype
    with tempfile.TemporaryFile(prefix="vouch-") as file:
        return torch.from_numpy(np.memmap(file, dtype=kind, mode="w+", shape=shape))
