"""Integrated gradients: the gradient, averaged on the straight way from what stands in to the row."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from vouch.contracts.explaining import Attribution, Question
from vouch.explainers.leaves import Leaves, at_once, unfollowed

STEPS = 50


class IntegratedGradients:
    """The gradient on the straight way from what stands in, times the distance: by 50 points of Gauss and Legendre.

    Where other rows stand in, the way begins at the mean of their vectors.

    Source:
        Sundararajan, Taly and Yan, Axiomatic attribution for deep networks (2017).
    """

    name: ClassVar[str] = "integrated_gradients"
    says: ClassVar[str] = "How the answer changes along the straight way from a row without content to this one."
    reference: ClassVar[str] = "Sundararajan, Taly and Yan (2017), Axiomatic attribution for deep networks"

    def applies(self, question: Question) -> str:
        """Every network whose columns can be followed."""
        return unfollowed(question)

    def passes(self, parts: int) -> int:
        """There and back from every point."""
        del parts
        return 3 * STEPS

    def attribute(self, question: Question) -> Attribution:
        """The contribution of every part to every row's answer."""
        leaves = Leaves(question)
        points, weights = np.polynomial.legendre.leggauss(STEPS)
        share = torch.tensor((points + 1) / 2, dtype=torch.float32)
        weight = torch.tensor(weights / 2, dtype=torch.float32)
        base = [x.mean(0) for x in leaves.behind()]
        values, bases, answers = [], [], []
        for row in range(question.rows):
            own = leaves.own(row)
            total = [torch.zeros_like(x) for x in own]
            for s, w in zip(*(x.split(at_once(own)) for x in (share, weight)), strict=True):
                on_the_way = [b + torch.einsum("s,...->s...", s, x - b) for x, b in zip(own, base, strict=True)]
                found = leaves.gradients(on_the_way, row)
                total = [t + torch.einsum("s,s...->...", w, g) for t, g in zip(total, found, strict=True)]
            moved = [(t * (x - b))[None] for t, x, b in zip(total, own, base, strict=True)]
            values.append(leaves.by_part(moved)[0].double().numpy())
            with torch.no_grad():
                ends = leaves.answers([torch.stack(pair) for pair in zip(base, own, strict=True)], row).double()
            bases.append(float(ends[0]))
            answers.append(float(ends[1]))
        found = np.array(values).reshape(question.rows, -1)
        gap = np.abs(found.sum(1) + np.array(bases) - np.array(answers)).max(initial=0.0)
        notes = (f"{STEPS} points on the way",)
        return Attribution(found, np.array(bases), np.array(answers), np.zeros_like(found), True, float(gap), notes)
