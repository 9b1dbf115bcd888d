"""A search over settings: draw, train, judge on validation rows, and stop early what does not keep up."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Progress
from vouch.contracts.search import Attempt, State
from vouch.errors import TrainingError, VouchError
from vouch.training.drawing import ask, drawn_for, read
from vouch.training.loop import Augment, Job, train
from vouch.training.settings import override
from vouch.training.space import Space, settings_of
from vouch.training.state import Epoch
from vouch.training.studies import engine, me, quiet
from vouch.training.together import can_batch, train_together

if TYPE_CHECKING:
    import optuna

INTERRUPTED = "interrupted"
# Of those that reach a rung one in three goes on (asynchronous successive halving: Li and others, 2020).
_ONE_IN = 3
_FIRST_RUNG, _FIRST_RUNG_OF_PLANNED = 0.1, 0.34
_FEWEST_FOR_IMPORTANCES = 8
# What training throws when settings and data do not go together; anything else is a mistake of ours.
FAILURES = (VouchError, RuntimeError, MemoryError, ArithmeticError, ValueError)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """What is searched.

    Args:
        recipe: the default.
        space: the settings that are open.
        job: the training run of a recipe, which tells an observer of every epoch.
    """

    recipe: Recipe
    space: Space
    job: Callable[[Recipe, Progress], Job]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far one process goes.

    Args:
        attempts: how many it may make; endless when not given.
        ends: when it has to be over, by the clock that never goes back.
        longest: seconds that one attempt may take.
        worker: the number of the process, from 0.
    """

    attempts: int | None = None
    ends: float = math.inf
    longest: float = math.inf
    worker: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A network with its history."""

    network: nn.Module
    history: list[Epoch]

    @property
    def score(self) -> float:
        """The best validation score."""
        return min(epoch.score for epoch in self.history)


class _Stopped(Exception):
    """An attempt is not worth going on with."""


def begin(study: optuna.Study, field: Field) -> None:
    """Put the default recipe first, and what often helps after it, unless these were tried already."""
    cut = {one.number for one in attempts(study) if one.why == INTERRUPTED}
    known = [
        dict(one.params or one.system_attrs.get("fixed_params", {}))
        for one in study.get_trials(deepcopy=False)
        if one.number not in cut
    ]
    for start in ({}, *field.space.starts):
        drawn = drawn_for(field.space, settings_of(field.recipe, field.space) | dict(start))
        if drawn not in known:
            study.enqueue_trial(drawn, {"start": True, "default": not start})
            known.append(drawn)


def explore(study: optuna.Study, field: Field, limits: Limits, told: Callable[[Attempt, Trained | None], None]) -> None:
    """Attempt after attempt, until the limits are reached.

    Args:
        study: where attempts are kept.
        field: what is searched.
        limits: how far to go.
        told: told of each attempt, with its network where it was trained to the end.

    Raises:
        TrainingError: the storage does not answer any more.
    """
    made = 0
    while (limits.attempts is None or made < limits.attempts) and time.monotonic() < limits.ends:
        told(*attempt(study, field, limits))
        made += 1


def attempt(study: optuna.Study, field: Field, limits: Limits) -> tuple[Attempt, Trained | None]:
    """Draw settings, train with them, and write down what came of it."""
    trial = _asked(study, field, limits.worker)
    default = bool(trial.user_attrs.get("default"))
    settings = settings_of(field.recipe, field.space) if default else read(field.space, trial.params)
    trial.set_user_attr("settings", settings)
    trial.set_user_attr("by", me())
    recipe = override(field.recipe, settings)
    watch = _Watch(study, trial, limits, recipe.epochs)
    trained, state, why = None, "failed", INTERRUPTED
    try:
        job = field.job(recipe, watch)
        trained = _train(replace(job, augment=watch.guarding(job.augment)))
        state, why = "done", ""
    except _Stopped as stopped:
        state, why = "pruned", str(stopped)
    except FAILURES as error:
        state, why = "failed", reason(error)
    finally:
        _close(study, trial, watch, state, why)
    if state == "failed":
        # What a failed training held is needed for the next one.
        gc.collect()
    made = next(one for one in attempts(study) if one.number == trial.number)
    return made, trained


def train_each(jobs: Sequence[Job]) -> list[Trained | str]:
    """Train several jobs: as one batched network where these are alike and small, else one by one.

    Returns:
        For each job its network, or why it failed; of those that train as one, none is worth more than the others.
    """
    if can_batch(jobs):
        try:
            histories = train_together(jobs)
        except FAILURES as error:
            return [reason(error)] * len(jobs)
        return [Trained(job.network, history) for job, history in zip(jobs, histories, strict=True)]
    found: list[Trained | str] = []
    for job in jobs:
        try:
            found.append(_train(job))
        except FAILURES as error:
            found.append(reason(error))
    return found


def attempts(study: optuna.Study) -> tuple[Attempt, ...]:
    """Everything that was tried, in order; what is still running is left out."""
    made = [one for one in study.get_trials(deepcopy=False) if one.state.is_finished()]
    return tuple(_attempt(one) for one in made)


def best_few(every: Sequence[Attempt], most: int) -> list[Attempt]:
    """The attempts with the best scores, best first: those that did better than the default recipe."""
    default = min((one.score for one in every if one.default and one.state == "done"), default=math.inf)
    done = [one for one in every if one.state == "done" and not one.default and one.score < default]
    return sorted(done, key=lambda one: (one.score, one.number))[:most]


def importances(every: Sequence[Attempt], space: Space, seed: int) -> dict[str, float]:
    """Share of the variance of the scores that each setting explains, by itself (fANOVA: Hutter and others, 2014).

    Settings are laid on their own scales, and scores no worse than twice as far from the best as the median, so that
    one that went astray does not explain all. Of fewer than eight attempts that were done nothing is said.
    """
    optuna = engine()
    done = [one for one in every if one.state == "done"]
    if len(done) < _FEWEST_FOR_IMPORTANCES or len({one.score for one in done}) < 2:
        return {}
    best, median = min(one.score for one in done), statistics.median(one.score for one in done)
    scale = dict.fromkeys((one.name for one in space.settings), optuna.distributions.FloatDistribution(0.0, 1.0))
    with quiet():
        places = optuna.create_study()
        for one in done:
            at = {held.name: min(max(held.place(one.settings[held.name]), 0.0), 1.0) for held in space.settings}
            score = min(one.score, median + 2 * (median - best))
            places.add_trial(optuna.trial.create_trial(params=at, distributions=scale, value=score))
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
        return dict(optuna.importance.get_param_importances(places, evaluator=evaluator))


def reason(error: BaseException) -> str:
    """Why a training failed, in half a sentence."""
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, TrainingError):
        return f"{error.what}, {error.where}" if error.where else error.what
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "memory" in said.lower():
        return f"out of memory: {said}"[:200]
    return f"{type(error).__name__}: {said}"[:200]


class _Watch:
    """Watches over one attempt: tells the study of its epochs, and stops it when it does not keep up."""

    def __init__(self, study: optuna.Study, trial: optuna.Trial, limits: Limits, last: int) -> None:
        self.study, self.trial, self.limits, self.last = study, trial, limits, last
        self.started, self.epochs, self.best = time.monotonic(), 0, math.inf
        # What is known to help may take longer to show it; and the default is what all others are held against.
        self.spared, self.needed = (bool(trial.user_attrs.get(name)) for name in ("start", "default"))

    def __call__(self, event: str, /, **facts: float | int | str | None) -> None:
        """One event of the training loop."""
        if event != "epoch":
            return
        epoch, score = int(facts["epoch"] or 0), float(facts["score"] or 0.0)
        if not math.isfinite(score):
            raise TrainingError("the validation score is not a number any more", where=f"epoch {epoch}")
        self.epochs, self.best = epoch, min(self.best, score)
        self.trial.report(self.best, epoch)
        # What has come to its last epoch is done, well or badly.
        if self.trial.should_prune() and epoch < self.last and not self.spared:
            raise _Stopped(self._behind())
        self._check()

    def guarding(self, augment: Augment) -> Augment:
        """The same augmentation, which looks at the clock before every batch: epochs may be long."""

        def guarded(batch: list[Tensor], generator: torch.Generator) -> list[Tensor]:
            self._check()
            return augment(batch, generator)

        return guarded

    @property
    def seconds(self) -> float:
        """Since the attempt was begun."""
        return time.monotonic() - self.started

    def _check(self) -> None:
        if self.needed:
            return
        if time.monotonic() > self.limits.ends:
            raise _Stopped(f"the time was over at epoch {self.epochs + 1}")
        if self.seconds > self.limits.longest:
            raise _Stopped(f"too slow: {self.seconds:.0f} s for {self.epochs} epochs")

    def _behind(self) -> str:
        """Why it does not go on, with the score that others had at the same epoch."""
        others = (one for one in self.study.get_trials(deepcopy=False) if one.number != self.trial.number)
        there = [seen[self.epochs] for seen in (one.intermediate_values for one in others) if self.epochs in seen]
        return (
            f"pruned at epoch {self.epochs} with {self.best:.4g}, against a median of {statistics.median(there):.4g} "
            f"of {len(there)} that came so far; one in {_ONE_IN} goes on"
        )


def _train(job: Job) -> Trained:
    history = train(job)
    return Trained(job.network, history)


def _asked(study: optuna.Study, field: Field, worker: int) -> optuna.Trial:
    """The next settings. What is drawn follows from what was tried, not from when a search was interrupted."""
    optuna, recipe = engine(), field.recipe
    made = sum(one.why != INTERRUPTED for one in attempts(study))
    # A rate that falls with a planned number of epochs shows late what it is good for.
    share = _FIRST_RUNG if recipe.patience else _FIRST_RUNG_OF_PLANNED
    rung = max(1, round(share * recipe.epochs))
    study.pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=rung, reduction_factor=_ONE_IN)
    return ask(study, field.space, settings_of(recipe, field.space), (recipe.seed, worker, made))


def _close(study: optuna.Study, trial: optuna.Trial, watch: _Watch, state: str, why: str) -> None:
    """Write down what came of an attempt."""
    from optuna.trial import TrialState

    trial.set_user_attr("why", why)
    trial.set_user_attr("epochs", watch.epochs)
    trial.set_user_attr("seconds", round(watch.seconds, 3))
    states = {"done": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    # An attempt that another process took for dead is finished already.
    study.tell(trial, watch.best if state == "done" else None, states[state], skip_if_finished=True)


def _attempt(one: optuna.trial.FrozenTrial) -> Attempt:
    from optuna.trial import TrialState

    states: dict[TrialState, State] = {TrialState.COMPLETE: "done", TrialState.PRUNED: "pruned"}
    state, facts = states.get(one.state, "failed"), one.user_attrs
    seen = min(one.intermediate_values.values(), default=math.nan)
    return Attempt(
        number=one.number,
        state=state,
        score=float(one.value) if state == "done" and one.value is not None else seen,
        epochs=int(facts.get("epochs", one.last_step or 0)),
        seconds=float(facts.get("seconds", one.duration.total_seconds() if one.duration else 0.0)),
        settings=dict(facts.get("settings", {})),
        default=bool(facts.get("default")),
        why=str(facts.get("why", INTERRUPTED if state == "failed" else "")),
    )
