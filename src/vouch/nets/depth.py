"""Deep nets made less free: blocks skipped at random in training, and one set of weights for several layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vouch.errors import UsageError
from vouch.nets.drawing import drawn


class StochasticDepth(nn.Module):
    """Stands where a residual block ends: in training, some rows go on as if the block were not there.

    What the block changes in the other rows is scaled up, so that its mean stays. Outside training, and as long as the
    chance is 0, the block is as it is.

    Source:
        Huang et al., Deep networks with stochastic depth (2016); each row draws for itself, as in Larsson et al.,
        FractalNet (2017).

    Example:
        >>> skip = StochasticDepth()
        >>> skip.chance = 0.5
        >>> skip(torch.zeros(99, 1), torch.ones(99, 1)).unique().tolist()
        [0.0, 2.0]
    """

    def __init__(self) -> None:
        super().__init__()
        self.chance = 0.0

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """What went into a block (B, ...) and what came out of it, (B, ...), to what goes on, (B, ...)."""
        if not self.training or self.chance == 0:
            return after
        device = before.device
        share = drawn(before, lambda rows, generator: torch.rand(rows, generator=generator, device=device))
        kept = (share >= self.chance).view(-1, *[1] * (before.ndim - 1)) / (1 - self.chance)
        return before + (after - before) * kept

    def extra_repr(self) -> str:
        """The chance, as ``print`` shows it."""
        return f"chance={self.chance:g}"


class Repeated(nn.Module):
    """A layer that a vector passes several times, each time with the same weights.

    Args:
        layer: from (..., H) to (..., H).
        times: how often.

    Source:
        Dehghani et al., Universal transformers (2019); Lan et al., ALBERT (2020).

    Example:
        >>> Repeated(nn.Linear(4, 4), times=3)(torch.zeros(2, 4)).shape
        torch.Size([2, 4])
    """

    def __init__(self, layer: nn.Module, times: int) -> None:
        super().__init__()
        self.layer, self.times = layer, times

    def forward(self, x: Tensor) -> Tensor:
        """Vectors (..., H) to vectors (..., H)."""
        for _ in range(self.times):
            x = self.layer(x)
        return x

    def extra_repr(self) -> str:
        """How often, as ``print`` shows it."""
        return f"times={self.times}"


def skip_blocks(network: nn.Module, chance: float) -> None:
    """Let every net inside a network skip its residual blocks in training, the last one most often.

    The chance of a net's block rises in equal steps with its depth. A net says which blocks it has by the attribute
    ``skips``, one :class:`StochasticDepth` for each, in order.

    Args:
        network: is changed.
        chance: of the last block, from 0 to 1; 0 changes nothing.

    Raises:
        UsageError: the network has no residual blocks.

    Example:
        >>> from vouch.nets.resnet import ResNet
        >>> net = ResNet(1, (28, 28))
        >>> skip_blocks(net, 0.3)
        >>> [round(skip.chance, 1) for skip in net.skips]
        [0.1, 0.2, 0.3]
    """
    deep = [list(part.skips) for part in network.modules() if hasattr(part, "skips")]  # type: ignore[arg-type]
    if chance and not any(deep):
        raise UsageError(
            "recipe key 'stochastic_depth' needs residual blocks", received="a network without any",
            next_step="Leave it out, or take a network with blocks: resnet for pictures, transformer for texts.",
        )  # fmt: skip
    for skips in deep:
        for depth, skip in enumerate(skips, start=1):
            skip.chance = chance * depth / len(skips)


def share_layers(network: nn.Module) -> None:
    """Let the equal layers of every net inside a network use the weights of the first of them.

    A net that has equal layers says so by the method ``share_layers``, which tells whether there were several.

    Args:
        network: is changed.

    Raises:
        UsageError: no net of the network has two equal layers.

    Example:
        >>> from vouch.nets.mlp import MLP
        >>> net = MLP(5, width=8, depth=4, dropout=0.0)
        >>> share_layers(net)
        >>> sum(p.numel() for p in net.parameters()) == (5 * 8 + 8) + (8 * 8 + 8)
        True
    """
    # All are asked: a list, and not the first that has some.
    shared = [part.share_layers() for part in network.modules() if hasattr(part, "share_layers")]  # type: ignore[operator]
    if not any(shared):
        raise UsageError(
            "recipe key 'share_layers' needs equal layers", received="a network without two of them",
            next_step="Leave it out, or give the trunk more: --set depth=3.",
        )  # fmt: skip
