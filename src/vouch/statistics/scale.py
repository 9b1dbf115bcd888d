"""How certain a network may be: one factor for all its outputs, as rows that it did not learn from bear out."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt
from torch import Tensor

from vouch.contracts.roles import Target

# The prior holds the factor at 1 with the force of one row that is off by e.
_PRIOR = 1.0
_LEAST, _MOST = math.log(1e-2), math.log(1e2)


def borne_out(target: Target, outputs: Tensor, truth: npt.NDArray[Any]) -> tuple[float, float]:
    """The factor of the outputs under which rows are most likely, and the score with it.

    A network that learned from its own answers is surer than it is right, and the scores of two networks say less of
    what they know than of how loudly they say it; with the best factor for each they can be compared.

    Args:
        target: a task of classes.
        outputs: of rows that no gradient has seen (B, M, K).
        truth: of these rows, as the task wants it.

    Returns:
        The factor, and the task's score of the outputs times the factor; lower is better.

    Source:
        Guo and others, On calibration of modern neural networks (2017).

    Example:
        >>> import numpy as np, torch
        >>> from vouch.tasks import Classification
        >>> outputs = torch.tensor([[[9.0, 0.0]]]).repeat(100, 1, 1)
        >>> factor, score = borne_out(Classification(("a", "b")), outputs, np.arange(100) % 10 // 9)
        >>> round(9 * factor, 1), round(score, 2)
        (2.3, 0.33)
    """

    from scipy.optimize import minimize_scalar

    def cost(logarithm: float) -> float:
        score = target.score(target.decode(outputs * math.exp(logarithm)), truth)
        return score * len(truth) + _PRIOR * logarithm**2 / 2

    best = float(minimize_scalar(cost, bounds=(_LEAST, _MOST), method="bounded").x)  # pyright: ignore[reportAttributeAccessIssue]
    return math.exp(best), target.score(target.decode(outputs * math.exp(best)), truth)
