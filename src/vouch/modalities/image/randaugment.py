"""RandAugment: for each picture a few changes drawn from a list, all made at one strength."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from vouch.modalities.image.moves import floats, matrices, resample

STRENGTH = 0.3
MOVES = ("rotate", "shear_across", "shear_down", "move_across", "move_down")
_TURN, _SHEAR, _MOVE, _BLEND, _BITS = math.radians(30), 0.3, 0.45, 0.9, 4.0
_GREY = (0.299, 0.587, 0.114)


def randaugment(batch: Tensor, changes: int, generator: Generator, ends: tuple[float, float] = (0.0, 255.0)) -> Tensor:
    """Each picture with a few changes drawn independently and evenly from 14: moves, changes of value, and none.

    The list is that of the source, at its strength of 9 in 30, in a direction that is drawn. Moves are made last and
    together, by one resampling.

    Args:
        batch: pictures, (B, C, H, W), bytes or floats.
        changes: how many are drawn for each picture.
        generator: source of all randomness.
        ends: the smallest and the largest value that a picture can have.

    Returns:
        Floats on the same scale, (B, C, H, W).

    Source:
        Cubuk et al., RandAugment: Practical automated data augmentation with a reduced search space (2020).

    Example:
        >>> pictures = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
        >>> randaugment(pictures, 2, torch.Generator().manual_seed(0)).shape
        torch.Size([4, 3, 16, 16])
    """
    low, spread = ends[0], max(ends[1] - ends[0], 1e-12)
    x = ((floats(batch) - low) / spread).clamp(0, 1)
    places, moved = matrices(batch, {}), torch.zeros(len(batch), dtype=torch.bool, device=batch.device)
    for _ in range(changes):
        drawn, amount = draw(batch, generator)
        for number, change in enumerate(VALUES.values()):
            x = _where(drawn == number, change, x, amount[:, None, None, None])
        places = places @ moves(batch, drawn - len(VALUES), amount)
        moved |= (drawn >= len(VALUES)) & (drawn < len(VALUES) + len(MOVES))
    return _where(moved, resample, x, places[:, :2]) * spread + low


def draw(batch: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """The number of a change for each picture (B,), values before moves before none, and its strength (B,) with a sign.

    Args:
        batch: pictures, (B, C, H, W).
        generator: source of all randomness.
    """
    every = len(VALUES) + len(MOVES) + 1
    drawn = torch.randint(every, (len(batch),), generator=generator, device=batch.device)
    sign = torch.randint(2, (len(batch),), generator=generator, device=batch.device) * 2 - 1
    return drawn, STRENGTH * sign


def moves(batch: Tensor, drawn: Tensor, amount: Tensor) -> Tensor:
    """The matrix (B, 3, 3) of the move that was drawn for each picture; the identity where none was.

    Args:
        batch: pictures, (B, C, H, W).
        drawn: places in ``MOVES`` (B,); any other number is no move.
        amount: from -1 to 1 (B,).
    """
    turn, across, down, right, below = (torch.where(drawn == i, amount, 0.0) for i in range(len(MOVES)))
    turn = turn * _TURN
    return matrices(
        batch,
        {
            (0, 0): turn.cos(), (0, 1): _SHEAR * across - turn.sin(), (0, 2): 2 * _MOVE * right,
            (1, 0): _SHEAR * down + turn.sin(), (1, 1): turn.cos(), (1, 2): 2 * _MOVE * below,
        },
    )  # fmt: skip


def _where(chosen: Tensor, change: Callable[[Tensor, Tensor], Tensor], x: Tensor, amount: Tensor) -> Tensor:
    """Pictures (B, C, H, W), the chosen ones (B,) changed by their own amounts (B, ...).

    A processor changes these alone. An accelerator would have to wait for their number, so it changes all of them and
    takes what is wanted.
    """
    if x.device.type != "cpu":
        return torch.where(chosen[:, None, None, None], change(x, amount), x)
    rows = chosen.nonzero().squeeze(1)
    return x.index_copy(0, rows, change(x[rows], amount[rows])) if len(rows) else x


def _autocontrast(x: Tensor, amount: Tensor) -> Tensor:
    """Each plane stretched over the whole scale."""
    del amount
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    return torch.where(high > low, (x - low) / (high - low).clamp_min(1e-12), x)


def _equalise(x: Tensor, amount: Tensor) -> Tensor:
    """Each plane with every brightness about equally common, in 256 levels."""
    del amount
    levels = (x * 255).round().long().flatten(2).flatten(0, 1)
    counts = levels.new_zeros(len(levels), 256).scatter_add(1, levels, torch.ones_like(levels))
    brightest = counts.gather(1, levels.amax(1, keepdim=True))
    step = (levels.shape[1] - brightest) // 255
    below = counts.cumsum(1) - counts
    table = ((step // 2 + below) // step.clamp_min(1)).clamp(0, 255)
    table = torch.where(step > 0, table, torch.arange(256, device=x.device))
    return (table.gather(1, levels) / 255).view(x.shape)


def _posterise(x: Tensor, amount: Tensor) -> Tensor:
    """Fewer levels: the last bits of each byte cut off."""
    width = 2 ** (_BITS * amount.abs()).round()
    return ((x * 255).round() / width).floor() * width / 255


def _solarise(x: Tensor, amount: Tensor) -> Tensor:
    """The brightest values turned into their opposite."""
    return torch.where(x >= 1 - amount.abs(), 1 - x, x)


def _colour(x: Tensor, amount: Tensor) -> Tensor:
    """More or less saturated."""
    return _away_from(_grey(x), x, amount)


def _contrast(x: Tensor, amount: Tensor) -> Tensor:
    """Further from, or nearer to, the mean brightness."""
    return _away_from(_grey(x).mean((1, 2, 3), keepdim=True), x, amount)


def _brightness(x: Tensor, amount: Tensor) -> Tensor:
    """Further from, or nearer to, black."""
    return _away_from(torch.zeros_like(x[:, :1]), x, amount)


def _sharpness(x: Tensor, amount: Tensor) -> Tensor:
    """Further from, or nearer to, the picture smoothed over 3 x 3 pixels."""
    around = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    return _away_from((9 * around + 4 * x) / 13, x, amount)


def _away_from(dull: Tensor, x: Tensor, amount: Tensor) -> Tensor:
    return (dull + (1 + _BLEND * amount) * (x - dull)).clamp(0, 1)


def _grey(x: Tensor) -> Tensor:
    """Brightness (B, 1, H, W): as eyes weigh red, green and blue, else the mean of the planes."""
    if x.shape[1] != len(_GREY):
        return x.mean(1, keepdim=True)
    return (x * x.new_tensor(_GREY).view(1, -1, 1, 1)).sum(1, keepdim=True)


VALUES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "autocontrast": _autocontrast,
    "equalise": _equalise,
    "posterise": _posterise,
    "solarise": _solarise,
    "colour": _colour,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
}
