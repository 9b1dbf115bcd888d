"""A prediction as a game whose players are the parts of a row: any of them may be in, and the others taken out.

A part that is out leaves its blank behind, or the value that another row has in its place: whichever row, or one that
resembles the parts that are in. What many coalitions share is computed once: columns are mixed as vectors, texts and
pictures are embedded once for each set of parts that is left of them, and a trunk whose first layer is linear is
entered by sums of what each column brings to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vouch.contracts.explaining import Question
from vouch.explainers.still import still
from vouch.nets.network import Network
from vouch.statistics.recalibration import said
from vouch.statistics.resembling import Resemblance

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

# Coalitions that are worked on at once: what they need stays near the processor.
_AT_ONCE = 1024
_EMBEDDED_AT_ONCE = 256
_COMPARED_AT_ONCE = 256


class Game:
    """The answers of a bundle's network to coalitions of the parts of some rows.

    Args:
        question: the rows, their parts, and the rows that stand in.

    Raises:
        TypeError: the network has no vectors between embedders and trunk.
        ValueError: the background is conditional, and a part leaves a blank.

    Source:
        Shapley, A value for n-person games (1953); Strumbelj and Kononenko, Explaining prediction models and individual
        predictions with feature contributions (2014); Aas, Jullum and Løland, Explaining individual predictions when
        features are dependent (2021), for the conditional background.
    """

    def __init__(self, question: Question) -> None:
        network = question.bundle.network
        if not isinstance(network, Network):
            raise TypeError(f"a {type(network).__name__} has no vectors to be entered at")
        self.question, self.network, self.players = question, network, len(question.names)
        with torch.inference_mode(), still(network):
            self._blocks = [_block(question, number) for number in range(len(question.parts))]
        columns = [block for block in self._blocks if isinstance(block, _Columns)]
        linear = hasattr(network.trunk, "enter") and len(columns) == len(self._blocks)
        self._sums = _Sums(network, columns, self.players) if linear else None
        self._like = _Like(question) if question.background == "conditional" else None

    def values(self, keep: Bools, other: Rows, rows: slice = slice(None)) -> Floats:
        """The answers to the same coalitions of the parts of several rows.

        Args:
            keep: which parts are in (S, P).
            other: number of the row that stands in for what is out (S,); without meaning under a conditional
                background, where answers are means over all rows that resemble what is in.
            rows: of the question, whose answers are wanted.

        Returns:
            Answers (R, S), of the wanted output of each row.
        """
        numbers = range(self.question.rows)[rows]
        out = np.empty((len(numbers), len(keep)))
        with torch.inference_mode(), still(self.network):
            for start in range(0, len(keep), _AT_ONCE):
                some = slice(start, start + _AT_ONCE)
                if self._like is not None:
                    out[:, some] = [self._expected(keep[some], row) for row in numbers]
                    continue
                outputs_of = self._asked(torch.from_numpy(keep[some]), torch.from_numpy(other[some]))
                for place, row in enumerate(numbers):
                    out[place, some] = self._wanted(outputs_of(row), row)
        return out

    def decoded(self, keep: Bools, other: Rows, row: int) -> Floats:
        """All that is said of coalitions of the parts of one row: probabilities (S, K), or values (S,)."""
        found = []
        with torch.inference_mode(), still(self.network):
            for start in range(0, len(keep), _AT_ONCE):
                some = slice(start, start + _AT_ONCE)
                outputs_of = self._asked(torch.from_numpy(keep[some]), torch.from_numpy(other[some]))
                found.append(said(self.question.bundle, outputs_of(row)))
        return np.concatenate(found)

    def answers(self) -> Floats:
        """What the network says of the rows themselves (B,)."""
        everything = np.ones((1, self.players), bool)
        return self.values(everything, np.zeros(1, np.int64))[:, 0]

    def base(self) -> Floats:
        """The answers without any part, averaged over the rows that stand in (B,)."""
        return self.values(np.zeros((self.stand_ins, self.players), bool), np.arange(self.stand_ins)).mean(1)

    @property
    def stand_ins(self) -> int:
        """How many rows stand in for what is taken out one by one.

        One where every part leaves a blank, or where answers are means over the rows that stand in.
        """
        several = self._like is None and any(some.blank is None for some in self.question.parts)
        return len(self.question.others[0]) if several else 1

    def _asked(self, keep: Tensor, other: Tensor) -> Callable[[int], Tensor]:
        """From the number of a row to the network's outputs for coalitions of its parts (S, M, K)."""
        if self._sums is not None:
            return partial(self._sums.outputs, keep, self._sums.outside(keep, other))

        def outputs(row: int) -> Tensor:
            vectors = [block.mixed(keep, other, row) for block in self._blocks]
            return self.network.answer(torch.cat(vectors, dim=1))

        return outputs

    def _expected(self, keep: Bools, row: int) -> Floats:
        """The answers to coalitions of one row (S,), each a mean over the rows that resemble what is in."""
        assert self._like is not None
        found = []
        for start in range(0, len(keep), _COMPARED_AT_ONCE):
            some = keep[start : start + _COMPARED_AT_ONCE]
            place, other, weight = self._like.to(row, some)
            answers = np.empty(len(place))
            for first in range(0, len(place), _AT_ONCE):
                at = slice(first, first + _AT_ONCE)
                outputs_of = self._asked(torch.from_numpy(some[place[at]]), torch.from_numpy(other[at]))
                answers[at] = self._wanted(outputs_of(row), row)
            found.append(np.bincount(place, weight * answers, len(some)))
        return np.concatenate(found)

    def _wanted(self, outputs: Tensor, row: int) -> Floats:
        decoded = said(self.question.bundle, outputs)
        return decoded if decoded.ndim == 1 else decoded[:, self.question.wanted[row]]


class _Columns:
    """A block whose vector has a section for each part: taken out is what the vector of another row has there.

    Args:
        own: vectors of the rows (B, D).
        others: vectors of the rows that stand in (G, D).
        owner: the part that each number of a vector is of (D,).
    """

    def __init__(self, own: Tensor, others: Tensor, owner: Tensor) -> None:
        self.own, self.others, self.owner = own, others, owner

    def mixed(self, keep: Tensor, other: Tensor, row: int) -> Tensor:
        """Vectors of coalitions (S, D)."""
        return torch.where(keep[:, self.owner], self.own[row], self.others[other])


class _Inside:
    """A block whose parts are inside the encoded row; coalitions that leave the same of it are embedded once.

    Args:
        question: the rows and their parts.
        number: of the block.
    """

    def __init__(self, question: Question, number: int) -> None:
        network = question.bundle.network
        assert isinstance(network, Network)
        self.embedder, self.blank = network.embedders[number], question.parts[number].blank
        self.own, self.others = question.inputs[number], question.others[number]
        self.owner, self.players = owner_of_values(question)[number], sorted(set(question.players[number]))

    def mixed(self, keep: Tensor, other: Tensor, row: int) -> Tensor:
        """Vectors of coalitions (S, D)."""
        told = np.packbits(np.pad(keep[:, self.players].numpy(), ((0, 0), (0, 1))), axis=1)
        if self.blank is None:
            told = np.concatenate([told, other.numpy()[:, None].view(np.uint8)], axis=1)
        first, place = _distinct(told)
        vectors = [self._embedded(keep[some], other[some], row) for some in first.split(_EMBEDDED_AT_ONCE)]
        return torch.cat(vectors)[place]

    def _embedded(self, keep: Tensor, other: Tensor, row: int) -> Tensor:
        # What belongs to no part has the number -1, and finds the last column: it stays.
        left = torch.cat([keep, torch.ones(len(keep), 1, dtype=torch.bool)], dim=1)[:, self.owner]
        behind = self.others[other] if self.blank is None else self.blank
        return self.embedder(torch.where(left, self.own[row], behind))


class _Sums:
    """A trunk that begins with a linear layer, entered by sums of what each column brings to it.

    Args:
        network: whose trunk has ``enter`` and ``after``.
        blocks: all of its blocks.
        players: number of parts (P).
    """

    def __init__(self, network: Network, blocks: Sequence[_Columns], players: int) -> None:
        self.network, self.trunk = network, network.trunk
        self.own = torch.cat([block.own for block in blocks], dim=1)
        self.others = torch.cat([block.others for block in blocks], dim=1)
        self.owner = torch.cat([block.owner for block in blocks])
        self.alone = torch.arange(players)[:, None] == self.owner

    def outside(self, keep: Tensor, other: Tensor) -> Tensor:
        """What the parts that are out bring to the first layer, and its bias (S, M, H)."""
        return self._enter(torch.where(keep[:, self.owner], 0.0, self.others[other]))

    def outputs(self, keep: Tensor, outside: Tensor, row: int) -> Tensor:
        """The network's outputs for coalitions of a row's parts (S, M, K)."""
        brought = self._enter(self.alone * self.own[row]) - self._enter(torch.zeros_like(self.own[:1]))
        inside = keep.to(brought.dtype) @ brought.flatten(1)
        return self.network.head(self.trunk.after(outside + inside.view_as(outside)))  # type: ignore[operator]

    def _enter(self, vectors: Tensor) -> Tensor:
        return self.trunk.enter(vectors)  # type: ignore[operator]


class _Like:
    """The rows that stand in for what is out of a row: the more alike they are in what is in, the more they count.

    Args:
        question: about rows of columns.
    """

    def __init__(self, question: Question) -> None:
        if any(some.blank is not None for some in question.parts):
            raise ValueError("parts that leave a blank have no conditional background")
        self.question = question
        players = np.concatenate([np.array(some, np.int64) for some in question.players])
        self.columns = players == np.arange(len(question.names))[:, None]
        starts = np.cumsum([0, *(len(some) for some in question.players)])
        # Of rows that are as alike those in front are taken: as they lie in the data they may differ.
        self.order = np.random.default_rng(question.seed).permutation(len(question.others[0]))
        owners = [some.owner.numpy() + start for some, start in zip(question.parts, starts[:-1], strict=True)]
        self.rows = Resemblance([x.numpy()[self.order] for x in question.others], owners)

    def to(self, row: int, keep: Bools) -> tuple[Rows, Rows, Floats]:
        """For coalitions (S, P) of a row: which coalition, which row stands in, its weight (n,), 1 for each in sum."""
        own = [x[row].numpy() for x in self.question.inputs]
        place, other, weight = self.rows.weights(own, keep @ self.columns)
        return place, self.order[other], weight


def _block(question: Question, number: int) -> _Columns | _Inside:
    """How a block is mixed: by the sections of its vector where each is of one column, else inside the encoded row."""
    network, parts = question.bundle.network, question.parts[number]
    assert isinstance(network, Network)
    embedder, encoder = network.embedders[number], question.bundle.encoders[number]
    owner = owner_of_vector(embedder, encoder)
    if parts.blank is not None or owner is None:
        return _Inside(question, number)
    own, others = (_embedded(embedder, x[number]) for x in (question.inputs, question.others))
    return _Columns(own, others, torch.tensor(question.players[number])[owner])


def owner_of_values(question: Question) -> list[Tensor]:
    """The player that each value of an encoded row belongs to, block by block (...); -1 where it belongs to none."""
    blocks = zip(question.players, question.parts, strict=True)
    # The number -1 finds the last place.
    return [torch.tensor([*players, -1])[some.owner] for players, some in blocks]


def owner_of_vector(embedder: nn.Module, encoder: object) -> Tensor | None:
    """The column that each number of an embedder's vector (D,) is of; none where it does not say.

    Example:
        >>> from types import SimpleNamespace
        >>> embedder = nn.Identity()
        >>> embedder.sections = [2, 1]
        >>> owner_of_vector(embedder, SimpleNamespace(places=(0, 1)))
        tensor([0, 0, 1])
    """
    sections: list[int] = getattr(embedder, "sections", [])
    columns: tuple[str, ...] = getattr(encoder, "columns", ())
    places: tuple[int, ...] = getattr(encoder, "places", tuple(range(len(columns))))
    if not sections or not places or len(sections) % len(places):
        return None
    # Networks that answer together bring the same sections one after the other.
    every = torch.tensor(places).repeat(len(sections) // len(places))
    return every.repeat_interleave(torch.tensor(sections))


def _embedded(embedder: nn.Module, x: Tensor) -> Tensor:
    return torch.cat([embedder(some) for some in x.split(_AT_ONCE)])


def _distinct(told: npt.NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """Where each distinct row of bytes first stands, and which of them each row is."""
    whole = np.ascontiguousarray(told).view(np.dtype((np.void, told.shape[1]))).ravel()
    _, first, place = np.unique(whole, return_index=True, return_inverse=True)
    return torch.from_numpy(first), torch.from_numpy(place.ravel())
