"""A network held still while it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def still(network: nn.Module) -> Iterator[None]:
    """Without dropout and running statistics; afterwards every part is in the mode that it was in.

    Example:
        >>> net = nn.Dropout(0.5)
        >>> with still(net):
        ...     net.training
        False
        >>> net.training
        True
    """
    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
