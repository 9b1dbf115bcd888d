"""Learn as if all classes were equally common: their log-shares are added to the logits, in training only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vouch.contracts.roles import Objective

_AS_IT_IS = nn.Identity()


@dataclass(frozen=True, slots=True, eq=False)
class LogitAdjustment:
    """Another objective on logits that are shifted by how common each class is.

    The shift stands in for what the training rows say of the shares of the classes, so that the network itself need
    not learn it: its own logits, which are never shifted in prediction, are those for classes equally common.

    Args:
        inner: the objective that is given the shifted logits.
        shift: what is added to each logit (K,).

    Source:
        Menon et al., Long-tail learning via logit adjustment (2021).

    Example:
        >>> from vouch.objectives import Supervised
        >>> from vouch.tasks import Classification
        >>> shift = log_shares(torch.tensor([0, 0, 0, 1]), 2)
        >>> objective = LogitAdjustment(Supervised(Classification(("a", "b"))), shift)
        >>> loss = objective(nn.Identity(), [torch.zeros(1, 1, 2)], torch.tensor([1]))
        >>> round(float(loss.exp()), 4)
        4.0
    """

    inner: Objective
    shift: Tensor

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The other objective's loss of one batch."""
        return self.inner(_AS_IT_IS, [network(*inputs) + self.shift], wanted, weights)


def log_shares(wanted: Tensor, outputs: int, weights: Tensor | None = None) -> Tensor:
    """How common each class is among some rows, as a logit: log-shares of classes, log-odds of labels.

    Args:
        wanted: class codes (B,), or 0 and 1 for each label (B, K).
        outputs: number of classes or labels (K).
        weights: how much each row counts (B,); all alike when not given.

    Returns:
        One number for each class (K,). A class without a row is taken to have half a row.

    Example:
        >>> log_shares(torch.tensor([[1.0], [1.0], [1.0], [0.0]]), 1).exp().round().tolist()
        [3.0]
    """
    # On an accelerator the order of a weighted sum, and with it the last bits, would not be the same twice.
    counts = torch.ones(len(wanted)).double() if weights is None else weights.double().cpu()
    labels, codes = wanted.ndim == 2, wanted.cpu()
    sums = counts @ codes.double() if labels else torch.bincount(codes, counts, minlength=outputs)
    share = sums / counts.sum().clamp_min(1e-12)
    rare = 0.5 / max(len(wanted), 1)
    logits = torch.logit(share.clamp(rare, 1 - rare)) if labels else share.clamp_min(rare).log()
    return logits.float().to(wanted.device)
