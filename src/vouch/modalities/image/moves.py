"""Where each pixel of a changed picture comes from: matrices from places in the new picture to places in the old one.

Places run from -1 to 1 along each side, as :func:`torch.nn.functional.grid_sample` has them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


def matrices(batch: Tensor, entries: Mapping[tuple[int, int], Tensor]) -> Tensor:
    """One matrix (B, 3, 3) for each picture: the identity, but for the entries that are given (B,).

    A shear or a turn is given as it is for square pixels, and is brought to the shape of the picture here.

    Args:
        batch: pictures, (B, C, H, W).
        entries: values by row and column.

    Example:
        >>> matrices(torch.zeros(1, 1, 2, 4), {(0, 1): torch.tensor([0.5])}).tolist()
        [[[1.0, 0.25, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
    """
    ratio = batch.shape[2] / batch.shape[3]
    shape = {(0, 1): ratio, (1, 0): 1 / ratio}
    out = torch.eye(3, device=batch.device).repeat(len(batch), 1, 1)
    for place, value in entries.items():
        out[:, place[0], place[1]] = value * shape.get(place, 1.0)
    return out


def sheared(batch: Tensor, strength: float, generator: Generator) -> Tensor:
    """A random shear along both sides, scale and move for each picture, as matrices (B, 3, 3).

    Args:
        batch: pictures, (B, C, H, W).
        strength: largest shear (tangent of its angle), largest change of scale (as a logarithm), and largest move (as
            a share of the side).
        generator: source of all randomness.

    Example:
        >>> sheared(torch.zeros(2, 1, 8, 8), 0.1, torch.Generator().manual_seed(0)).shape
        torch.Size([2, 3, 3])
    """

    def draw() -> Tensor:
        return uniform(batch, generator, -strength, strength)

    scale, across, down = draw().exp(), draw(), draw()
    # A side is two long, so that a move by a share of it is twice that.
    move = {(0, 2): 2 * draw(), (1, 2): 2 * draw()}
    return matrices(batch, {(0, 0): scale, (0, 1): scale * across, (1, 0): scale * down, (1, 1): scale, **move})


def resample(batch: Tensor, places: Tensor) -> Tensor:
    """Pictures (B, C, H, W), floats, looked up at new places (B, 2, 3); what lies outside is a reflection."""
    grid = F.affine_grid(places, list(batch.shape), align_corners=False)
    return F.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)


def floats(batch: Tensor) -> Tensor:
    """Pictures (B, C, H, W) as floats on the same scale."""
    return batch if batch.is_floating_point() else batch.float()


def uniform(batch: Tensor, generator: Generator, low: float, high: float, columns: int = 0) -> Tensor:
    """Uniform numbers, one a picture (B,), or with columns (B, columns)."""
    shape = (batch.shape[0], columns) if columns else (batch.shape[0],)
    drawn = torch.rand(shape, generator=generator, device=batch.device)
    return low + (high - low) * drawn
