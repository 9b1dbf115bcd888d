"""Which settings an attempt has: near the default at first, then where what was tried says that it is good."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from vouch.contracts.search import Setting, Value
from vouch.training.space import Space
from vouch.training.studies import engine

if TYPE_CHECKING:
    import optuna

# So many attempts are made around the default before the sampler has something to go by; each setting of them keeps the
# default's value with this chance. Far from it in all directions at once next to nothing is good.
STARTUP, _KEPT = 8, 0.6


def ask(study: optuna.Study, space: Space, default: Mapping[str, Value], origin: tuple[int, int, int]) -> optuna.Trial:
    """The next attempt: what waits, else one near the default, else what the sampler draws.

    Args:
        study: where attempts are kept.
        space: the open settings.
        default: their values in the default recipe.
        origin: seed, number of the process, and how many attempts were made: all that is drawn follows from them.
    """
    from optuna.trial import TrialState

    optuna, (seed, worker, made) = engine(), origin
    waits = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    if made < STARTUP and not waits:
        study.enqueue_trial(_near(space, default, np.random.default_rng([seed, worker, made])))
    sampled = (seed * 1_000_003 + worker * 7919 + made) % 2**32
    study.sampler = optuna.samplers.TPESampler(seed=sampled, n_startup_trials=STARTUP)
    return study.ask({one.name: _distribution(one) for one in space.settings})


def read(space: Space, drawn: Mapping[str, float]) -> dict[str, Value]:
    """Values from what was drawn: the number of a choice, or a number that says "off" below the smallest.

    Example:
        >>> read(Space("mlp", (Setting("width", choices=(64, 128)), Setting("dropout", 0, 0.5))),
        ...      {"width": 1, "dropout": 0.12345})
        {'width': 128, 'dropout': 0.123}
    """
    return {one.name: _value(one, drawn[one.name]) for one in space.settings}


def drawn_for(space: Space, settings: Mapping[str, Value]) -> dict[str, float]:
    """What has to be drawn for settings to have these values."""
    return {one.name: _as_drawn(one, settings[one.name]) for one in space.settings}


def _near(space: Space, default: Mapping[str, Value], rng: np.random.Generator) -> dict[str, float]:
    """The default with some settings drawn anew, each evenly on its scale; at least one of them."""
    drawn, moved = drawn_for(space, default), rng.random(len(space.settings)) > _KEPT
    moved[rng.integers(len(moved))] = True
    for setting in (one for one, moves in zip(space.settings, moved, strict=True) if moves):
        drawn[setting.name] = _anywhere(setting, rng)
    return drawn


def _anywhere(setting: Setting, rng: np.random.Generator) -> float:
    if setting.choices:
        return int(rng.integers(len(setting.choices)))
    if setting.log:
        return math.exp(rng.uniform(math.log(setting.floor), math.log(setting.high)))
    return rng.uniform(setting.low, setting.high)


def _distribution(setting: Setting) -> optuna.distributions.BaseDistribution:
    optuna = engine()
    if setting.choices:
        return optuna.distributions.IntDistribution(0, len(setting.choices) - 1)
    return optuna.distributions.FloatDistribution(setting.floor, setting.high, log=setting.log)


def _value(setting: Setting, drawn: float) -> Value:
    if setting.choices:
        return setting.choices[int(drawn)]
    return 0.0 if setting.off and drawn < setting.low else float(f"{drawn:.3g}")


def _as_drawn(setting: Setting, value: Value) -> float:
    if setting.choices:
        return setting.choices.index(value)
    return math.sqrt(setting.floor * setting.low) if setting.off and not value else float(value)
