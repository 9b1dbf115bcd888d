"""What a fix can afford: which remedies it tries, and how many paired trainings their proof has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vouch.api.casing import LiveCase
from vouch.auditing import Clock
from vouch.contracts.bundle import BundleValue
from vouch.contracts.case import BudgetSpent, Challenge, Lesson, Remedy, Strength
from vouch.errors import UsageError, nearest

FEWEST_SEEDS = 3
# Networks differ from seed to seed, so a proof takes as many seeds as it can afford: this share of all trainings.
_PROVING, _MOST_SEEDS = 0.4, 30
_SOME, _MOST_TRAININGS, _SECONDS = 10.0, 160.0, 1200.0
# The largest share of them that the proof of one remedy may need.
_FOR_PROOF = 0.8
# Doing nothing and one candidate, each tried once, and three pairs for the proof less the one that is there.
_FEWEST_TRAININGS = 7


def trainings_for(bundle: BundleValue) -> float:
    """How many trainings a fix may take by default: more where one is quick."""
    return float(np.clip(_SECONDS / max(bundle.run.seconds.get("train", 1.0), 1e-3), _SOME, _MOST_TRAININGS))


def seeds_for(clock: Clock) -> int:
    """How many seeds a proof has, when nothing is said."""
    return int(np.clip(_PROVING * clock.trainings / 2, FEWEST_SEEDS, _MOST_SEEDS))


def suited(case: LiveCase, challenge: Challenge, named: str | None) -> tuple[Remedy[Any], ...]:
    """The remedies of a challenge that make sense for a case, or the one that was named."""
    every = {remedy.name: remedy for remedy in challenge.remedies}
    if named is not None and named not in every:
        raise UsageError(f"'{challenge.name}' has no remedy '{named}'", next_step=nearest(named, every))
    wanted = [remedy for name, remedy in every.items() if named in (None, name)]
    sensible = [remedy for remedy in wanted if _strengths(case, remedy)]
    provable = [remedy for remedy in sensible if not _too_dear(case, remedy)]
    if sensible and not provable:
        raise UsageError(
            "the budget is too small to try any remedy", received=f"time for {case.budget.trainings:.1f} trainings",
            expected=f"time for {_FEWEST_TRAININGS} and more",
            next_step="Give more, such as --budget 30m.",
        )  # fmt: skip
    tried = tuple(remedy for remedy in provable if named or not remedy.outright)
    if not tried:
        step = (
            f"Name it: --remedy {sensible[0].name}." if sensible
            else "It lacks what they work on, or rows to learn it from; 'vouch audit' lists remedies that suit."
        )  # fmt: skip
        raise UsageError(
            f"no remedy of '{challenge.name}' suits this network", received=named or ", ".join(every) or "none",
            next_step=step,
        )  # fmt: skip
    return tried


def _strengths(case: LiveCase, remedy: Remedy[Any]) -> Sequence[Strength]:
    """The strengths of a remedy; none where finding them out is not affordable."""
    try:
        return remedy.strengths(case)
    except BudgetSpent:
        return ()


def _too_dear(case: LiveCase, remedy: Remedy[Any]) -> bool:
    """Whether the proof of its dearest strength alone would take nearly all of the time."""
    if remedy.changes != "recipe":
        return False
    one = max(case.share_of(changed(case, remedy, case.lesson, strength)) for strength in remedy.strengths(case))
    return one + (FEWEST_SEEDS - 1) * (1 + one) > _FOR_PROOF * case.budget.trainings


def affordable(case: LiveCase, seeds: tuple[int, ...], plain: Lesson, lesson: Lesson) -> tuple[int, ...]:
    """As many seeds as what is left allows; the fewest that prove anything are lent where it does not."""
    clock = case.budget
    pair, left = case.share_of(plain) + case.share_of(lesson), clock.trainings - clock.spent
    # The first pair is there already: the network as it was, and the treated one that is kept.
    count = min(len(seeds), max(FEWEST_SEEDS, 1 + int(left / pair + 1e-9)))
    clock.spend(-max(0.0, (count - 1) * pair - left))
    return seeds[:count]


def changed(case: LiveCase, remedy: Remedy[Any], lesson: Lesson, strength: Any) -> Lesson:
    """A lesson after a remedy."""
    if remedy.changes == "recipe":
        return replace(lesson, recipe=remedy.treat(case, lesson.recipe, strength))
    return remedy.treat(case, lesson, strength)
