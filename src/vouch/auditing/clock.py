"""The time of an audit: counted in trainings, so that the same audit asks the same, and held by the wall clock."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from vouch.contracts.case import BudgetSpent

_AGAIN = 30.0


@dataclass(slots=True)
class Clock:
    """What may be spent: so many trainings of the bundle's network by count, and so many seconds by the clock.

    What is asked follows from the count alone, which is the same on every machine. The seconds only stop what takes
    longer than anyone said it might; what they stop is inconclusive.

    Args:
        trainings: fits of the bundle's network that are affordable; half of its rows count as half a fit.
        seconds: wall time.
        now: a clock that never goes back.

    Example:
        >>> clock = Clock(trainings=1.5, seconds=60)
        >>> clock.fits(1.0), clock.spend(1.0), clock.fits(1.0)
        (True, None, False)
    """

    trainings: float
    seconds: float
    now: Callable[[], float] = time.monotonic
    spent: float = 0.0
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.now() + self.seconds

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._end - self.now()

    def fits(self, share: float) -> bool:
        """Whether so many more trainings are affordable."""
        return self.left > 0 and self.spent + share <= self.trainings + 1e-9

    def spend(self, share: float) -> None:
        """Count so many trainings as spent."""
        self.spent += share


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Raise BudgetSpent inside once the seconds are over, wherever the main thread then is.

    Outside the main thread, and where the system has no such alarm, nothing is raised and the checks must look at
    their budget by themselves.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise BudgetSpent(f"it took longer than the {seconds:.0f} s that were left")

    before = signal.signal(signal.SIGALRM, ring)
    # The alarm rings again, in case a check takes the first one for a failing of its own and goes on.
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
