"""Several things to learn at once: the sum of other objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vouch.contracts.roles import Objective


@dataclass(frozen=True, slots=True)
class Together:
    """The sum of other objectives on the same batch.

    Args:
        parts: the others.

    Source: Caruana, Multitask learning (1997).

    Example:
        >>> one = lambda *_: torch.tensor(2.0)
        >>> float(Together((one, one))(nn.Identity(), [], torch.zeros(0)))
        4.0
    """

    parts: tuple[Objective, ...]

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The summed loss of one batch."""
        return torch.stack([part(network, inputs, wanted, weights) for part in self.parts]).sum()
