"""What happens when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from vouch.errors import OutOfMemoryError
from vouch.training.state import Weights

_SAID = ("can't allocate memory", "not enough memory", "out of memory")


@contextmanager
def first_steps(networks: Sequence[tuple[nn.Module, Weights]]) -> Iterator[None]:
    """When memory runs out inside, networks get their first weights back, so that the run can start again.

    Args:
        networks: each with the weights to go back to; none where it is too late for that.

    Raises:
        OutOfMemoryError: memory ran out.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        for network, weights in networks:
            network.zero_grad(set_to_none=True)
            network.load_state_dict(weights)
        told = OutOfMemoryError(
            "the memory ran out while training", received=(str(error).splitlines() or [""])[0][:120],
            next_step="Pass each batch in parts, such as --set accumulation=4, or make the network smaller.",
        )  # fmt: skip
        told.again = bool(networks)
        raise told from None


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory could not be had.

    Example:
        >>> ran_out(torch.OutOfMemoryError("CUDA out of memory")), ran_out(RuntimeError("shapes differ"))
        (True, False)
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error).lower() for said in _SAID)
