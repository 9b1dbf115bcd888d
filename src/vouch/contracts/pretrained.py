"""What learning without labels leaves behind: a backbone to start from, and how it was made."""

from __future__ import annotations

from dataclasses import dataclass

from vouch.contracts.backbone import Backbone
from vouch.contracts.bundle import Run
from vouch.contracts.schema import Schema


@dataclass(frozen=True, slots=True, eq=False)
class Pretrained:
    """Everything that ``pretrain`` returns, and a folder ``NAME.vouch`` without a task holds.

    Args:
        schema: what each column is; none is a target.
        backbone: encoders and weights.
        objective: what was learned, in a sentence.
        run: the circumstances; scores are losses on rows that no gradient has seen.
        rows: how many trained, and how many chose when to stop.

    Example:
        >>> import vouch
        >>> done = vouch.pretrain({"size": [float(i) for i in range(60)], "half": [i / 2 for i in range(60)]},
        ...     settings={"epochs": 1})
        >>> done.backbone.how
        'no labels'
    """

    schema: Schema
    backbone: Backbone
    objective: str
    run: Run
    rows: tuple[int, int]
