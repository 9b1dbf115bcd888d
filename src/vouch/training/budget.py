"""Turn a time budget into a number of epochs before training starts, so that the recipe alone gives the same bits."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from vouch.errors import UsageError
from vouch.training.loop import Job, own_draws
from vouch.training.probing import epochs_of, probe_of
from vouch.training.together import Batch, can_batch

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 365 * 24 * 3600.0
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


def epochs_within(jobs: Sequence[Job], seconds: float) -> int:
    """How many epochs fit into a time, judged by a few steps on copies of the networks.

    Args:
        jobs: the runs as planned; they are left untouched.
        seconds: the time for training all of them.

    Returns:
        At least one epoch; a tenth of the time is kept in reserve.
    """
    probes = [probe_of(job) for job in jobs]
    if can_batch(probes):
        epoch, others = Batch(probes).epoch, 1
    else:
        probes = probes[:1]
        epoch, others = epochs_of(probes[0]), len(jobs)
    begun = time.perf_counter()
    with own_draws(jobs[0].device):
        epoch()
        started = time.perf_counter()
        epoch()
    trained = time.perf_counter()
    for probe in probes:
        probe.evaluate(probe.network)
    whole = (trained - started) * jobs[0].steps_in_epoch / probes[0].steps_in_epoch + time.perf_counter() - trained
    # What is compiled for the copy is compiled once more for the network.
    compiling = started - begun - (trained - started) if jobs[0].recipe.compile == "on" else 0.0
    return max(1, int((_RESERVE * seconds - compiling) / (whole * others)))
