"""What stands beside an explanation: a change that would turn the decision, and training rows that bear on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from vouch.api.measuring import shown
from vouch.api.predicting import Bundle
from vouch.contracts.dataset import Dataset
from vouch.contracts.explaining import Alike, Change, Explanation, Parts, Question, WhatIf
from vouch.data.encode import encode
from vouch.errors import DataNotFoundError, UsageError, nearest
from vouch.explainers.influence import cosines, influences
from vouch.explainers.what_if import turned
from vouch.nets.network import Network, outputs_of, vectors_of
from vouch.statistics.recalibration import said

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_MOST_ROWS, _NEAREST = 5_000, 6


@dataclass(frozen=True, eq=False)
class Known:
    """Training rows of a bundle, encoded, with what the network makes of them.

    Args:
        bundle: whose rows they are.
        rows: their numbers in the cleaned data (N,).
        frame: their canonical cells.
        inputs: the same, encoded.
    """

    bundle: Bundle
    rows: Rows
    frame: pl.DataFrame
    inputs: tuple[Tensor, ...]

    @classmethod
    def of(cls, bundle: Bundle, data: Dataset | None, what: str) -> Known:
        """At most 5,000 of the rows that a bundle was trained on.

        Args:
            bundle: whose rows they are.
            data: what it was fitted on, where that is at hand.
            what: the option that needs them, for the message.

        Raises:
            DataNotFoundError: the data is not where it was, or is other data.
        """
        if data is None:
            raise DataNotFoundError(
                "the data that the bundle was fitted on is not where it was, or has changed", where=what,
                next_step=f"Put it back, or leave {what} out.",
            )  # fmt: skip
        rng, train = np.random.default_rng(bundle.recipe.seed), bundle.split.train
        rows = np.sort(rng.choice(train, min(_MOST_ROWS, len(train)), replace=False))
        frame = data.frame[rows]
        return cls(bundle, rows, frame, tuple(encode(frame, bundle.encoders)))

    @cached_property
    def decided(self) -> Rows:
        """The class that the network decides each row for (N,)."""
        return said(self.bundle, outputs_of(self.bundle.network.cpu(), self.inputs)).argmax(axis=1)

    def near(self, inputs: Sequence[Tensor], own: int) -> Rows:
        """Places of the few rows that are most alike to an encoded one, among those decided for another class."""
        apart = np.flatnonzero(self.decided != own)
        far = cosines(*(flat(x) for x in (trunk_of(self.bundle, inputs), self.vectors[torch.from_numpy(apart)])))[0]
        return apart[np.argsort(-far, kind="stable")[:_NEAREST]]

    @cached_property
    def vectors(self) -> Tensor:
        """What the trunk makes of each row (N, M, H)."""
        return trunk_of(self.bundle, self.inputs)

    def cells(self, at: int) -> tuple[tuple[str, str], ...]:
        """Column and content of the features of one of the rows."""
        return shown(self.bundle.schema, self.frame.row(at, named=True), most=len(self.bundle.schema.features))


def with_what_if(
    known: Known | None, questions: Sequence[Question], told: Sequence[Explanation], fixed: Sequence[str]
) -> tuple[Explanation, ...]:
    """Explanations with the smallest change that was found to turn each decision.

    Args:
        known: training rows whose values may stand in columns; none where parts are taken out alone.
        questions: about the explained rows, in their order.
        told: the explanations.
        fixed: columns that may not change.
    """
    # Each column may change by itself, and takes the value of one row, whatever was asked of contributions.
    alone = [
        replace(
            question, inputs=tuple(x[row : row + 1] for x in question.inputs), background="marginal", together=()
        )
        for question in questions for row in range(question.rows)
    ]  # fmt: skip
    pairs = zip(alone, told, strict=True)
    return tuple(replace(one, what_if=_what_if(known, question, one, fixed)) for question, one in pairs)


def content(some: Parts, place: int, column: str, cells: Mapping[str, str]) -> str:
    """What stands in one of the parts of a row.

    Args:
        some: parts of one block.
        place: of the part among them.
        column: that it is of.
        cells: content of the columns of the row.
    """
    if some.blank is None:
        return cells.get(column, "")
    return some.cells[place] if some.cells else ""


def check_what_if(bundle: Bundle, fixed: Sequence[str]) -> None:
    """Make sure that there is a decision to turn, and that columns which may not change exist.

    Raises:
        UsageError: there is none, or no such column.
    """
    if bundle.task.name not in ("binary", "multiclass"):
        raise UsageError(
            f"a {bundle.task.name} task has no decision that a change could turn", where="--what-if",
            next_step="Leave --what-if out.",
        )  # fmt: skip
    if bundle.shifts is not None:
        raise UsageError(
            "the bundle moves its answers to thresholds of its own, which no change of a row is tried against",
            where="--what-if", next_step="Ask the bundle that was treated.",
        )  # fmt: skip
    columns = [column.name for column in bundle.schema.features]
    for name in fixed:
        if name not in columns:
            raise UsageError(f"the network sees no column '{name}'", where="--fixed", next_step=nearest(name, columns))


def _what_if(known: Known | None, alone: Question, one: Explanation, fixed: Sequence[str]) -> WhatIf:
    """How one row could be decided otherwise."""
    bundle = alone.bundle
    own = int(said(bundle, outputs_of(bundle.network, alone.inputs))[0].argmax())
    near = np.zeros(1, np.int64) if known is None else known.near(alone.inputs, own)
    if not len(near):
        return WhatIf(())
    others = alone.inputs if known is None else tuple(x[torch.from_numpy(near)] for x in known.inputs)
    columns = [
        (column, some.blank is not None, content(some, k, column, dict(one.cells)))
        for some, names in zip(alone.parts, alone.columns, strict=True) for k, column in enumerate(names)
    ]  # fmt: skip
    free = np.array([column not in fixed for column, *_ in columns])
    best = turned(replace(alone, wanted=np.array([own]), others=others), free)
    if best is None:
        return WhatIf(())
    cells = {} if known is None else dict(known.cells(int(near[best.like])))
    changes = tuple(
        Change(alone.names[k], columns[k][2], "" if columns[k][1] else cells[columns[k][0]]) for k in best.parts
    )
    exchanged = known is not None and not all(columns[k][1] for k in best.parts)
    like = int(known.rows[near[best.like]]) if known is not None and exchanged else -1
    other = bundle.task.classes[best.other]
    return WhatIf(changes, other, f"probability[{other}]", best.value, like)


def with_alike(
    known: Known, questions: Sequence[Question], told: Sequence[Explanation], count: int
) -> tuple[Explanation, ...]:
    """Explanations with training rows that are most alike, and those of most influence on the answer.

    Args:
        known: training rows.
        questions: about the explained rows, in their order.
        told: the explanations.
        count: how many of each.
    """
    bundle = known.bundle
    wanted = bundle.task.encode(known.frame[bundle.schema.target.name])
    losses = _slopes(known, known.inputs, lambda outputs: bundle.task.loss(outputs, wanted, 0.0))
    targets = [str(cell) for cell in known.frame[bundle.schema.target.name].to_list()]
    found: list[Explanation] = []
    for question in questions:
        at = torch.from_numpy(question.wanted)[:, None]
        slopes = _slopes(known, question.inputs, lambda outputs, at=at: bundle.task.answer(outputs).gather(1, at)[:, 0])
        vectors = trunk_of(bundle, question.inputs)
        near = cosines(flat(vectors), flat(known.vectors))
        moved = influences(vectors.double().numpy(), slopes, known.vectors.double().numpy(), losses)
        for row in range(question.rows):
            ranks = (np.argsort(-values, kind="stable")[:count] for values in (near[row], np.abs(moved[row])))
            alike = tuple(
                Alike(int(known.rows[k]), targets[k], float(near[row, k]), float(moved[row, k]), known.cells(int(k)))
                for k in dict.fromkeys(np.concatenate(list(ranks)).tolist())
            )
            found.append(replace(told[len(found)], alike=alike))
    return tuple(found)


def trunk_of(bundle: Bundle, inputs: Sequence[Tensor]) -> Tensor:
    """What the trunk of a bundle's network makes of encoded rows (n, M, H)."""
    assert isinstance(bundle.network, Network)
    return vectors_of(bundle.network, inputs)


def flat(vectors: Tensor) -> Floats:
    """Vectors of all members side by side (n, M·H)."""
    return vectors.flatten(1).double().numpy()


def _slopes(known: Known, inputs: Sequence[Tensor], of: Callable[[Tensor], Tensor]) -> Floats:
    """Slopes of one number for each row by the outputs of the head (n, M, K)."""
    outputs = outputs_of(known.bundle.network, inputs).clone().requires_grad_()
    (slopes,) = torch.autograd.grad(of(outputs).sum(), outputs)
    return slopes.double().numpy()
