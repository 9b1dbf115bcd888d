"""Every schedule in SCHEDULES against a closed form; one without fails."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from training.jobs import RECIPE, job
from vouch.contracts.recipe import Recipe
from vouch.contracts.schedules import SCHEDULES, Constant, Cosine, FlatCosine, OneCycle, Plateau, Step
from vouch.training.direct import DirectAdamW
from vouch.training.loop import train
from vouch.training.rates import rate_at

POINTS = (0.0, 0.1, 0.25, 0.3, 0.5, 0.6, 0.75, 0.9, 0.999)


def half_cosine(one: Any, done: float) -> float:
    return one.final + (1 - one.final) * 0.5 * (1 + math.cos(math.pi * done))


def flat_then_cosine(one: FlatCosine, done: float) -> float:
    return 1.0 if done < one.flat else half_cosine(one, (done - one.flat) / (1 - one.flat))


# What each schedule is without a warm-up, from 0 to 1.
CLOSED: dict[Any, Callable[[Any, float], float]] = {
    Constant: lambda *_: 1.0,
    Step: lambda one, done: one.factor ** sum(done >= k * one.every - 1e-12 for k in range(1, 1 + int(1 / one.every))),
    Cosine: half_cosine,
    FlatCosine: flat_then_cosine,
    OneCycle: lambda one, done: max(1 - done, one.final),
    Plateau: lambda *_: 1.0,
}
OTHERS = {"every": 0.25, "factor": 0.5, "final": 0.2, "flat": 0.25, "patience": 1}


@pytest.mark.parametrize("kind", SCHEDULES, ids=lambda kind: kind.__name__)
def test_every_schedule_has_a_closed_form_and_a_line_on_when_to_use_it(kind: Any) -> None:
    assert kind in CLOSED, f"{kind.__name__} is in SCHEDULES: give it a closed form in this file."
    assert kind.when
    assert {field.name for field in fields(kind)} - {"name"} <= OTHERS.keys()


@pytest.mark.parametrize("kind", SCHEDULES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("other", [False, True], ids=["usual", "other settings"])
@pytest.mark.parametrize("warmup", [0.0, 0.2])
def test_it_follows_its_closed_form(kind: Any, other: bool, warmup: float) -> None:
    one = (
        kind(**{field.name: OTHERS[field.name] for field in fields(kind) if field.name != "name"}) if other else kind()
    )
    recipe = Recipe(schedule=one, warmup=warmup)
    for done in POINTS:
        rising = done < warmup
        expected = max(done, 1e-3) / warmup if rising else CLOSED[kind](one, (done - warmup) / (1 - warmup))
        assert rate_at(done, recipe) == pytest.approx(expected, abs=1e-9), done


def test_the_warm_up_rises_in_a_straight_line_from_more_than_nothing() -> None:
    recipe = Recipe(schedule=Cosine(), warmup=0.5)
    assert [rate_at(done, recipe) for done in (0.0, 0.1, 0.25, 0.4)] == pytest.approx([0.002, 0.2, 0.5, 0.8])
    assert rate_at(0.5, recipe) == 1.0


@pytest.mark.parametrize(
    ("scores", "falls"),
    [
        ([], 0),
        ([5.0, 4.0, 3.0], 0),
        ([5.0, 5.0, 5.0], 0),
        ([5.0, 5.0, 5.0, 5.0], 1),
        ([5.0, 6.0, 7.0, 8.0], 1),
        ([5.0, 5.0, 4.9, 5.0, 5.0], 0),
        ([5.0] * 7, 2),
        ([5.0] * 4 + [4.0, 3.0] + [3.0] * 3, 2),
    ],
)
def test_a_plateau_is_seen_in_the_scores(scores: list[float], falls: int) -> None:
    recipe = Recipe(schedule=Plateau(factor=0.5, patience=2))
    assert rate_at(0.5, recipe, scores) == 0.5**falls


@pytest.mark.parametrize("kind", SCHEDULES, ids=lambda kind: kind.__name__)
def test_the_loop_steps_at_the_rates_of_the_schedule(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = job(replace(RECIPE, schedule=kind(), warmup=0.2, epochs=5))
    scores = [3.0, 2.0, 2.0, 2.0, 2.0]
    judged, taken = iter(scores), []

    def look(optimizer: Any, *_: object) -> None:
        taken.append(optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(DirectAdamW, "step", look)
    train(replace(one, evaluate=lambda _: next(judged)))
    steps, recipe = one.steps_in_epoch, one.recipe
    wanted = [
        recipe.learning_rate * rate_at(made / (5 * steps), recipe, scores[: made // steps]) for made in range(5 * steps)
    ]
    assert taken == pytest.approx(wanted)
