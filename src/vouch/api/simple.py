"""The simple methods on the rows of a fit: all of them, or as many as are bounded in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from vouch.api.preparing import Ready
from vouch.contracts.roles import Encoder
from vouch.data.schema import modality
from vouch.data.shelf import gathered
from vouch.training.baseline_features import Block
from vouch.training.baselines import Baselines, baselines
from vouch.training.feed import taken

if TYPE_CHECKING:
    import numpy.typing as npt

# Simple methods hold several copies of what they are given, and learn from no more rows than these.
_MUCH_MEDIA = 128 * 2**20
_MOST_ROWS, _MOST_ROWS_MEDIA = 200_000, 50_000
_MILLION = 1_000_000


def simple_methods(ready: Ready) -> Baselines:
    """What simple methods say of the sealed rows, from the same training rows as the network.

    Of many rows they are given the sealed ones and a random part of the others.
    """
    parts, target = ready.split, ready.dataset.frame[ready.schema.target.name]
    known, inputs = np.concatenate([parts.train, parts.valid]), ready.inputs
    if len(known) <= _most_rows(ready):
        truth, blocks = ready.task.truth(target), _blocks(ready, [x.cpu() for x in inputs])
        return baselines(blocks, truth, ready.task.name, known, parts.test, ready.recipe.seed)
    drawn = _drawn(ready, known)
    used = np.concatenate([drawn, parts.test])
    blocks = _blocks(ready, taken([x.cpu() for x in inputs], torch.from_numpy(used)))
    train, test = np.split(np.arange(len(used)), [len(drawn)])
    found = baselines(blocks, ready.task.truth(target[used]), ready.task.name, train, test, ready.recipe.seed)
    told = f"Simple methods were given {len(drawn):,} of {len(known):,} training rows, drawn at random."
    return replace(found, notes=(told, *found.notes))


def _drawn(ready: Ready, known: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Some of the rows, at random, with at least one of every class."""
    rng = np.random.default_rng([ready.recipe.seed, 3])
    drawn = rng.choice(len(known), _most_rows(ready), replace=False)
    if ready.schema.task in ("binary", "multiclass"):
        held, first = set(_codes(ready, known[drawn]).tolist()), _first_of_each_class(ready, known)
        drawn = np.concatenate([drawn, [place for code, place in first.items() if code not in held]])
    return known[np.sort(drawn.astype(np.int64))]


def _first_of_each_class(ready: Ready, known: npt.NDArray[np.int64]) -> dict[int, int]:
    """Where each class stands for the first time among the rows, which are looked at a million at a time."""
    found: dict[int, int] = {}
    for start in range(0, len(known), _MILLION):
        classes, first = np.unique(_codes(ready, known[start : start + _MILLION]), return_index=True)
        found = dict(zip(classes.tolist(), (start + first).tolist(), strict=True)) | found
    return found


def _codes(ready: Ready, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return ready.task.truth(gathered(ready.dataset.frame.select(ready.schema.target.name), rows).to_series())


def _most_rows(ready: Ready) -> int:
    """As many as they ever learn from; fewer of media that take much room."""
    kinds = [modality(column.kind).capabilities for column in ready.schema.features]
    is_media = any(kind.spatial or kind.ordered for kind in kinds)
    heavy = is_media and sum(x.nbytes for x in ready.inputs) > _MUCH_MEDIA
    return _MOST_ROWS_MEDIA if heavy else _MOST_ROWS


def _blocks(ready: Ready, inputs: list[torch.Tensor]) -> list[Block]:
    return [_block(ready, encoder, x) for encoder, x in zip(ready.encoders, inputs, strict=True)]


def _block(ready: Ready, encoder: Encoder, encoded: torch.Tensor) -> Block:
    """Encoded columns as simple methods want them: of categories the codes alone, without their spelling."""
    capabilities = modality(ready.schema.column(encoder.columns[0]).kind).capabilities
    cardinalities = getattr(encoder, "cardinalities", None)
    return Block(encoded[:, : len(cardinalities)] if cardinalities else encoded, capabilities, cardinalities)
