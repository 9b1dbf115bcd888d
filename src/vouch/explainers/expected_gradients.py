"""Expected gradients: integrated gradients averaged over rows that stand in, by random points on the way."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from vouch.contracts.explaining import Attribution, Question
from vouch.explainers.game import Game
from vouch.explainers.leaves import Leaves, at_once, unfollowed

POINTS = 256


class ExpectedGradients:
    """The gradient at random points between the row and rows that stand in, times the distance.

    Points lie in equal parts of the way, and every row stands in as often.

    Source:
        Erion et al., Improving performance of deep learning models with axiomatic attribution priors and expected
        gradients (2021).
    """

    name: ClassVar[str] = "expected_gradients"
    says: ClassVar[str] = "How the answer changes on the way from other rows to this one, averaged over them."
    reference: ClassVar[str] = "Erion et al. (2021), Improving performance of deep learning models … expected gradients"

    def applies(self, question: Question) -> str:
        """Every network whose columns can be followed."""
        return unfollowed(question)

    def passes(self, parts: int) -> int:
        """There and back from every point."""
        del parts
        return 3 * POINTS

    def attribute(self, question: Question) -> Attribution:
        """The contribution of every part to every row's answer."""
        leaves, rng = Leaves(question), np.random.default_rng(question.seed)
        behind = leaves.behind()
        share = torch.tensor((rng.permutation(POINTS) + rng.random(POINTS)) / POINTS, dtype=torch.float32)
        other = torch.tensor(rng.permutation(np.resize(np.arange(len(behind[0])), POINTS)))
        values, errors = [], []
        for row in range(question.rows):
            own, found = leaves.own(row), []
            for s, some in zip(*(x.split(at_once(own)) for x in (share, other)), strict=True):
                away = [x - b[some] for x, b in zip(own, behind, strict=True)]
                on_the_way = [x - torch.einsum("s,s...->s...", 1 - s, a) for x, a in zip(own, away, strict=True)]
                moved = [g * a for g, a in zip(leaves.gradients(on_the_way, row), away, strict=True)]
                found.append(leaves.by_part(moved))
            each = torch.cat(found).double().numpy()
            values.append(each.mean(0))
            errors.append(each.std(0, ddof=1) / np.sqrt(POINTS))
        game, shape = Game(question), (question.rows, len(question.names))
        notes = (f"{POINTS} points between the row and {len(behind[0])} that stand in; sums to the answer on average",)
        contributions, doubts = np.array(values).reshape(shape), np.array(errors).reshape(shape)
        return Attribution(contributions, game.base(), game.answers(), doubts, False, notes=notes)
