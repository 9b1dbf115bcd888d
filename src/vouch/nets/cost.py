"""How much work a net is, counted and not timed, so that what is chosen by it is the same on every machine."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from vouch.nets.resnet import ResNet


@lru_cache(maxsize=64)
def picture_flops(channels: int, height: int, width: int, base: int) -> int:
    """Floating-point operations of one picture's forward pass through a ResNet.

    Args:
        channels: colour planes of a picture (C).
        height: in pixels (H).
        width: in pixels (W).
        base: channels of the net's first stage.

    Returns:
        Multiplications and additions.

    Example:
        >>> round(picture_flops(1, 28, 28, 32) / 1e6)
        23
    """
    with torch.device("meta"):
        net = ResNet(channels, (height, width), base).eval()
        picture = torch.empty(1, channels, height, width)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(picture)
    return int(counter.get_total_flops())
