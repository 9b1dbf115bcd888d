"""Every random draw of a step follows from the recipe's seed and the numbers of the epoch and the step.

So no state of a generator has to be kept: a run goes on from any step with the draws that it would have made.
"""

from __future__ import annotations

import torch
from torch import Generator

_MASK = 2**64 - 1
_ORDER = -1


def mixed(seed: int, epoch: int, step: int) -> int:
    """A seed for one step, far from that of its neighbours.

    Source:
        The finaliser of splitmix64: Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014).

    Example:
        >>> len({mixed(seed, epoch, step) for seed in range(5) for epoch in range(5) for step in range(5)})
        125
    """
    x = (seed * 0x9E3779B97F4A7C15 + epoch * 0xD1B54A32D192ED03 + step * 0x8CB92BA72F3D8DD7 + 1) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return (x ^ (x >> 31)) >> 1


def for_order(seed: int, epoch: int, generator: Generator) -> Generator:
    """The generator that shuffles the rows of an epoch."""
    return generator.manual_seed(mixed(seed, epoch, _ORDER))


def for_step(seed: int, epoch: int, step: int, generator: Generator) -> Generator:
    """The generator of a step's random changes to inputs; torch's global one is set as well, for what nets draw."""
    found, device = mixed(seed, epoch, step), generator.device
    if device.type == "cuda":
        # As torch.manual_seed would, without asking every other kind of device.
        torch.cuda.default_generators[device.index or 0].manual_seed(found)
    elif device.type != "cpu":
        torch.manual_seed(found)
    torch.default_generator.manual_seed(found)
    return generator.manual_seed(found ^ 1)
