"""What a search is asked: data made ready once, the settings that are open, and the time there is."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from vouch import store
from vouch.api.predicting import device_of
from vouch.api.preparing import Ready, as_asked, gather, prepare
from vouch.api.training import jobs_of, settled, silent
from vouch.contracts.dataset import Dataset
from vouch.contracts.options import FitOptions, TuneOptions
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities, Progress
from vouch.contracts.schema import Schema
from vouch.data.schema import modality
from vouch.errors import TooFewRowsError, UsageError, nearest
from vouch.nets.build import apart, build_networks
from vouch.objectives import check_objective
from vouch.training.budget import seconds_of
from vouch.training.loop import Job
from vouch.training.plan import BUDGET
from vouch.training.search import Field
from vouch.training.settings import override
from vouch.training.space import Space, space_for
from vouch.training.studies import Identity, Place, engine, file_beside

# One training is planned to take no more than this share of the budget.
_OF_BUDGET = 0.25
_FEWEST_SEALED = 5
_LATER = "Tune first; then give fit the bundle: --recipe NAME.vouch --ensemble 5."
_SEVERAL = {"folds": _LATER, "ensemble": _LATER}
_IN_MEMORY = "search"


@dataclass(frozen=True, slots=True)
class Purse:
    """What may be spent.

    Args:
        trials: attempts; endless when not given.
        seconds: wall time, from the start; endless when not given.
        started: when that was, by the clock that never goes back.
    """

    trials: int | None
    seconds: float
    started: float

    @property
    def ends(self) -> float:
        """When all has to be over."""
        return self.started + self.seconds

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.ends - time.monotonic()


@dataclass(frozen=True, slots=True, eq=False)
class Quest:
    """What is searched, where the search is kept, and how far it may go.

    Args:
        raw: the data as it was read.
        ready: the data as the networks see it, with the default recipe.
        offers: what the columns are like, as capabilities.
        place: where attempts are kept.
        purse: what may be spent.
        told: told how far the search is.
        fixed: settings that the user has given, which are not searched.
    """

    raw: Dataset
    ready: Ready
    offers: frozenset[str]
    place: Place
    purse: Purse
    told: Progress
    fixed: dict[str, object]

    @property
    def space(self) -> Space:
        """The settings that are open; labels are smoothed over classes, and where there are none, nothing is."""
        closed = [*self.fixed, *([] if self.ready.task.classes else ["label_smoothing"])]
        return space_for(self.ready.recipe, self.offers, closed)

    @property
    def identity(self) -> Identity:
        """What a search that goes on must be of."""
        return Identity(self.ready.fingerprint, self.space, self.ready.recipe, self.fixed)

    @property
    def field(self) -> Field:
        """The same as the search itself knows it."""
        return Field(self.ready.recipe, self.space, self.job)

    def job(self, recipe: Recipe, told: Progress = silent) -> Job:
        """The training run of another recipe on the same encoded rows; it never sees a sealed one."""
        return jobs_of(with_recipe(self.ready, recipe), None, told)[0]

    def kept(self, settings: Any) -> Quest:
        """The same with the default recipe that a search was begun with."""
        return replace(self, ready=with_recipe(self.ready, override(self.ready.recipe, settings)))


def with_recipe(ready: Ready, recipe: Recipe) -> Ready:
    """The same encoded rows with a fresh network for another recipe."""
    built = build_networks(ready.encoders, ready.task.outputs, recipe)
    networks = tuple(network.to(ready.wanted.device) for network in built)
    return replace(ready, recipe=recipe, network=networks[0], networks=networks)


def quest_of(data: object, target: str | None, options: TuneOptions, place: Place, started: float) -> Quest:
    """Read, clean, split and encode the data, plan the default recipe, and open its settings.

    Raises:
        VouchError: the data or the options are not usable, or nothing is left to be searched.
    """
    told = options.get("progress", silent)
    purse = purse_of(options, started)
    fitting = _of_fit(options, purse)
    raw, schema = gather(data, target, fitting)
    told("read", rows=raw.frame.height, columns=raw.frame.width, task=schema.task)
    ready = prepare(raw, schema, fitting)
    told("prepared", train=len(ready.split.train), valid=len(ready.split.valid), test=len(ready.split.test))
    check_objective(ready.task, ready.recipe)
    if len(ready.split.test) < _FEWEST_SEALED:
        raise TooFewRowsError(
            "there are too few sealed rows to prove anything", where=raw.source,
            expected=f"at least {_FEWEST_SEALED}", received=str(len(ready.split.test)),
            next_step="Give more rows, or a larger --set test_fraction.",
        )  # fmt: skip
    fixed = {name: ready.recipe.plain()[name] for name in options.get("settings") or ()}
    endless = options.get("resume") or math.isinf(purse.seconds)
    ready = settled(ready, None if endless else _OF_BUDGET * max(purse.left, 1.0))
    quest = Quest(raw, ready, _offers(schema), place, purse, told, fixed)
    if not quest.space.settings:
        raise UsageError(
            "no setting is left to be searched", received="fixed: " + ", ".join(fixed),
            next_step="Leave out a --set, or use 'vouch fit'.",
        )  # fmt: skip
    return quest


def check(options: TuneOptions) -> None:
    """Refuse what can be refused before any data is read."""
    engine()
    known = TuneOptions.__annotations__
    for name in options:
        if name not in known and options[name] is not None:
            raise UsageError(f"tune has no option '{name}'", next_step=_SEVERAL.get(name) or nearest(name, known))
    for name in ("trials", "workers"):
        if (given := options.get(name)) is not None and int(cast("int", given)) < 1:
            raise UsageError(f"too few {name}", expected="at least 1", received=str(given))
    seconds_of(options.get("budget") or BUDGET)
    device_of(options.get("device", "auto"))
    asked = as_asked(Recipe(), cast("FitOptions", {k: options.get(k) for k in ("recipe", "settings", "seed")}))
    if len(apart(asked)) > 1 or asked.folds:
        raise UsageError(
            "a search trains one network for each recipe", received=f"networks={asked.networks}, folds={asked.folds}",
            expected="networks=1 and folds=0", next_step=_LATER,
        )  # fmt: skip
    if options.get("out") is not None:
        store.check_place(Path(str(options.get("out"))))


def place_of(options: TuneOptions, folder: Path) -> Place:
    """Where the search is kept: in the storage that was named, in a file beside the bundle, or in memory.

    Args:
        options: of ``tune``.
        folder: where a file may lie that several processes need as long as they search.
    """
    out, url = options.get("out"), options.get("storage")
    name = Path(str(out)).name.removesuffix(".vouch") if out is not None else _IN_MEMORY
    if url is not None:
        return Place(name, url)
    if out is not None:
        return Place(name, file_beside(Path(str(out))), own=True)
    return Place(name, file_beside(folder / name) if options.get("workers", 1) > 1 else None)


def purse_of(options: TuneOptions, started: float) -> Purse:
    """What may be spent: ten minutes where nothing is said, no time limit where only trials are counted."""
    budget, trials = options.get("budget"), options.get("trials")
    endless = not budget and trials is not None
    return Purse(trials, math.inf if endless else seconds_of(budget or BUDGET), started)


def _of_fit(options: TuneOptions, purse: Purse) -> FitOptions:
    """The options that ``fit`` knows as well; one training gets a share of the budget, and no more than by default."""
    same = {key: options[key] for key in options.keys() & FitOptions.__annotations__.keys()}  # type: ignore[literal-required]
    alone: dict[str, Any] = {"budget": min(BUDGET, _OF_BUDGET * purse.seconds), "out": None, "resume": False}
    alone["workers"] = None
    return cast("FitOptions", same | alone)


def _offers(schema: Schema) -> frozenset[str]:
    """What the columns are like; a grid or a sequence is known by that alone."""
    return frozenset(_most(modality(column.kind).capabilities) for column in schema.features)


def _most(kind: Capabilities) -> str:
    return next((name for name in ("spatial", "ordered", "discrete") if getattr(kind, name)), "continuous")
