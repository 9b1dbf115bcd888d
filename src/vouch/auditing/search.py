"""Choose a remedy and its strength, on rows that the proof will not see."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vouch.auditing.clock import Clock
from vouch.contracts.bundle import BundleValue
from vouch.contracts.case import BudgetSpent, Case, Lesson, Remedy, Strength
from vouch.contracts.proof import Trial
from vouch.contracts.roles import Progress
from vouch.statistics.evidence import Truth
from vouch.statistics.intervals import bootstrap
from vouch.tasks.metrics import MetricSpec
from vouch.wording import count, metric_within

Rows: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
NOTHING = "nothing"

_RESAMPLES = 200
# So many candidates are trained again, and so many runs each of them then has.
_BEST, _RUNS = 3, 5
# .88 less .86 is a little more than .02.
_ROUNDING = 1e-9
_KEEP: Remedy[BundleValue] = Remedy(NOTHING, "", "bundle", lambda _: ("",), lambda _, bundle, __: bundle)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The rows on which remedies are compared: parts of the rows that are not sealed, each held out once.

    Args:
        lessons: what is learned from, for each part.
        held: the rows that are scored, for each part.
        doubted: rows whose target a remedy calls wrong: it cannot say which remedy is best.
    """

    lessons: tuple[Lesson, ...]
    held: tuple[Rows, ...]
    doubted: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def rows(self) -> Rows:
        """All held rows, part after part."""
        return np.concatenate(self.held)

    @property
    def trusted(self) -> Floats:
        """1 for every held row whose target is not doubted, else 0 (n,); all count where all are doubted."""
        trusted = ~np.isin(self.rows, self.doubted)
        return np.where(trusted if trusted.any() else ~trusted, 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Aim:
    """What a remedy is to make better, and what it may cost.

    Args:
        spec: the metric by which remedies are chosen.
        main: the main metric of the task.
        max_loss: how much of the main metric may be lost, as of :meth:`lost`; none when anything may.
    """

    spec: MetricSpec
    main: MetricSpec
    max_loss: float | None = None

    def lost(self, before: float, after: float) -> float:
        """How much of the main metric is lost: of a metric in points their hundredths, else the share of what it was.

        Example:
            >>> from vouch.tasks.metrics import BINARY, REGRESSION
            >>> Aim(BINARY[1], BINARY[1]).lost(0.5, 0.48), Aim(REGRESSION[0], REGRESSION[0]).lost(50.0, 51.0)
            (0.020000000000000018, 0.02)
        """
        fall = -_sign(self.main) * (after - before)
        return fall if self.main.in_points else fall / max(abs(before), 1e-12)


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What the search came to.

    Args:
        trials: everything that was tried; the first is doing nothing.
        remedy: the best remedy; none when nothing was better than doing nothing.
        strength: of the remedy.
        left_out: names of the candidates for which there was no time.
        doubted: held rows that did not count, for their targets are what remedies doubt.
    """

    trials: tuple[Trial, ...]
    remedy: Remedy[Any] | None = None
    strength: Strength = ""
    left_out: tuple[str, ...] = ()
    doubted: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """How a search goes on.

    Args:
        clock: what may be spent; up to half of it is kept for training the best again.
        told: told of each candidate before it is tried.
    """

    clock: Clock
    told: Progress


def _nobody(event: str, /, **facts: float | int | str | None) -> None:
    """No progress is told."""


@dataclass(slots=True, eq=False)
class _Candidate:
    """A remedy at one strength, or doing nothing, with what networks say of the held rows, run after run."""

    remedy: Remedy[Any] | None
    strength: Strength
    runs: list[Floats] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """As a reader knows it, with its strength."""
        return f"{self.remedy.name if self.remedy else NOTHING} {_said(self.strength)}".strip()

    @property
    def trains(self) -> bool:
        """Whether it is a remedy that costs a training."""
        return self.remedy is not None and self.remedy.changes != "bundle"

    def run(self, case: Case, ground: Ground, plain: _Plain | None) -> None:
        """Train and predict once more; each run has seeds of its own, which all candidates share."""
        started = time.perf_counter()
        self.runs.append(np.concatenate(_predicted(case, ground, plain, self)))
        self.seconds += time.perf_counter() - started


@dataclass(slots=True, eq=False)
class _Plain:
    """What networks that nothing was done to say of the rows of a ground, run after run.

    A remedy that changes what a trained network says learns from what they say of the other parts' rows and is judged
    on those of its own part, so that it costs no training, and is compared with those that do on the same rows and with
    the same seeds.

    Args:
        case: what is to be treated.
        ground: the rows to choose by, in two parts at least where any remedy changes a trained bundle.
        runs: what is said of the held rows of each part, run after run.
    """

    case: Case
    ground: Ground
    runs: list[list[Floats]] = field(default_factory=list)

    def said(self, run: int) -> list[Floats]:
        """What the networks of a run say of the held rows of each part."""
        if run == len(self.runs):
            pairs = zip(self.ground.lessons, self.ground.held, strict=True)
            self.runs.append([self.case.retrain(_seeded(lesson, run), held) for lesson, held in pairs])
        return self.runs[run]

    def asked(self, run: int) -> Case:
        """The case as if the networks of this run were the bundle's own."""
        return self.case.speaking(self.ground.rows, np.concatenate(self.said(run)))


def search(
    case: Case, remedies: Sequence[Remedy[Any]], aim: Aim, ground: Ground, truth: Truth, pace: Pace | None = None
) -> Choice:
    """Try every remedy at every strength on rows kept for choosing, and take the best that is better than nothing.

    Networks differ from run to run, and of many candidates the luckiest looks best. So the best few are trained again
    with other seeds, as far as time allows, and the choice is among these. Where targets are doubted, the best is the
    one that is best on the other rows, if it is not clearly worse on all.

    Args:
        case: what is to be treated.
        remedies: those that train anew, those that change the trained bundle, or both.
        aim: what is to become better.
        ground: the rows to choose by.
        truth: of those rows, in their order.
        pace: how much time there is, and who is told how far it is.

    Returns:
        The choice, with every trial.
    """
    trains = any(one.changes != "bundle" for one in remedies)
    clock, told = pace and pace.clock, pace.told if pace else _nobody
    plain = _Plain(case, ground) if trains else None
    nothing = _Candidate(None if trains else _KEEP, "")
    spent = clock.spent if clock else 0.0
    nothing.run(case, ground, plain)
    kept = _kept_for_the_best(clock, clock.spent - spent) if clock and trains else 0.0
    if clock:
        clock.spend(kept)
    candidates = [[_Candidate(remedy, strength) for strength in remedy.strengths(case)] for remedy in remedies]
    turns = _in_turn(candidates)
    for number, candidate in enumerate(turns, 1):
        told("trying", candidate=number, of=len(turns), remedy=candidate.name)
        # What has no run in the end is told to be left out.
        with suppress(BudgetSpent):
            candidate.run(case, ground, plain)
    if clock:
        clock.spend(-kept)
    every = [nothing, *(one for some in candidates for one in some if one.runs)]
    judge = _Judge(aim, truth, ground.trusted, nothing)
    worth_it = [one for one in every[1:] if np.isfinite(judge.order(one))] if trains else []
    if worth_it:
        best = [nothing, *sorted(worth_it, key=judge.order, reverse=True)[:_BEST]]
        told("again", remedies=", ".join(one.name for one in best[1:]))
        _again(case, ground, plain, best)
    orders = [judge.order(one) for one in every[1:]]
    chosen = every[1 + int(np.argmax(orders))] if max(orders, default=0.0) > 0 else None
    trials = tuple(replace(judge.trial(one), chosen=one is chosen) for one in every)
    doubted, left_out = len(judge.trusted) - int(judge.trusted.sum()), tuple(one.name for one in turns if not one.runs)
    return Choice(trials, chosen.remedy if chosen else None, chosen.strength if chosen else "", left_out, doubted)


def _in_turn(candidates: Sequence[Sequence[_Candidate]]) -> list[_Candidate]:
    """Those that train nothing, then of each remedy its first strength, then the second ones, and so on.

    Where time runs out, what is left out are further strengths before whole remedies.

    Args:
        candidates: the strengths of each remedy.
    """
    free = [one for some in candidates for one in some if not one.trains]
    turns = zip_longest(*([one for one in some if one.trains] for some in candidates))
    return free + [one for turn in turns for one in turn if one is not None]


def _kept_for_the_best(clock: Clock, cost: float) -> float:
    """What is kept for training the best again: as many whole rounds as half of what is left allows."""
    one_round, half = (_BEST + 1) * cost, (clock.trainings - clock.spent) / 2
    return min(_RUNS - 1, int(half / one_round + 1e-9)) * one_round if one_round else 0.0


def _again(case: Case, ground: Ground, plain: _Plain | None, best: Sequence[_Candidate]) -> None:
    """Further runs of the best and of doing nothing, whole rounds alone."""
    for _ in range(_RUNS - 1):
        runs = len(best[0].runs)
        try:
            for one in best:
                one.run(case, ground, plain)
        except BudgetSpent:
            for one in best:
                del one.runs[runs:]
            return


def _predicted(case: Case, ground: Ground, plain: _Plain | None, one: _Candidate) -> list[Floats]:
    """What is said of each held part under a remedy, in its next run; the first has the lesson's own seed."""
    remedy, run = one.remedy, len(one.runs)
    if remedy is None:
        assert plain is not None
        return plain.said(run)
    if remedy.changes != "bundle":
        lessons = [_seeded(_lesson(case, lesson, remedy, one.strength), run) for lesson in ground.lessons]
        return [case.retrain(lesson, held) for lesson, held in zip(lessons, ground.held, strict=True)]
    asked, answered = plain.asked(run) if plain else case, []
    for held in ground.held:
        # No row is judged by what it has taught: all other parts are there to learn from.
        view = asked.choosing(np.setdiff1d(ground.rows, held))
        bundle: BundleValue = remedy.treat(view, view.bundle, one.strength)
        answered.append(asked.answered(bundle, held))
    return answered


def _lesson(case: Case, lesson: Lesson, remedy: Remedy[Any], strength: Strength) -> Lesson:
    if remedy.changes == "recipe":
        return replace(lesson, recipe=remedy.treat(case, lesson.recipe, strength))
    return remedy.treat(case, lesson, strength)


def _seeded(lesson: Lesson, run: int) -> Lesson:
    """Far from the seeds of the proof."""
    return replace(lesson, recipe=replace(lesson.recipe, seed=lesson.recipe.seed + 1000 * run)) if run else lesson


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """What candidates are judged by: the rows, which of them count (n,), and doing nothing."""

    aim: Aim
    truth: Truth
    trusted: Floats
    nothing: _Candidate
    known: dict[tuple[int, int, str, bool], tuple[float, float]] = field(default_factory=dict)

    def trial(self, one: _Candidate) -> Trial:
        """Its scores on the rows that count, the mean over its runs."""
        score, main = (float(np.mean(self._values(spec, one.runs))) for spec in (self.aim.spec, self.aim.main))
        name, error = one.remedy.name if one.remedy else NOTHING, self._gain(one, self.aim.spec)[1]
        why = "" if one is self.nothing else self._ruled_out(one)
        return Trial(name, _said(one.strength), score, error, main, one.seconds, why=why)

    def order(self, one: _Candidate) -> float:
        """How much better than nothing for all we know; minus infinity for what is too dear, or worse on all rows.

        One standard error is taken off the gain, so that of many candidates not the luckiest wins but one that can be
        relied on (the one-standard-error rule: Breiman and others, 1984). Only those of most runs can win.
        """
        gain, error = self._gain(one, self.aim.spec)
        return -np.inf if self._ruled_out(one) or not np.isfinite(gain - error) else gain - error

    def _ruled_out(self, one: _Candidate) -> str:
        """Why a candidate cannot be taken, whatever its score; empty where it can."""
        main, most = self.aim.main, self.aim.max_loss
        runs = self.nothing.runs[: len(one.runs)], one.runs
        before, after = (float(np.mean(self._values(main, some))) for some in runs)
        if most is not None and self.aim.lost(before, after) > most + _ROUNDING:
            return f"costs more than {said_of(main, most)}"
        if self._objected(one):
            return "worse on all rows"
        if len(one.runs) < len(self.nothing.runs):
            return f"not among the best after {count(len(one.runs), 'run')}, so not run again"
        return ""

    def _objected(self, one: _Candidate) -> bool:
        """Whether all rows, the doubted ones too, speak against it by more than a standard error.

        They do so by the main metric: against a wrong label a sure network may lose any amount of log loss.
        """
        if self.trusted.all():
            return False
        gain, error = self._gain(one, self.aim.main, all_rows=True)
        return gain < -error

    def _gain(self, one: _Candidate, spec: MetricSpec, *, all_rows: bool = False) -> tuple[float, float]:
        """As below; each is resampled once, however often it is asked for."""
        key = (id(one), len(one.runs), spec.name, all_rows)
        if key not in self.known:
            counted = np.ones_like(self.trusted) if all_rows else self.trusted
            self.known[key] = self._resampled(one, spec, counted)
        return self.known[key]

    def _resampled(self, one: _Candidate, spec: MetricSpec, counted: Floats) -> tuple[float, float]:
        """How much better than nothing, in the mean over runs, with its standard error.

        Rows and runs both leave it uncertain: the rows by the paired bootstrap, the runs by their spread.
        """
        sign, pairs = _sign(spec), list(zip(self.nothing.runs, one.runs, strict=False))

        def gains(weights: Floats) -> Floats:
            drawn = weights * counted
            each = [spec.function(self.truth.values, run, drawn) for pair in pairs for run in pair]
            return sign * (np.stack(each[1::2], axis=-1) - np.stack(each[::2], axis=-1))

        found = bootstrap(gains, self.truth.rows, resamples=_RESAMPLES, groups=self.truth.groups)
        by_rows = float(np.nanstd(found.draws.mean(axis=-1)))
        by_runs = float(found.value.std(ddof=1) / np.sqrt(len(pairs))) if len(pairs) > 1 else 0.0
        return float(found.value.mean()), float(np.hypot(by_rows, by_runs))

    def _values(self, spec: MetricSpec, runs: Sequence[Floats]) -> list[float]:
        return [float(spec.function(self.truth.values, run, self.trusted[None])[0]) for run in runs]


def said_of(main: MetricSpec, most: float) -> str:
    """How much of a metric may be lost, in words.

    Args:
        main: the metric.
        most: that may be lost of it.

    Example:
        >>> from vouch.tasks.metrics import BINARY, REGRESSION
        >>> said_of(BINARY[1], 0.02), said_of(BINARY[1], 0.01), said_of(REGRESSION[0], 0.02)
        ('2 points of accuracy', '1 point of accuracy', '2 % of RMSE')
    """
    amount = f"{100 * most:g}"
    unit = ("point" if amount == "1" else "points") if main.in_points else "%"
    return f"{amount} {unit} of {metric_within(main.name)}"


def _sign(spec: MetricSpec) -> int:
    return 1 if spec.higher_is_better else -1


def _said(strength: Strength) -> str:
    return f"{strength:g}" if isinstance(strength, float) else str(strength)
