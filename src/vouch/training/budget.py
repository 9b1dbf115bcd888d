"""Turn a time budget into a number of epochs before training starts, so that the recipe alone gives the same bits."""

from __future__ import annotations

import copy
import re
import time
from dataclasses import replace

from vouch.errors import UsageError
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job, train_epoch
from vouch.training.optimise import make_optimizer
from vouch.training.state import State

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 365 * 24 * 3600.0
_PROBE_STEPS = 6
_RESERVE = 0.9


def seconds_of(budget: str | float) -> float:
    """A budget in seconds.

    Args:
        budget: seconds as a number, or text such as "90s", "5m", "1.5h".

    Raises:
        UsageError: it is not such a text, not positive, or longer than a year.

    Example:
        >>> seconds_of("5m")
        300.0
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", str(budget))
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= _LONGEST:
        raise UsageError("the budget is not a time", expected="such as 90s, 5m or 1h", received=repr(budget))
    return seconds


def epochs_within(job: Job, seconds: float) -> int:
    """How many epochs fit into a time, judged by a few steps on a copy of the network.

    Args:
        job: the run as planned; it is left untouched.
        seconds: the time for training.

    Returns:
        At least one epoch; a tenth of the time is kept in reserve.
    """
    rows = job.rows[: _PROBE_STEPS * job.recipe.batch_size]
    network = copy.deepcopy(job.network)
    probe = replace(job, network=network, rows=rows, checkpoints=Checkpoints(None))
    state = State(network, make_optimizer(network, job.recipe), dict(network.state_dict()), {})
    train_epoch(probe, state, 0)
    started = time.perf_counter()
    train_epoch(probe, state, 1)
    trained = time.perf_counter()
    job.evaluate(network)
    epoch = (trained - started) * len(job.rows) / len(rows) + time.perf_counter() - trained
    return max(1, int(_RESERVE * seconds / epoch))
