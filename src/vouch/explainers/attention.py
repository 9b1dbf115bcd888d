"""Attention as an explanation: what the pieces of a text look at. It need not be what moves the answer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from vouch.contracts.explaining import Attribution, Question
from vouch.explainers.game import Game, owner_of_values
from vouch.explainers.leaves import MARGINAL_ONLY, by_owner
from vouch.explainers.still import still
from vouch.nets.network import Network


class Attention:
    """What the last block's pieces look at, weighed by how much each counts in the end.

    Source:
        Jain and Wallace, Attention is not explanation (2019), for why it is shown as unproved.
    """

    name: ClassVar[str] = "attention"
    says: ClassVar[str] = "How much the last layer looks at this part; that need not be what moves the answer."
    reference: ClassVar[str] = "Jain and Wallace (2019), Attention is not explanation"

    def applies(self, question: Question) -> str:
        """Transformers alone have attention to look at."""
        return _applies(question)

    def passes(self, parts: int) -> int:
        """One way there."""
        del parts
        return 1

    def attribute(self, question: Question) -> Attribution:
        """How much is looked at every part of every row."""
        return _attributed(question, rolled=False)


class AttentionRollout:
    """What the pieces look at through all blocks, each of which also keeps what it was given.

    Source:
        Abnar and Zuidema, Quantifying attention flow in transformers (2020).
    """

    name: ClassVar[str] = "attention_rollout"
    says: ClassVar[str] = "How much all layers together look at this part; that need not be what moves the answer."
    reference: ClassVar[str] = "Abnar and Zuidema (2020), Quantifying attention flow in transformers"

    def applies(self, question: Question) -> str:
        """Transformers alone have attention to look at."""
        return _applies(question)

    def passes(self, parts: int) -> int:
        """One way there."""
        del parts
        return 1

    def attribute(self, question: Question) -> Attribution:
        """How much is looked at every part of every row, through all layers."""
        return _attributed(question, rolled=True)


def rollout(looks: list[Tensor]) -> Tensor:
    """Attention of all blocks (B, T, T) as one, half of each block being what it was given.

    Example:
        >>> rollout([torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])])[0].tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """
    joined = torch.eye(looks[0].shape[-1]).expand_as(looks[0])
    for one in looks:
        joined = (one + torch.eye(one.shape[-1])) / 2 @ joined
    return joined


def _applies(question: Question) -> str:
    if question.background == "conditional":
        return MARGINAL_ONLY
    network = question.bundle.network
    if not isinstance(network, Network) or not all(hasattr(one, "attended") for one in network.embedders):
        return "not all of its columns go through a transformer of ours"
    if any(getattr(block.mix, "shares", None) is None for one in network.embedders for block in one.blocks):  # type: ignore[union-attr]
        return "the pieces of its texts meet by convolution"
    return ""


def _attributed(question: Question, rolled: bool) -> Attribution:
    network = question.bundle.network
    assert isinstance(network, Network)
    game, owners, values = Game(question), owner_of_values(question), []
    with torch.no_grad(), still(network):
        for row in range(question.rows):
            parts = []
            for one, x, owner in zip(network.embedders, question.inputs, owners, strict=True):
                looks, share = one.attended(x[row : row + 1])  # type: ignore[operator]
                seen = torch.einsum("bt,bts->bs", share, rollout(looks) if rolled else looks[-1])
                parts.append(by_owner(seen, owner, game.players)[0])
            values.append(torch.stack(parts).sum(dim=0).double().numpy())
    found = np.array(values).reshape(question.rows, -1)
    return Attribution(found, game.base(), game.answers(), np.zeros_like(found), False)
