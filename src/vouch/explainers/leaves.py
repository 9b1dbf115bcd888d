"""A row as values that a gradient can be taken by, whatever its columns are like.

Columns are followed from their vectors, pictures from their pixels, and texts from the vectors that their pieces are
looked up as: the numbers of the pieces have no gradient, so each place gets a vector of its own to be looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from vouch.contracts.explaining import Parts, Question
from vouch.explainers.game import owner_of_values, owner_of_vector
from vouch.explainers.still import still
from vouch.nets.network import Network

_VALUES = 400_000
MARGINAL_ONLY = "it takes no conditional background"


class Leaf(Protocol):
    """One block of columns as values that a gradient can be taken by."""

    def own(self, row: int) -> Tensor:
        """The values of a row that is asked about (...)."""
        ...

    def behind(self) -> Tensor:
        """What stands in for them: of one row that is blank, or of all rows that stand in (G, ...)."""
        ...

    def vectors(self, values: Tensor, row: int) -> Tensor:
        """Values (S, ...), of a row or on the way to it, to what the embedder makes of them (S, D)."""
        ...

    def by_player(self, values: Tensor, players: int) -> Tensor:
        """Values (S, ...) summed within each player (S, P); 0 for those of other blocks."""
        ...


class Leaves:
    """All blocks of some rows as values that a gradient can be taken by.

    Args:
        question: the rows, their parts, and the rows that stand in.

    Raises:
        TypeError: the network has no vectors between embedders and trunk.
    """

    def __init__(self, question: Question) -> None:
        network = question.bundle.network
        if not isinstance(network, Network):
            raise TypeError(f"a {type(network).__name__} has no vectors to be entered at")
        self.question, self.network, self.players = question, network, len(question.names)
        with torch.no_grad(), still(network):
            self.leaves = [_leaf(question, network, number) for number in range(len(question.parts))]

    def own(self, row: int) -> list[Tensor]:
        """The values of a row, block by block."""
        return [leaf.own(row) for leaf in self.leaves]

    def behind(self) -> list[Tensor]:
        """What stands in for them, block by block, as many rows of each."""
        found = [leaf.behind() for leaf in self.leaves]
        count = max(len(x) for x in found)
        return [x.expand(count, *x.shape[1:]) for x in found]

    def answers(self, values: Sequence[Tensor], row: int) -> Tensor:
        """What the network answers to values (S, ...), of the wanted output of a row (S,), with a gradient."""
        with still(self.network):
            vectors = [leaf.vectors(x, row) for leaf, x in zip(self.leaves, values, strict=True)]
            outputs = self.network.answer(torch.cat(vectors, dim=1))
        return self.question.bundle.task.answer(outputs)[:, self.question.wanted[row]]

    def gradients(self, values: Sequence[Tensor], row: int) -> list[Tensor]:
        """Gradients of the answers by the values, block by block (S, ...)."""
        with torch.enable_grad():
            leaves = [x.detach().clone().requires_grad_() for x in values]
            return list(torch.autograd.grad(self.answers(leaves, row).sum(), leaves))

    def by_part(self, values: Sequence[Tensor]) -> Tensor:
        """Values (S, ...) of all blocks, summed within each part, or within parts that are together (S, P)."""
        each = [leaf.by_player(x, self.players) for leaf, x in zip(self.leaves, values, strict=True)]
        return torch.stack(each).sum(dim=0)


@dataclass(frozen=True, slots=True, eq=False)
class _Vectors:
    """Columns, from their vectors on."""

    rows: Tensor
    others: Tensor
    owner: Tensor

    def own(self, row: int) -> Tensor:
        return self.rows[row]

    def behind(self) -> Tensor:
        return self.others

    def vectors(self, values: Tensor, row: int) -> Tensor:
        del row
        return values

    def by_player(self, values: Tensor, players: int) -> Tensor:
        return by_owner(values, self.owner, players)


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """A block whose encoded values are quantities already, such as pixels."""

    embedder: nn.Module
    rows: Tensor
    parts: Parts
    owner: Tensor

    def own(self, row: int) -> Tensor:
        return self.rows[row].float()

    def behind(self) -> Tensor:
        assert self.parts.blank is not None
        return self.parts.blank.float()[None]

    def vectors(self, values: Tensor, row: int) -> Tensor:
        del row
        return self.embedder(values)

    def by_player(self, values: Tensor, players: int) -> Tensor:
        return by_owner(values, self.owner, players)


@dataclass(frozen=True, slots=True, eq=False)
class _Lookups:
    """A block of numbers whose meaning is looked up in tables: its values are what is found there.

    Args:
        embedder: that looks up.
        tables: the names of its parameters in which it does, side by side in the values.
        rows: numbers (B, T).
        parts: of the row; what stands in is looked up where nothing is.
        owner: the player that each number belongs to.
    """

    embedder: nn.Module
    tables: tuple[str, ...]
    rows: Tensor
    parts: Parts
    owner: Tensor

    def own(self, row: int) -> Tensor:
        return self._found(self.rows[row])

    def behind(self) -> Tensor:
        assert self.parts.blank is not None
        # What belongs to no part, such as the marks of a net from elsewhere, is the same on both sides.
        return self._found(torch.where(self.parts.owner < 0, self.rows[0], self.parts.blank))[None]

    def vectors(self, values: Tensor, row: int) -> Tensor:
        assert self.parts.blank is not None
        count, empty = len(values), int(self.parts.blank.flatten()[0])
        present = self.rows[row] != empty
        places = torch.arange(count * len(present)).view(count, -1)
        # The number for "nothing" keeps its place in the tables.
        numbers = torch.where(present, places + empty + 1, empty)
        before = self._found(torch.arange(empty + 1))
        whole = torch.cat([before, values.flatten(0, 1)]).split(self._widths(), dim=1)
        return functional_call(self.embedder, dict(zip(self.tables, whole, strict=True)), (numbers,))

    def by_player(self, values: Tensor, players: int) -> Tensor:
        return by_owner(values.sum(-1), self.owner, players)

    def _found(self, numbers: Tensor) -> Tensor:
        known = dict(self.embedder.named_parameters())
        return torch.cat([known[name].detach()[numbers.long()] for name in self.tables], dim=-1)

    def _widths(self) -> list[int]:
        known = dict(self.embedder.named_parameters())
        return [known[name].shape[1] for name in self.tables]


def at_once(values: Sequence[Tensor]) -> int:
    """How many copies of the values of one row go there and back together: as many as fit into a few hundred MB.

    Example:
        >>> at_once([torch.zeros(20, 16)]), at_once([torch.zeros(3, 64, 64)])
        (256, 32)
    """
    return min(max(_VALUES // max(sum(x.numel() for x in values), 1), 16), 256)


def unfollowed(question: Question) -> str:
    """Empty when the answers have a gradient by every block, else half a sentence saying why they have none.

    A gradient knows no rows that resemble what stays, so there is none of a conditional background either.
    """
    if question.background == "conditional":
        return MARGINAL_ONLY
    network = question.bundle.network
    if not isinstance(network, Network):
        return f"a {type(network).__name__} has no vectors to be entered at"
    blocks = zip(network.embedders, question.bundle.encoders, question.parts, question.inputs, strict=True)
    for embedder, encoder, parts, rows in blocks:
        followed = (
            owner_of_vector(embedder, encoder) is not None
            if parts.blank is None
            else rows.ndim > 2 or hasattr(encoder, "pieces")
        )
        if not followed:
            return f"the columns of a {type(encoder).__name__} have no values to follow"
    return ""


def _leaf(question: Question, network: Network, number: int) -> Leaf:
    embedder, parts, rows = network.embedders[number], question.parts[number], question.inputs[number]
    encoder, mine = question.bundle.encoders[number], owner_of_values(question)[number]
    if parts.blank is None:
        owner = owner_of_vector(embedder, encoder)
        assert owner is not None
        players = torch.tensor(question.players[number])
        return _Vectors(embedder(rows), embedder(question.others[number]), players[owner])
    if rows.ndim > 2:
        return _Values(embedder, rows, parts, mine)
    count = encoder.pieces  # type: ignore[attr-defined]
    tables = tuple(name for name, weight in embedder.named_parameters() if weight.ndim == 2 and len(weight) == count)
    return _Lookups(embedder, tables, rows, parts, mine)


def by_owner(values: Tensor, owner: Tensor, parts: int) -> Tensor:
    """Values (S, ...) summed over what each part or player owns (S, P); what belongs to none is left out."""
    flat, mine = values.flatten(1), owner.flatten()
    out = torch.zeros(len(values), parts + 1, dtype=values.dtype)
    return out.index_add_(1, torch.where(mine < 0, parts, mine), flat)[:, :parts]
