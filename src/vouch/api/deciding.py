"""Which recipe is the best: of many attempts the luckiest looks best, so the best few are trained again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from vouch.api.casing import Floats
from vouch.api.measuring import now, predicted, truth_of
from vouch.api.preparing import Ready
from vouch.api.questing import Quest
from vouch.api.searching import BEST, ROUNDS
from vouch.contracts.bundle import Look
from vouch.contracts.proof import Trial
from vouch.contracts.recipe import Recipe
from vouch.contracts.search import Attempt
from vouch.errors import TrainingError
from vouch.statistics.evidence import Truth
from vouch.statistics.paired import paired_difference
from vouch.tasks.metrics import BY_TASK, MetricSpec
from vouch.training.search import Trained, best_few, train_each
from vouch.training.settings import override
from vouch.wording import listed

if TYPE_CHECKING:
    import optuna

# Far from the seeds of the proof.
_APART = 1000
_NORMAL = 1.96
BY, _WHY, _PROOFS = "tune", "proof of a tuned recipe against the default one", "proofs"


@dataclass(slots=True, eq=False)
class Finalist:
    """One of the best few recipes, or the default one.

    Args:
        attempt: how it did in the search.
        recipe: all of it, with the seed of the search.
        runs: what its networks of further seeds say of the validation rows.
        scores: of these; infinite where a training failed.
    """

    attempt: Attempt
    recipe: Recipe
    runs: list[Floats] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    @property
    def score(self) -> float:
        """The mean over further seeds; without any the score of the search itself."""
        return float(np.mean(self.scores)) if self.scores else self.attempt.score


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What was chosen, among what.

    Args:
        finalists: the default recipe where it could be trained, then the best few, best first.
        winner: one of them.
        notes: what the reader must know.
    """

    finalists: tuple[Finalist, ...]
    winner: Finalist
    notes: tuple[str, ...] = ()

    @property
    def default(self) -> Finalist | None:
        """The default recipe, if it could be trained."""
        return next((one for one in self.finalists if one.attempt.default), None)


def decided(quest: Quest, every: Sequence[Attempt]) -> Decision:
    """Train the best few and the default again with other seeds, and take the one with the best mean.

    Only what did better than the default in the search is looked at, and it has to do so again: the choice is never
    below the default on the validation rows. Networks of the search itself, which made them the best few, do not count.

    Raises:
        TrainingError: every attempt failed.
    """
    done = [one for one in every if one.default and one.state == "done"][:1]
    few = best_few(every, BEST)
    kept = _affordable(quest, done, few)
    finalists = tuple(Finalist(one, override(quest.ready.recipe, one.settings)) for one in (*done, *kept))
    if not finalists:
        raise _all_failed(every)
    rounds = _again(quest, finalists) if len(finalists) > 1 else 0
    # The default is the first, and stays where nothing is better than it.
    winner = min(finalists, key=lambda one: one.score)
    if not math.isfinite(winner.score):
        raise TrainingError(
            "every one of the best recipes failed when it was trained again with another seed",
            next_step="Search again with lower rates: --set learning_rate=1e-3.",
        )
    return Decision(finalists, winner, _notes(finalists, rounds, len(few)))


def looks_with(study: optuna.Study, decision: Decision) -> tuple[Look, ...]:
    """Every look at the sealed rows that a search has led to, with the one that its proof is about to take.

    A search that goes on is proved once more on the same rows, so that the storage has to remember.
    """
    before = [str(when) for when in study.user_attrs.get(_PROOFS, [])]
    if decision.default is None or decision.default is decision.winner:
        return tuple(Look(BY, when, _WHY) for when in before)
    study.set_user_attr(_PROOFS, [*before, now()])
    return tuple(Look(BY, when, _WHY) for when in [*before, now()])


def trials_of(quest: Quest, decision: Decision, spec: MetricSpec) -> tuple[Trial, ...]:
    """The finalists as a proof lists what was tried; the first is the default recipe."""
    default = decision.default
    truth = truth_of(quest.ready, quest.ready.dataset, quest.ready.split.valid, "valid")
    main = BY_TASK[truth.task][0]
    return tuple(
        Trial(
            "default recipe" if one is default else "tuned recipe",
            "" if one is default else changes(quest, one.attempt), one.score,
            0.0 if one is default or default is None else _error(truth, spec, one, default),
            _mean(truth, main, one.runs), one.attempt.seconds, one is decision.winner,
            f"attempt {one.attempt.number}" if math.isfinite(one.score) else "failed with another seed",
        )
        for one in decision.finalists
    )  # fmt: skip


def trained_ready(quest: Quest, recipe: Recipe, known: Trained | None = None) -> tuple[Ready, Trained]:
    """The rows with the trained network of a recipe: the one that is known, or one that is trained now.

    Raises:
        TrainingError: it could not be trained once more.
    """
    found = known or train_each([quest.job(recipe)])[0]
    if isinstance(found, str):
        raise TrainingError(
            "a recipe that could be trained in the search failed this time", received=found,
            next_step="Repeat the command with --resume.",
        )  # fmt: skip
    return replace(quest.ready, recipe=recipe, network=found.network), found


def changes(quest: Quest, attempt: Attempt) -> str:
    """The settings in which an attempt differs from the default recipe."""
    kept = {name: getattr(quest.ready.recipe, name) for name in attempt.settings}
    moved = [f"{name} {_said(value)}" for name, value in attempt.settings.items() if value != kept[name]]
    return ", ".join(moved)


def _affordable(quest: Quest, done: Sequence[Attempt], few: Sequence[Attempt]) -> Sequence[Attempt]:
    """As many of the best few as can be trained again at least once: rather one in earnest than three by luck."""
    counts = range(len(few), 1, -1)
    return few[: next((n for n in counts if _rounds(quest, (*done, *few[:n]))), 1)]


def _rounds(quest: Quest, finalists: Sequence[Attempt]) -> int:
    """How many more seeds of each there is time for, with a pair of the proof after them, without which it is none."""
    once, pair = sum(one.seconds for one in finalists), 2 * finalists[0].seconds
    return next((n for n in range(ROUNDS, 0, -1) if quest.purse.left >= n * once + pair), 0)


def _again(quest: Quest, finalists: Sequence[Finalist]) -> int:
    """Train each with further seeds, as many as there is time for; how many those were."""
    ready, valid = quest.ready, quest.ready.split.valid
    truth = ready.task.truth(ready.dataset.frame[ready.schema.target.name])[valid]
    rounds = _rounds(quest, [one.attempt for one in finalists])
    for number, one in enumerate(finalists if rounds else (), 1):
        quest.told("other seeds", number=number, of=len(finalists), seeds=rounds)
        seeds = [one.recipe.seed + _APART * further for further in range(1, rounds + 1)]
        for found in train_each([quest.job(replace(one.recipe, seed=seed)) for seed in seeds]):
            if isinstance(found, str):
                one.scores.append(math.inf)
                continue
            said = predicted(replace(ready, network=found.network), valid)
            one.runs.append(said)
            one.scores.append(ready.task.score(said, truth))
    return rounds


def _error(truth: Truth, spec: MetricSpec, one: Finalist, default: Finalist) -> float:
    """Standard error of the difference to the default recipe, over rows and runs."""
    if not one.runs or len(one.runs) != len(default.runs):
        return math.nan
    found = paired_difference(truth, one.runs, default.runs, metric=spec).estimate
    return (found.high - found.low) / (2 * _NORMAL)


def _mean(truth: Truth, spec: MetricSpec, runs: Sequence[Floats]) -> float:
    every = [float(spec.function(truth.values, run, np.ones((1, truth.rows)))[0]) for run in runs]
    return float(np.mean(every)) if every else math.nan


def _notes(finalists: Sequence[Finalist], rounds: int, few: int) -> tuple[str, ...]:
    if len(finalists) < 2:
        return ()
    tried = sum(not one.attempt.default for one in finalists)
    failed = [str(one.attempt.number) for one in finalists if not math.isfinite(one.score)]
    said = [
        f"Only {tried} of the best {few} were trained again: no time was left for more." * (tried < few),
        f"Only {rounds} of {ROUNDS} rounds with other seeds were trained: no time was left for more."
        * (rounds < ROUNDS),
        f"Failed with another seed, and so left out: {listed(failed)}." if failed else "",
    ]
    return tuple(filter(None, said))


def _all_failed(every: Sequence[Attempt]) -> TrainingError:
    reasons = list(dict.fromkeys(one.why for one in every if one.state == "failed"))
    return TrainingError(
        "every attempt failed, so there is nothing to choose from", received="; ".join(reasons[:3]),
        expected="at least one network that could be trained",
        next_step="See what 'vouch fit' says with the same data and settings.",
    )  # fmt: skip


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
