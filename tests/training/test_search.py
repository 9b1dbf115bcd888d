"""The search: what is tried first, what is stopped and why, what fails, and how it goes on where it was interrupted."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.searches import MEMORY, RECIPE, SPACE, Made, identity, made, stored
from vouch.contracts.recipe import Recipe
from vouch.contracts.search import Attempt
from vouch.errors import TrainingError
from vouch.training import search
from vouch.training.drawing import STARTUP
from vouch.training.search import INTERRUPTED, Limits, attempts, begin, best_few, explore, importances, train_each
from vouch.training.studies import opened

__all__ = ["made"]


def tried(made: Made, limits: Limits, place=MEMORY, *, resume: bool = False) -> tuple[Attempt, ...]:
    """All attempts after a search."""
    with opened(place, identity(), resume=resume) as study:
        begin(study, made.field())
        explore(study, made.field(), limits, lambda *_: None)
        return attempts(study)


def test_the_default_recipe_is_tried_first_and_known_remedies_next(made: Made) -> None:
    every = tried(made, Limits(3))
    assert made.recipes[0] == RECIPE
    assert [one.default for one in every] == [True, False, False]
    assert made.recipes[1] == replace(RECIPE, weight_decay=1.0)
    assert every[1].settings == {"dropout": 0.2, "weight_decay": 1.0, "mixup": 0.0, "width": 128}


def test_the_default_recipe_is_tried_to_the_last_digit(made: Made) -> None:
    odd = replace(RECIPE, weight_decay=0.123456789)
    with opened(MEMORY, identity(recipe=odd), resume=False) as study:
        field = replace(made.field(), recipe=odd)
        begin(study, field)
        explore(study, field, Limits(1), lambda *_: None)
    assert made.recipes == [odd]


def test_settings_are_drawn_from_their_scales_and_from_the_seed(made: Made) -> None:
    first = tried(made, Limits(20))
    again = tried(made, Limits(20))
    assert [one.settings for one in first] == [one.settings for one in again]
    decays = [float(one.settings["weight_decay"]) for one in first]
    assert min(decays) >= 1e-4
    assert max(decays) <= 10
    assert sum(decay < 0.1 for decay in decays) > 4, "half of a logarithmic scale lies below"
    assert {one.settings["width"] for one in first} <= {64, 128, 256}


def test_the_first_attempts_stay_near_the_default(made: Made) -> None:
    every = tried(made, Limits(STARTUP + 8))
    first = every[0].settings
    moved = [sum(one.settings[name] != first[name] for name in first) for one in every]
    assert all(1 <= count <= len(first) for count in moved[2:STARTUP])
    assert sum(moved[2:STARTUP]) < sum(moved[STARTUP : 2 * STARTUP - 2]), "later the sampler moves everything"


def test_a_setting_that_may_be_off_is_found_to_be_best_off(made: Made) -> None:
    made.score = lambda recipe, epoch: recipe.mixup - epoch
    mixed = replace(RECIPE, mixup=0.5)
    with opened(MEMORY, identity(recipe=mixed), resume=False) as study:
        field = replace(made.field(), recipe=mixed)
        begin(study, field)
        explore(study, field, Limits(30), lambda *_: None)
        found = [float(one.settings["mixup"]) for one in attempts(study)]
    assert found.count(0.0) > 3
    assert all(value == 0 or 0.1 <= value <= 1 for value in found)


def test_it_finds_what_is_better(made: Made) -> None:
    every = tried(made, Limits(40))
    (best, *_) = best_few(every, 3)
    assert float(best.settings["dropout"]) < 0.05
    assert best.score < every[0].score


def test_what_does_not_keep_up_is_pruned_with_its_reason(made: Made) -> None:
    every = tried(made, Limits(30))
    pruned = [one for one in every if one.state == "pruned"]
    assert len(pruned) > 10
    for one in pruned:
        assert one.epochs < RECIPE.epochs
        assert f"pruned at epoch {one.epochs} with {one.score:.4g}, against a median of " in one.why
    assert not any(one.state == "pruned" for one in every[:2]), "the default and what is known to help are spared"
    assert [one.number for one in every] == list(range(30))


def test_what_is_pruned_was_worse_than_what_went_on(made: Made) -> None:
    every = tried(made, Limits(40))
    done = [float(one.settings["dropout"]) for one in every if one.state == "done"]
    pruned = [float(one.settings["dropout"]) for one in every if one.state == "pruned"]
    assert sum(done) / len(done) < sum(pruned) / len(pruned)


def test_failures_are_told_and_the_search_goes_on(made: Made) -> None:
    causes = iter([
        TrainingError("the loss is not a number any more", where="epoch 2"),
        torch.OutOfMemoryError("tried to allocate 20 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
        ValueError("no such thing"),
    ])  # fmt: skip

    def score(recipe: Recipe, _: int) -> float:
        if recipe.dropout > 0.25 and (cause := next(causes, None)) is not None:
            raise cause
        return math.nan if recipe.dropout > 0.45 else recipe.dropout

    made.score = score
    every = tried(made, Limits(40))
    failed = [one for one in every if one.state == "failed"]
    assert [one.why for one in failed][:5] == [
        "the loss is not a number any more, epoch 2",
        "out of memory: tried to allocate 20 GiB",
        "out of memory: [enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried",
        "out of memory: MemoryError",
        "ValueError: no such thing",
    ]
    assert {one.why for one in failed[5:]} <= {"the validation score is not a number any more, epoch 1"}
    assert len(every) == 40
    assert not any(one in failed for one in best_few(every, 40)), "a failure is no pass"


def test_a_mistake_of_ours_is_not_taken_for_a_failure_of_the_settings(made: Made) -> None:
    made.score = lambda *_: {}["nothing"]
    with pytest.raises(KeyError):
        tried(made, Limits(3))


def test_a_search_that_went_on_tries_what_an_uninterrupted_one_does(made: Made, tmp_path: Path) -> None:
    whole = tried(made, Limits(12))
    tried(made, Limits(5), stored(tmp_path))
    resumed = tried(made, Limits(7), stored(tmp_path), resume=True)
    assert [one.settings for one in resumed] == [one.settings for one in whole]
    assert [one.state for one in resumed] == [one.state for one in whole]
    assert [one.score for one in resumed] == pytest.approx([one.score for one in whole])


@pytest.mark.parametrize("instant", [0, 1, 5])
def test_what_was_interrupted_is_tried_again(made: Made, tmp_path: Path, instant: int) -> None:
    whole = tried(made, Limits(8))
    made.recipes.clear()

    def stopped(recipe: Recipe, epoch: int) -> float:
        if len(made.recipes) == instant + 1:
            raise KeyboardInterrupt
        return recipe.dropout + 1 / epoch

    plain, made.score = made.score, stopped
    with pytest.raises(KeyboardInterrupt):
        tried(made, Limits(8), stored(tmp_path))
    made.score = plain
    every = tried(made, Limits(8 - instant), stored(tmp_path), resume=True)
    (cut,) = [one for one in every if one.why == INTERRUPTED]
    assert cut.state == "failed"
    rest = [one for one in every if one is not cut]
    assert {tuple(one.settings.items()) for one in rest[: instant + 1]} <= {
        tuple(one.settings.items()) for one in whole
    }
    assert sum(one.default and one.state == "done" for one in every) == 1


def test_a_second_process_draws_other_settings(made: Made, tmp_path: Path) -> None:
    tried(made, Limits(2), stored(tmp_path))
    here = tried(made, Limits(1), stored(tmp_path), resume=True)
    other = tried(made, Limits(1, worker=1), stored(tmp_path), resume=True)
    assert here[-1].settings != other[-1].settings


def test_when_the_time_is_over_the_default_is_finished_and_nothing_else(made: Made) -> None:
    def slow(recipe: Recipe, _: int) -> float:
        time.sleep(0.01)
        return recipe.dropout

    made.score = slow
    with opened(MEMORY, identity(), resume=False) as study:
        begin(study, made.field())
        over = Limits(ends=time.monotonic() - 1)
        found = [search.attempt(study, made.field(), over)[0] for _ in range(2)]
        explore(study, made.field(), over, lambda *_: None)
        assert len(attempts(study)) == 2
    assert [one.state for one in found] == ["done", "pruned"]
    assert found[1].why == "the time was over at epoch 1"


def test_an_attempt_that_is_too_slow_is_stopped(made: Made) -> None:
    def slow(recipe: Recipe, _: int) -> float:
        time.sleep(0.02 if recipe.weight_decay == 1.0 else 0.0)
        return recipe.dropout

    made.score = slow
    every = tried(made, Limits(2, longest=0.05))
    assert every[1].state == "pruned"
    assert every[1].why.startswith("too slow: 0 s for ")


def test_the_best_few_are_those_that_beat_the_default() -> None:
    scores = {0: 0.5, 1: 0.6, 2: 0.3, 3: 0.4, 4: 0.45, 5: 0.2, 6: 0.1}
    states = {5: "pruned", 6: "failed"}
    every = [Attempt(n, states.get(n, "done"), s, 1, 1.0, {}, default=n == 0) for n, s in scores.items()]  # type: ignore[arg-type]
    assert [one.number for one in best_few(every, 2)] == [2, 3]
    assert [one.number for one in best_few(every[1:], 9)] == [2, 3, 4, 1], "without a default all count"


def test_importances_name_the_setting_that_matters(made: Made) -> None:
    made.score = lambda recipe, epoch: -epoch + recipe.weight_decay**0.25
    every = tried(made, Limits(60))
    found = importances(every, SPACE, 0)
    assert next(iter(found)) == "weight_decay"
    assert sum(found.values()) == pytest.approx(1.0)
    assert found == importances(every, SPACE, 0)
    assert importances([one for one in every if one.state == "done"][:5], SPACE, 0) == {}, "too few to tell"


def test_several_trainings_come_back_in_their_order_and_failures_with_reasons(made: Made) -> None:
    def score(recipe: Recipe, _: int) -> float:
        if recipe.seed == 1:
            raise TrainingError("the loss is not a number any more", where="epoch 1")
        return recipe.dropout

    made.score = score
    jobs = [made.job(replace(RECIPE, seed=seed), lambda *_, **__: None) for seed in range(3)]
    found = train_each(jobs)
    assert found[1] == "the loss is not a number any more, epoch 1"
    assert [one if isinstance(one, str) else one.score for one in found] == [0.2, found[1], 0.2]


def test_networks_that_train_as_one_succeed_or_fail_together(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [made.job(replace(RECIPE, seed=seed), lambda *_, **__: None) for seed in range(2)]
    monkeypatch.setattr(search, "can_batch", lambda _: True)
    monkeypatch.setattr(search, "train_together", lambda several: [made.train(job) for job in several])
    assert [one if isinstance(one, str) else one.network for one in train_each(jobs)] == [job.network for job in jobs]

    def failing(_: object) -> None:
        raise torch.OutOfMemoryError("tried to allocate 20 GiB")

    monkeypatch.setattr(search, "train_together", failing)
    assert train_each(jobs) == ["out of memory: tried to allocate 20 GiB"] * 2
