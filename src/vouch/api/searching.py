"""The search itself: the default recipe first and alone, then as many others as there is time for, side by side."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from vouch.api.questing import Quest
from vouch.api.workers import Crew
from vouch.contracts.search import Attempt
from vouch.training.search import INTERRUPTED, Limits, Trained, attempts, begin, best_few, explore
from vouch.training.studies import bury

if TYPE_CHECKING:
    import optuna

# So many of the best are trained again, so often; then the proof needs further pairs.
BEST, ROUNDS, PAIRS = 3, 2, 3
# What comes after the search, in trainings: further rounds of the best and the default, and the pairs of the proof.
_AFTER = ROUNDS * (BEST + 1) + 2 * PAIRS
# An attempt that takes so many times as long as the default has to be worth more than there is time to find out.
_SLOWEST, _LEAST_SECONDS = 4.0, 10.0
_FURTHER = 3


@dataclass(slots=True, eq=False)
class Held:
    """Networks of this process that may be needed again: that of the default recipe, and those of the best few.

    Args:
        wanted: whether to hold any: those that were trained with fewer threads have other last bits.
        networks: by the number of the attempt.
    """

    wanted: bool = True
    networks: dict[int, Trained] = field(default_factory=dict)

    def add(self, number: int, trained: Trained, every: tuple[Attempt, ...]) -> None:
        """Hold one more, and let go of what is not among the best any more."""
        if not self.wanted:
            return
        self.networks[number] = trained
        kept = {one.number for one in every if one.default} | {one.number for one in best_few(every, BEST)}
        self.networks = {key: value for key, value in self.networks.items() if key in kept}


def searched(study: optuna.Study, quest: Quest, crew: Crew) -> Held:
    """Try recipes until the trials or the time are used up, less what training the best again will take.

    Args:
        study: where attempts are kept; it may have some already.
        quest: what is searched.
        crew: the processes that search beside this one.

    Returns:
        The networks that may be needed again.
    """
    held = Held(wanted=crew.size == 1)

    def told(one: Attempt, trained: Trained | None) -> None:
        every = attempts(study)
        if trained is not None:
            held.add(one.number, trained, every)
        _tell(quest, one, every)

    bury(study)
    begin(study, quest.field)
    while not any(one.default for one in _counted(study)):
        explore(study, quest.field, Limits(attempts=1), told)
    limits = limits_of(study, quest)
    with _fewer_threads(crew.size), crew.at_work(quest, limits):
        explore(study, quest.field, crew.share_of(limits), told)
        crew.wait(limits)
    for _ in range(_FURTHER):
        # What a worker that broke down has left undone.
        explore(study, quest.field, replace(limits, attempts=missing(study, quest)), told)
        if best_few(attempts(study), 1):
            break
        # Where nothing was found nothing has to be trained again, so that there is time to look further.
        limits = limits_of(study, quest)
    return held


def limits_of(study: optuna.Study, quest: Quest) -> Limits:
    """How far a search may still go, by what the default recipe took."""
    left = missing(study, quest)
    if math.isinf(quest.purse.seconds):
        return Limits(left)
    took = next((one.seconds for one in attempts(study) if one.default and one.state == "done"), 0.0)
    after = min(_AFTER * took, max(quest.purse.left, 0.0) / 2)
    return Limits(left, quest.purse.ends - after, max(_SLOWEST * took, _LEAST_SECONDS))


def missing(study: optuna.Study, quest: Quest) -> int | None:
    """Attempts that are still to be made; none where they are not counted."""
    trials = quest.purse.trials
    return None if trials is None else max(0, trials - len(_counted(study)))


def _counted(study: optuna.Study) -> list[Attempt]:
    return [one for one in attempts(study) if one.why != INTERRUPTED]


def _tell(quest: Quest, one: Attempt, every: tuple[Attempt, ...]) -> None:
    best = min((other.score for other in every if other.state == "done"), default=math.nan)
    quest.told(
        "trial", number=one.number, state=one.state, score=one.score, epochs=one.epochs, seconds=one.seconds,
        why=one.why, best=best,
    )  # fmt: skip


@contextmanager
def _fewer_threads(processes: int) -> Iterator[None]:
    """Inside, torch leaves the other processes their share of the cores."""
    before = torch.get_num_threads()
    if processes > 1:
        torch.set_num_threads(threads_for(processes))
    try:
        yield
    finally:
        if processes > 1:
            torch.set_num_threads(before)


def threads_for(processes: int) -> int:
    """Threads of each of several processes, at least one."""
    return max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // processes))
