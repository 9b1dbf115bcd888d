"""Number columns as vectors: robust scaling, piecewise-linear bins and learned embeddings that know what is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

FIT_ROWS = 200_000
CLIP = 3.0
MOST_BINS = 128


class NumberScale(NamedTuple):
    """Robust location and spread of every number column.

    Args:
        centre: median of each column (N,).
        spread: distance between the quartiles, or half the range of the columns where the quartiles meet (N,).
    """

    centre: Tensor
    spread: Tensor


def fit_scale(x: Tensor) -> NumberScale:
    """Fit the robust scale of number columns.

    Args:
        x: raw numbers (B, N), preferably float64; NaN where a value is missing.

    Returns:
        The scale, in the type of ``x``; a column without values gets centre 0 and spread 1.

    Source:
        Holzmüller et al., Better by default (2024): robust scaling and smooth clipping.

    Example:
        >>> scale = fit_scale(torch.tensor([[1.0], [2.0], [3.0], [4.0], [500.0]]))
        >>> scale.centre.tolist(), scale.spread.tolist()
        ([3.0], [2.0])
    """
    centre, spread = torch.zeros_like(x[0]), torch.ones_like(x[0])
    for column, values in enumerate(_sorted_columns(x)):
        if len(values) == 0:
            continue
        low, middle, high = _quantiles(values, torch.tensor([0.25, 0.5, 0.75])).tolist()
        width = high - low or float(values[-1] - values[0]) / 2
        centre[column] = middle
        spread[column] = width or 1.0
    return NumberScale(centre, spread)


def scale_numbers(x: Tensor, scale: NumberScale) -> Tensor:
    """Centre and scale numbers, then squeeze them smoothly and invertibly into (-3, 3).

    Args:
        x: raw numbers (B, N); NaN stays NaN, an infinity becomes an end of the range.
        scale: what :func:`fit_scale` found on the training rows.

    Returns:
        float32 numbers (B, N).

    Source:
        Holzmüller et al., Better by default (2024).

    Example:
        >>> x = torch.tensor([[1.0], [2.0], [3.0], [4.0], [500.0]])
        >>> [round(z, 2) for z in scale_numbers(x, fit_scale(x)).flatten().tolist()]
        [-0.95, -0.49, 0.0, 0.49, 3.0]
    """
    z = (x - scale.centre) / scale.spread
    return torch.where(z.isinf(), CLIP * z.sign(), z * torch.rsqrt(1 + (z / CLIP).square())).float()


def fit_bins(x: Tensor, bins: int | None = None) -> Tensor:
    """Fit the edges between which each column is piecewise linear.

    Edges are quantiles in which no single value counts for more than one bin's share of the rows. A column that is
    mostly one value (a capital gain that is nearly always 0) so keeps its resolution for the other values.

    Args:
        x: scaled numbers (B, N); NaN where missing.
        bins: most bins of a column; a column with fewer distinct values gets fewer. By default the square root of
            the number of rows, between 2 and 128.

    Returns:
        Rising edges (N, bins + 1), padded on the right by the last edge.

    Source:
        Gorishniy et al., On embeddings for numerical features (2022); the cap on single values is our own.

    Example:
        >>> fit_bins(torch.tensor([[0.0], [0.0], [0.0], [0.0], [1.0], [2.0]]), bins=3).tolist()
        [[0.0, 1.0, 2.0, 2.0]]
    """
    bins = bins or min(MOST_BINS, max(2, round(math.sqrt(len(x)))))
    edges = x.new_zeros(x.shape[1], bins + 1)
    for column, values in enumerate(_sorted_columns(x)):
        if len(values) == 0:
            continue
        found = _capped_quantiles(values, bins)
        edges[column, : len(found)] = found
        edges[column, len(found) :] = found[-1]
    return edges


class PiecewiseLinearEmbedding(nn.Module):
    """Embed each number by its place among bins, plus a straight line, plus a vector for "missing".

    Args:
        edges: what :func:`fit_bins` found (N, T + 1); zeros of that shape when weights are loaded afterwards.
        features: size D of a column's embedding.

    Source:
        Gorishniy et al., On embeddings for numerical features (2022), with the linear path of TabM (2024).

    Example:
        >>> embedding = PiecewiseLinearEmbedding(torch.tensor([[0.0, 1.0, 2.0]]), features=4)
        >>> embedding(torch.tensor([[0.5], [float("nan")]])).shape
        torch.Size([2, 1, 4])
    """

    edges: Tensor

    def __init__(self, edges: Tensor, features: int) -> None:
        super().__init__()
        columns, bins = edges.shape[0], edges.shape[1] - 1
        self.register_buffer("edges", edges.float())
        self.weight = nn.Parameter(torch.zeros(columns, bins, features))
        self.slope = nn.Parameter(torch.empty(columns, features).uniform_(-1, 1))
        self.bias = nn.Parameter(torch.empty(columns, features).uniform_(-1, 1))
        self.missing = nn.Parameter(torch.empty(columns, features).uniform_(-1, 1))
        self.columns, self.features = columns, features

    def forward(self, x: Tensor) -> Tensor:
        """Embed scaled numbers (B, N), NaN where missing, as (B, N, D)."""
        absent = x.isnan()
        known = x.masked_fill(absent, 0.0)
        left, width = self.edges[:, :-1], self.edges.diff(dim=1)
        inverse = torch.where(width > 0, 1 / width.clamp_min(1e-12), 0.0)
        place = ((known.T.unsqueeze(-1) - left.unsqueeze(1)) * inverse.unsqueeze(1)).clamp(0, 1)
        curved = torch.bmm(place, self.weight).transpose(0, 1)
        vector = curved + known.unsqueeze(-1) * self.slope + self.bias
        return torch.where(absent.unsqueeze(-1), self.missing, vector)


def shared_places(here: Sequence[object], there: Sequence[object]) -> tuple[Tensor, Tensor]:
    """Where those that two rows of names share stand in the first, and where in the second.

    Example:
        >>> shared_places(["a", "b", "c"], ["c", "a"])
        (tensor([0, 2]), tensor([1, 0]))
    """
    known = {name: place for place, name in enumerate(there)}
    pairs = [(place, known[name]) for place, name in enumerate(here) if name in known]
    first, second = zip(*pairs, strict=True) if pairs else ((), ())
    return torch.tensor(first, dtype=torch.int64), torch.tensor(second, dtype=torch.int64)


def joined_rows(fresh: Tensor, known: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """Fresh rows (N, ...), some of them replaced by known ones (K, ...); the shorter rows repeat their last entry.

    Example:
        >>> joined_rows(torch.zeros(2, 2), torch.ones(1, 3), torch.tensor([1]), torch.tensor([0])).tolist()
        [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    if fresh.ndim > 1:
        width = max(fresh.shape[1], known.shape[1])
        fresh, known = (torch.cat([x, x[:, -1:].expand(-1, width - x.shape[1])], 1) for x in (fresh, known))
    out = fresh.clone()
    out[here] = known[there].to(fresh.dtype)
    return out


def kept_rows(here: Tensor, there: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """The rows of a flattened embedding of numbers that are taken over from another one."""
    names = ("weight", "slope", "bias", "missing")
    return {f"embedding.{name}": (here, there) for name in names}


def _sorted_columns(x: Tensor) -> list[Tensor]:
    """The finite values of every column, rising; of at most ``FIT_ROWS`` rows, always the same ones."""
    if len(x) > FIT_ROWS:
        rows = torch.randint(len(x), (FIT_ROWS,), generator=torch.Generator().manual_seed(0))
        x = x[rows]
    return [values[values.isfinite()].sort().values for values in x.T.contiguous()]


def _quantiles(values: Tensor, shares: Tensor) -> Tensor:
    """Linear-interpolation quantiles of rising values, without torch.quantile's limit on size."""
    place = shares.to(values.dtype) * (len(values) - 1)
    low = place.floor().long()
    high = (low + 1).clamp_max(len(values) - 1)
    return torch.lerp(values[low], values[high], place - low)


def _capped_quantiles(values: Tensor, bins: int) -> Tensor:
    distinct, counts = values.unique_consecutive(return_counts=True)
    if len(distinct) <= bins + 1:
        return distinct
    mass = counts.double().clamp_max(len(values) / bins).cumsum(0)
    wanted = torch.linspace(0, 1, bins + 1, dtype=torch.double) * mass[-1]
    return distinct[torch.searchsorted(mass, wanted).clamp_max(len(distinct) - 1)].unique_consecutive()
