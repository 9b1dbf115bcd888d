"""Random changes to a batch of encoded table cells: noise on numbers, and cells of other rows.

Every function is pure: cells and a generator in, new cells out.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

NOISE = 0.1
SHARE = 0.1


def add_noise(x: Tensor, limit: float, generator: Generator) -> Tensor:
    """Numbers with Gaussian noise of a tenth of their scale.

    Args:
        x: scaled numbers, (B, N), NaN where missing, which stays missing.
        limit: the largest size that a scaled number can have; what would pass it is put there.
        generator: source of all randomness.

    Source:
        Bishop, Training with noise is equivalent to Tikhonov regularization (1995).

    Example:
        >>> add_noise(torch.tensor([[0.5, float("nan")]]), 3.0, torch.Generator().manual_seed(0)).isnan().tolist()
        [[False, True]]
    """
    noise = torch.randn(x.shape, generator=generator, device=x.device)
    return (x + NOISE * noise).clamp(-limit, limit)


def swap_cells(x: Tensor, owner: Tensor, columns: int, generator: Generator) -> Tensor:
    """Cells of which one in ten is replaced by that of another row, so that every column keeps its distribution.

    Args:
        x: encoded cells, (B, D).
        owner: the column, from 0, that each entry of a row is of, (D,); a cell moves with all its entries.
        columns: number of columns (N).
        generator: source of all randomness.

    Source:
        Bahri et al., SCARF: Self-supervised contrastive learning using random feature corruption (2022).

    Example:
        >>> swap_cells(torch.arange(4).view(4, 1), torch.tensor([0]), 1, torch.Generator().manual_seed(0)).shape
        torch.Size([4, 1])
    """
    rows = len(x)
    row = torch.arange(rows, device=x.device).unsqueeze(1)
    chosen = torch.rand((rows, columns), generator=generator, device=x.device) < SHARE
    further = torch.randint(1, max(rows, 2), (rows, columns), generator=generator, device=x.device)
    source = torch.where(chosen, (row + further) % rows, row)
    return x.gather(0, source[:, owner])
