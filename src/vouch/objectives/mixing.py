"""Learn from pairs of rows that are mixed into one: mixup and CutMix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from vouch.contracts.roles import Objective
from vouch.nets.drawing import drawn, drawn_once
from vouch.nets.network import Network

_AS_IT_IS = nn.Identity()


@dataclass(frozen=True, slots=True)
class Mixing:
    """Another objective on rows that are mixed in pairs, and owe their loss to both targets.

    Pictures are mixed as they are seen: by mixup pixel by pixel, by CutMix with a patch of the one laid over the other.
    What cannot be mixed as it is, such as categories and pieces of text, is mixed where it is a vector. When both are
    on, each batch draws which of the two it is mixed by.

    Args:
        inner: the objective that is given the answer to a mixed row, once with each of its targets.
        mixup: both parameters of the Beta distribution that the share of the first row is drawn from; 0 is off.
        cutmix: the same for the share of the picture that is kept; 0 is off.

    Source:
        Zhang et al., mixup (2018); Verma et al., Manifold mixup (2019), for vectors; Yun et al., CutMix (2019).

    Example:
        >>> from vouch.nets.network import Flat, Straight
        >>> from vouch.objectives import Supervised
        >>> from vouch.tasks import Regression
        >>> numbers = Flat(nn.Unflatten(1, (2, 1)), columns=2, features=1)
        >>> net = Network([numbers], Straight([2], members=1, dropout=0.0), outputs=1)
        >>> objective = Mixing(Supervised(Regression(0.0, 1.0, -1.0, 1.0)), mixup=0.2)
        >>> objective(net, [torch.ones(4, 2)], torch.zeros(4)).ndim
        0
    """

    inner: Objective
    mixup: float = 0.0
    cutmix: float = 0.0

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """The other objective's loss of one mixed batch; every draw is from torch's own generator."""
        if not isinstance(network, Network):
            raise TypeError("only a Network says where its rows are vectors")
        cut = bool(torch.rand(()) < 0.5) if self.mixup and self.cutmix else self.cutmix > 0
        share = drawn_once(wanted, _Beta(self.cutmix if cut else self.mixup)).to(wanted.device)
        order = _partners(wanted)
        if cut:
            seen, kept = cut_pictures(inputs, order, float(share))
            share = torch.tensor(kept, device=wanted.device)
        else:
            seen = [_blend(x, x[order], share) if _is_picture(x) else x for x in inputs]
        said = [network.answer(_mixed_vectors(network, seen, order, share))]
        first = self.inner(_AS_IT_IS, said, wanted, weights)
        second = self.inner(_AS_IT_IS, said, wanted[order], None if weights is None else weights[order])
        return share * first + (1 - share) * second


def _partners(wanted: Tensor) -> Tensor:
    """A partner for each row (B,), in random order; rows that only fill a batch up come last, as their own partners."""
    device = wanted.device
    keys = drawn(wanted, lambda rows, generator: torch.rand(rows, generator=generator, device=device) - 1)
    return keys.argsort(stable=True)


@dataclass(frozen=True, slots=True)
class _Beta:
    """Draws from the Beta distribution with both parameters alike, by its inverse."""

    alpha: float

    def __call__(self, generator: Generator | None) -> Tensor:
        """A share between 0 and 1."""
        from scipy.special import betaincinv

        device = "cpu" if generator is None else generator.device
        uniform = float(torch.rand((), generator=generator, device=device))
        return torch.tensor(betaincinv(self.alpha, self.alpha, uniform), dtype=torch.float32)


def cut_pictures(inputs: Sequence[Tensor], order: Tensor, share: float) -> tuple[list[Tensor], float]:
    """Lay a patch of each row's partner over every picture of the row, all at the same place.

    Args:
        inputs: encoded inputs (B, ...); what is no picture (B, C, H, W) is left as it is.
        order: the partner of each row (B,).
        share: of the area that is to be kept, from 0 to 1.

    Returns:
        The inputs, and the share that was kept: more than was asked for where the patch reaches over the rim.

    Example:
        >>> seen, kept = cut_pictures([torch.arange(2).view(2, 1, 1, 1).expand(2, 1, 4, 4)], torch.tensor([1, 0]), 0.0)
        >>> round(float((seen[0][0] == 0).float().mean()), 4) == kept
        True
    """
    side, (across, down) = math.sqrt(1 - share), torch.rand(2).tolist()
    seen, kept = list(inputs), []
    for i, x in enumerate(inputs):
        if _is_picture(x):
            rows, columns = _span(x.shape[2], side, down), _span(x.shape[3], side, across)
            patched = x.clone()
            patched[:, :, rows, columns] = x[order][:, :, rows, columns]
            seen[i] = patched
            area = (rows.stop - rows.start) * (columns.stop - columns.start)
            kept.append(1 - area / (x.shape[2] * x.shape[3]))
    return seen, sum(kept) / len(kept) if kept else share


def _span(size: int, side: float, centre: float) -> slice:
    """Where a patch lies along one side of a picture, cut off at the rim."""
    length = round(size * side)
    start = int(centre * size) - length // 2
    return slice(max(start, 0), min(start + length, size))


def _mixed_vectors(network: Network, inputs: Sequence[Tensor], order: Tensor, share: Tensor) -> Tensor:
    """The vectors of each row (B, D); those that are of no picture are mixed with its partner's."""
    parts = network.vectors(*inputs).split(network.sizes, dim=1)
    pairs = zip(inputs, parts, strict=True)
    return torch.cat([part if _is_picture(x) else _blend(part, part[order], share) for x, part in pairs], dim=1)


def _blend(one: Tensor, other: Tensor, share: Tensor) -> Tensor:
    return share * one + (1 - share) * other


def _is_picture(x: Tensor) -> bool:
    """Only pictures are encoded as (B, C, H, W)."""
    return x.ndim == 4
