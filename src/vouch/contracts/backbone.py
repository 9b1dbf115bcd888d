"""What a network may start from: the encoders and the weights that another one has learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder
from vouch.contracts.schema import Option

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

    View = Callable[[Tensor, torch.Generator], Tensor]

How = Literal["labels", "no labels", "checkpoint"]


@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """Everything of a network but its head, with what its inputs are encoded by.

    Args:
        name: of the bundle or the checkpoint that it is from, without the folders before it.
        digest: of its weights and its encoders (SHA-256 in hexadecimal), by which it is known again.
        how: what the weights were learned from: labels, data without labels, or elsewhere (a checkpoint).
        recipe: that its nets were built by.
        encoders: one for each block of columns.
        weights: by their names in a network of these encoders, those of the head left out.
    """

    name: str
    digest: str
    how: How
    recipe: Recipe
    encoders: tuple[Encoder, ...]
    weights: Mapping[str, Tensor]

    @property
    def title(self) -> str:
        """Name and digest, as the recipe key ``start`` has them."""
        return f"{self.name}@{self.digest[:16]}"


@dataclass(frozen=True, slots=True, eq=False)
class Inherited:
    """An encoder that reads its columns as another one has learned to, and where the other's weights belong.

    Args:
        encoder: for the new columns.
        columns: those that the other one knew.
        rows: for each weight of the embedder that is taken over in part: the rows (first dimension) of the new one that
            are known, and the rows of the other's that they take. None takes all weights as they are.
    """

    encoder: Encoder
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Tensor, Tensor]] | None = None


@runtime_checkable
class Inheriting(Protocol):
    """An encoder that can go on from where another of its kind was; those that cannot are learned anew."""

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """The recipe keys that decide the shapes of its embedder's weights."""
        ...

    @property
    def places(self) -> tuple[int, ...]:
        """For each section of its embedder's vector the place, among its columns, of the column that it is of."""
        ...

    def reading(self, options: Mapping[str, Option]) -> Mapping[str, Option]:
        """Options that a column needs, instead of those that it has, so that this encoder's net can see it."""
        ...

    def inherit(self, known: Encoder) -> Inherited | None:
        """Itself, learned from new data, brought to what a known one of the same class has learned.

        Args:
            known: what the weights to be taken over belong to.

        Returns:
            None where the two have nothing in common.
        """
        ...


@runtime_checkable
class Viewing(Protocol):
    """An encoder whose rows can be seen from many sides, so that what stays the same can be learned without labels."""

    def view(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Each row of a batch (B, ...) strongly changed at random, but still recognisable."""
        ...


@runtime_checkable
class Spelling(Protocol):
    """An encoder of rows of numbered pieces (B, T), 0 where a row is over: some can be hidden and guessed."""

    @property
    def pieces(self) -> int:
        """How many different pieces there are, the padding included."""
        ...

    @property
    def padding(self) -> int:
        """The number that stands where a row is over."""
        ...

    @property
    def hidden(self) -> int:
        """The number that stands in the place of a hidden piece."""
        ...
