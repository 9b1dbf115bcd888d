"""A residual net whose depth follows the picture size: stem, then stages of one widening convolution and one skip."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from vouch.nets.depth import StochasticDepth
from vouch.nets.recompute import through

Norm = Literal["batch", "group"]
SMALLEST_MAP = 3
MOST_STAGES = 4


class ResNet(nn.Module):
    """Pictures to vectors by convolutions with skip connections; each stage halves the map and doubles the channels.

    With ``norm="batch"`` a training step writes running statistics, which live in buffers: for ensembles under
    ``torch.func`` stack parameters and buffers and ``vmap`` over both. Gradients of single rows (differential
    privacy) need ``norm="group"``, which looks at one picture at a time and keeps no buffers.

    Args:
        channels: colour planes of a picture (C).
        size: height and width of a picture, in pixels; they decide the stride of the stem and the number of stages.
        width: channels of the first stage; a multiple of 16 is fastest.
        norm: normalise over the batch, or over groups of 16 channels within each picture.

    Source: He et al., Deep residual learning for image recognition (2016); the short form with pooling between the
    stages follows the small nets of the DAWNBench entries (2018).

    Example:
        >>> import torch
        >>> net = ResNet(3, (64, 64), width=16)
        >>> net.map(torch.zeros(2, 3, 64, 64)).shape, net.features
        (torch.Size([2, 128, 4, 4]), 128)
    """

    recompute = False

    def __init__(self, channels: int, size: tuple[int, int], width: int = 32, norm: Norm = "batch") -> None:
        super().__init__()
        stride, stages = layout(min(size))
        self.stem = Convolution(channels, width, 2 * stride + 1, stride, norm)
        widths = [width * 2**i for i in range(stages)]
        self.stages = nn.ModuleList([Residual(width, norm)])
        for before, after in pairwise(widths):
            # Pooling before the widening convolution, not after it: a quarter of the work for the same channels.
            widen = Convolution(before, after, 3, 1, norm)
            self.stages.append(nn.Sequential(nn.MaxPool2d(2), widen, Residual(after, norm)))
        self.features = widths[-1]

    @property
    def skips(self) -> list[StochasticDepth]:
        """Where each residual block may be skipped in training, in order."""
        return [part.skip for part in self.modules() if isinstance(part, Residual)]

    def map(self, x: Tensor) -> Tensor:
        """The last feature map (B, D, H', W') of pictures (B, C, H, W)."""
        x = self.stem(x)
        for stage in self.stages:
            x = through(stage, x, again=self.recompute)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """The mean of the last feature map, (B, D)."""
        return self.map(x).mean((2, 3))


class Residual(nn.Module):
    """Two convolutions around which the input skips: (B, D, H, W) to the same shape."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.first = Convolution(width, width, 3, 1, norm)
        self.second = Convolution(width, width, 3, 1, norm)
        self.skip = StochasticDepth()

    def forward(self, x: Tensor) -> Tensor:
        """The input plus what the convolutions make of it."""
        return self.skip(x, x + self.second(self.first(x)))


class Convolution(nn.Module):
    """Convolution, normalisation and SiLU, (B, C, H, W) to (B, D, H / stride, W / stride)."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
        groups = max(1, after // 16)
        self.norm = nn.BatchNorm2d(after) if norm == "batch" else nn.GroupNorm(groups, after)
        self.activate = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """The activated map."""
        return self.activate(self.norm(self.convolution(x)))


def layout(side: int) -> tuple[int, int]:
    """Stride of the stem and number of stages for pictures of that shorter side, in pixels.

    The stem halves all but tiny pictures, because a convolution at full size costs four times as much as at half;
    the stages halve until the map has 3 to 5 positions a side.

    Example:
        >>> [layout(side) for side in (8, 28, 64)]
        [(1, 2), (2, 3), (2, 4)]
    """
    stride = 1 if side <= 20 else 2
    left, stages = -(-side // stride), 1
    while left // 2 >= SMALLEST_MAP and stages < MOST_STAGES:
        left, stages = left // 2, stages + 1
    return stride, stages
