"""From canonical columns to tensors: encoders learn from training rows, then encode any rows."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from torch import Tensor

from vouch.contracts.dataset import Dataset
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder
from vouch.contracts.schema import Schema
from vouch.contracts.split import Split
from vouch.modalities import ALL as MODALITIES


def fit_encoders(dataset: Dataset, schema: Schema, split: Split, recipe: Recipe) -> tuple[Encoder, ...]:
    """Learn one encoder for each block of columns, from the training rows alone.

    Columns of a joint modality (numbers, categories) share a block; of others each column is a block.

    Args:
        dataset: canonical data.
        schema: what each column is.
        split: says which rows train.
        recipe: sizes that encoders ask for, such as the vocabulary.

    Returns:
        Encoders in the order of the modalities.
    """
    train = dataset.frame[split.train]
    encoders: list[Encoder] = []
    for modality in MODALITIES:
        columns = [column for column in schema.features if column.kind == modality.kind]
        blocks = [columns] if modality.joint and columns else [[column] for column in columns]
        encoders += [modality.fit(train, block, recipe) for block in blocks]
    return tuple(encoders)


def encode(frame: pl.DataFrame, encoders: Sequence[Encoder]) -> list[Tensor]:
    """Canonical rows as one tensor for each encoder, first dimension B."""
    return [encoder.encode(frame) for encoder in encoders]
