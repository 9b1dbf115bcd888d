"""What a fix can afford: dear remedies are left out in time, and a proof never has fewer than three seeds."""

from __future__ import annotations

from dataclasses import replace

import pytest

import vouch
from helpers import FAST, rows
from vouch.api.affording import FEWEST_SEEDS, affordable, changed, seeds_for, suited, trainings_for
from vouch.api.casing import LiveCase
from vouch.auditing import Clock
from vouch.challenges.overfitting import CHALLENGE
from vouch.errors import UsageError
from vouch.testing import case_for


@pytest.fixture(scope="module")
def bundle() -> vouch.Bundle:
    return vouch.fit(rows(200), "y", settings=FAST)


def names(case: LiveCase, named: str | None = None) -> list[str]:
    return [remedy.name for remedy in suited(case, CHALLENGE, named)]


def test_five_networks_cost_five_trainings(bundle) -> None:
    case = case_for(bundle)
    (remedy,) = suited(case_for(bundle, trainings=100), CHALLENGE, "train_several")
    lesson = changed(case, remedy, case.lesson, 5)
    assert lesson.recipe.networks == 5
    assert case.share_of(lesson) == pytest.approx(5 * case.share_of(case.lesson))


@pytest.mark.parametrize(("trainings", "offered"), [(21.0, False), (22.0, True)])
def test_a_remedy_whose_proof_takes_nearly_all_of_the_time_is_not_tried(bundle, trainings, offered) -> None:
    # Its proof takes 17 trainings: three with five networks, and two with one.
    found = names(case_for(bundle, trainings=trainings))
    assert ("train_several" in found, "raise_dropout" in found) == (offered, True)


def test_a_dear_remedy_that_is_named_is_refused_with_what_to_do(bundle) -> None:
    with pytest.raises(UsageError, match="budget is too small") as said:
        suited(case_for(bundle, trainings=10), CHALLENGE, "train_several")
    assert "--budget" in str(said.value.next_step)


def test_several_networks_are_not_made_more() -> None:
    several = vouch.fit(rows(200), "y", settings={**FAST, "epochs": 1, "networks": 2})
    assert "train_several" not in names(case_for(several, trainings=1000))


@pytest.mark.parametrize(("left", "networks", "seeds"), [(59.0, 1, 30), (20.0, 1, 11), (30.0, 5, 6), (1.0, 5, 3)])
def test_a_proof_has_as_many_seeds_as_are_left_and_never_fewer_than_three(bundle, left, networks, seeds) -> None:
    case = replace(case_for(bundle), budget=Clock(100.0, 60.0, spent=100.0 - left))
    lesson = replace(case.lesson, recipe=replace(case.lesson.recipe, networks=networks))
    found = affordable(case, tuple(range(30)), case.lesson, lesson)
    assert found == tuple(range(seeds))
    assert case.budget.fits((seeds - 1) * (1.0 + networks))


def test_quick_networks_have_many_seeds_and_slow_ones_three(bundle) -> None:
    quick, slow = (replace(bundle, run=replace(bundle.run, seconds={"train": s})) for s in (0.1, 1000.0))
    assert seeds_for(Clock(trainings_for(quick), 1.0)) == 30
    assert seeds_for(Clock(trainings_for(slow), 1.0)) == FEWEST_SEEDS
