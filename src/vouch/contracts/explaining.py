"""What is asked of an explanation, and what it says: how much each part of a row moved the network's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from vouch.contracts.finding import Estimate
from vouch.contracts.synthesis import Synthesis

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from vouch.contracts.bundle import BundleValue

    Floats = npt.NDArray[np.float64]

Background = Literal["marginal", "conditional"]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What may be taken out of an encoded row, one by one.

    Args:
        owner: which part each value of the encoded row belongs to, in the shape of one row, int64; -1 where a value
            belongs to none and stays.
        names: of the parts, as a reader knows them; a name stands once.
        blank: one encoded row with all its parts taken out; none where the values of other rows stand in their place.
        boxes: where the parts lie on a grid, for each its top, left, bottom and right.
        cells: what stands in the parts, such as a word; none where a part is a whole cell.
    """

    owner: Tensor
    names: tuple[str, ...]
    blank: Tensor | None = None
    boxes: tuple[Box, ...] = ()
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Rows whose answers are to be explained, all made of the same parts, and the rows that they are compared with.

    Args:
        bundle: whose network answers.
        parts: of the rows, one entry for each block of columns.
        inputs: the encoded rows (B, ...), one tensor for each block.
        others: encoded rows (G, ...) whose values stand in where a part without a blank is taken out.
        wanted: which output of each row is explained (B,): the number of a class, 0 for a value.
        seed: fixes what is drawn at random.
        precision: standard error to stop at, as a share of the range of the output; sampling methods ask for it.
        seconds: time after which they stop all the same; the standard error says where they are then.
        background: how values of other rows are drawn: whatever the parts that stay ("marginal"), or from rows that
            resemble them ("conditional").
        together: columns whose parts are taken out and put in as one, each group by itself.
    """

    bundle: BundleValue
    parts: tuple[Parts, ...]
    inputs: tuple[Tensor, ...]
    others: tuple[Tensor, ...]
    wanted: npt.NDArray[np.int64]
    seed: int = 0
    precision: float = 0.005
    seconds: float = 60.0
    background: Background = "marginal"
    together: tuple[tuple[str, ...], ...] = ()

    @property
    def columns(self) -> tuple[tuple[str, ...], ...]:
        """The column that each part is of, or inside, block by block."""
        blocks = zip(self.bundle.encoders, self.parts, strict=True)
        return tuple(
            some.names if some.blank is None else encoder.columns[:1] * len(some.names) for encoder, some in blocks
        )

    @property
    def players(self) -> tuple[tuple[int, ...], ...]:
        """The player that each part is, block by block: what is together is one player, any other part one of its own.

        Players are counted in the order in which their first parts stand.
        """
        group = {column: (-1, number) for number, columns in enumerate(self.together) for column in columns}
        keys = [
            [group.get(column, (block, place)) for place, column in enumerate(columns)]
            for block, columns in enumerate(self.columns)
        ]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(key for some in keys for key in some))}
        return tuple(tuple(numbers[key] for key in some) for some in keys)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all players (P): those of their parts, or of the columns that are together."""
        joined = {column: " + ".join(columns) for columns in self.together for column in columns}
        found: dict[int, str] = {}
        for players, columns, some in zip(self.players, self.columns, self.parts, strict=True):
            for player, column, name in zip(players, columns, some.names, strict=True):
                found.setdefault(player, joined.get(column, name))
        return tuple(found.values())

    @property
    def rows(self) -> int:
        """How many rows are asked about (B)."""
        return len(self.wanted)


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What each player contributed to the answers to a question: a part, or parts that are together.

    Args:
        values: contribution of each part to each row's answer (B, P), in the unit of the answer.
        base: what the answer would be without any part (B,).
        answers: what the network says (B,).
        errors: standard errors of the contributions (B, P); zeros where nothing is drawn at random.
        adds_up: whether contributions and base sum to the answer.
        misses: how far they are from it at most, where they are computed by approximation.
        notes: how it was computed, for readers; the same for all rows.
        fit: share of the variance of answers near each row that its contributions explain (B,), where they are slopes.
    """

    values: Floats
    base: Floats
    answers: Floats
    errors: Floats
    adds_up: bool
    misses: float = 0.0
    notes: tuple[str, ...] = ()
    fit: Floats | None = None


class Explainer(Protocol):
    """One way to say what moved a network's answer.

    It leaves the network as it was: same weights, same mode, no hooks, also when it is stopped by an exception.
    ``name`` is what users type, ``says`` one sentence on what its contributions mean, ``reference`` where it is from.
    """

    name: ClassVar[str]
    says: ClassVar[str]
    reference: ClassVar[str]

    def applies(self, question: Question) -> str:
        """Empty when it can be asked of this network, else half a sentence saying why it cannot."""
        ...

    def passes(self, parts: int) -> int:
        """How often the network is passed for a row of so many parts, if no row stands in; a way back counts as two."""
        ...

    def attribute(self, question: Question) -> Attribution:
        """The contribution of every part to every row's answer."""
        ...


@dataclass(frozen=True, slots=True)
class Share:
    """What one part of a row contributed to its answer.

    Args:
        part: its name, such as "age", or "message[3] free"; of columns that are together "age + sex".
        column: that it is of; of columns that are together the same as its name.
        place: its number within the column.
        cell: its content, for a reader.
        value: its contribution, in the unit of the answer.
        error: standard error of the value.
        box: where it lies on a picture.
        level: of a quantity or a date how high it is among the explained rows, from 0 to 1; none of all else.
    """

    part: str
    column: str
    place: int
    cell: str
    value: float
    error: float = 0.0
    box: Box | None = None
    level: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a row that would be another.

    Args:
        part: its name.
        before: its content.
        after: what would stand there; empty where it is taken out.
    """

    part: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A small change of a row with which the network would decide otherwise.

    Args:
        changes: of parts, none of which can be left out; empty where none was found.
        prediction: what would be decided then.
        answer: what is promised then, such as "probability[no]".
        value: how much.
        like: the training row whose values stand in the changed columns; -1 where parts are taken out alone.
    """

    changes: tuple[Change, ...]
    prediction: str = ""
    answer: str = ""
    value: float = 0.0
    like: int = -1


@dataclass(frozen=True, slots=True)
class Alike:
    """A training row that has to do with a row that is explained.

    Args:
        row: its number in the data that the network was fitted on.
        target: what is true of it.
        cosine: how alike both are to the network, from -1 to 1.
        influence: how much a step on it would raise the explained answer, in units of the head's learning rate; below
            0 it speaks against it.
        cells: column and content of its features.
    """

    row: int
    target: str
    cosine: float
    influence: float
    cells: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the network answered one row as it did.

    Args:
        row: its number in the data, from 0.
        prediction: as ``predict`` gives it.
        answer: what is explained, such as "probability[yes]", or the target.
        value: the answer.
        base_value: what it would be without any part.
        shares: contributions of the parts, largest first.
        method: the explainer.
        cells: column and content of each feature; a picture is a ``data:image/png`` address.
        what_if: with which small change it would be decided otherwise, where that was asked.
        alike: training rows that are most alike, and those of most influence, where that was asked.
    """

    row: int
    prediction: str | float
    answer: str
    value: float
    base_value: float
    shares: tuple[Share, ...]
    method: str
    cells: tuple[tuple[str, str], ...] = ()
    what_if: WhatIf | None = None
    alike: tuple[Alike, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """Explanations of some rows, and how they were made.

    Args:
        explanations: one for each row.
        method: the explainer.
        says: one sentence on what its contributions mean.
        notes: how they were computed, and against what.
        faithfulness: whether the contributions are those that matter to the network: the area under the curve of
            insertion less that of deletion (0 on average under a random order), and both areas.
        synthesis: what was seen inside the network, where that was asked.
        background: how values of other rows were drawn; none where no row stands in.

    Example:
        >>> Explained((), "shapley", "What each part adds to the answer.", ()).faithfulness
        ()
    """

    explanations: tuple[Explanation, ...]
    method: str
    says: str
    notes: tuple[str, ...]
    faithfulness: tuple[Estimate, ...] = ()
    synthesis: Synthesis | None = None
    background: Background | None = None
