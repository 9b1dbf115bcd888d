"""From canonical columns to tensors: encoders learn from training rows, then encode any rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
from vouch.data.shelf import Room, gathered, let_go
from vouch.modalities import ALL as MODALITIES

RESIDENT_BYTES = 2**30
QUANTILE_ROWS = 100_000
TEXT_ROWS = 1_000_000
CHUNK, CHUNK_BYTES = 65_536, 64 * 2**20


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
            frame = gathered(dataset.frame.select(column.name for column in block), rows)
            target = None if classes is None else classes[torch.from_numpy(rows)]
            encoders.append(modality.fit(frame, block, recipe, target))
    return tuple(encoders)


def _rows_to_learn_from(split: Split, kind: Capabilities) -> npt.NDArray[np.int64]:
    """All training rows, or evenly spread ones.

    Of quantities so many as fix their quantiles to 0.3 % of the rows, of texts a million.
    """
    step = 1
    if kind.continuous and not kind.spatial:
        step = len(split.train) // QUANTILE_ROWS
    elif kind.ordered:
        step = len(split.train) // TEXT_ROWS
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

    Raises:
        OutputError: the temporary file cannot be written, or the disk is full.
    """
    head = [encoder.encode(frame.head(1)) for encoder in encoders]
    row = sum(x.nbytes for x in head)
    step = min(CHUNK, max(1, CHUNK_BYTES // max(row, 1)))
    if frame.height <= step:
        return [encoder.encode(frame) for encoder in encoders]
    chunks = ([encoder.encode(frame.slice(at, step)) for encoder in encoders] for at in range(0, frame.height, step))
    if frame.height * row > limit:
        return written(head, chunks, frame.height)
    tensors = [torch.empty((frame.height, *x.shape[1:]), dtype=x.dtype) for x in head]
    for number, chunk in enumerate(chunks):
        for tensor, part in zip(tensors, chunk, strict=True):
            tensor[number * step : number * step + len(part)] = part
        let_go()
    return tensors


def written(head: Sequence[Tensor], chunks: Iterable[Sequence[Tensor]], rows: int) -> list[Tensor]:
    """Tensors that are written chunk by chunk and then mapped.

    Args:
        head: the first row of each, which tells shape and type.
        chunks: rows of each that follow one another, on the processor.
        rows: how many there are in all.

    Raises:
        OutputError: the temporary file cannot be written, or the disk is full.
    """
    room = Room()
    starts = [room.claim(rows * x.nbytes) for x in head]
    done = 0
    for chunk in chunks:
        for start, part in zip(starts, chunk, strict=True):
            room.write(start + done * part[:1].nbytes, part.contiguous().numpy())
        done += len(chunk[0])
        let_go()
    mapped = room.mapped()
    return [
        torch.frombuffer(mapped, dtype=x.dtype, count=rows * x.numel(), offset=start).view(rows, *x.shape[1:])
        for x, start in zip(head, starts, strict=True)
    ]
