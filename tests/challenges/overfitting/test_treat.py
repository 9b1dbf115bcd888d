"""Remedies change one key of the recipe, and offer themselves only where they make sense."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from challenges.overfitting.fakes import CODES, PLAIN, SPATIAL, Fake, as_case, case, with_history
from vouch.challenges.overfitting import CHALLENGE
from vouch.challenges.overfitting.treat import REMEDIES
from vouch.contracts.case import Remedy
from vouch.contracts.optimizers import Muon
from vouch.contracts.recipe import Recipe
from vouch.contracts.schedules import Cosine

TABLE = replace(case(0, recipe=Recipe(network=("ensemble",))), blocks=(PLAIN, CODES))
QUANTITY = replace(case(0, quantity=True, recipe=Recipe(network=("ensemble",))), blocks=(PLAIN,))
PICTURES = replace(
    case(
        0,
        recipe=Recipe(
            network=("resnet", "none"),
            optimizer=Muon(),
            schedule=Cosine(),
            dropout=0.0,
            averaging=0.0,
            weight_decay=0.0,
        ),
    ),
    blocks=(SPATIAL,),
)


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda one: one.name)
@pytest.mark.parametrize("fake", [TABLE, QUANTITY, PICTURES], ids=["table", "quantity", "pictures"])
def test_every_strength_changes_one_key(remedy: Remedy[Recipe], fake: Fake) -> None:
    for strength in remedy.strengths(fake):
        before = fake.bundle.recipe
        after = remedy.treat(fake, before, strength)
        changed = [key.name for key in fields(Recipe) if getattr(before, key.name) != getattr(after, key.name)]
        assert len(changed) == 1, f"{remedy.name} at {strength} changes {changed}"
        assert str(getattr(after, changed[0])) in (str(strength), str(tuple(str(strength).split(","))))


def test_what_makes_no_sense_offers_no_strength() -> None:
    offers = {remedy.name: remedy.strengths for remedy in REMEDIES}
    assert offers["smooth_labels"](QUANTITY) == ()
    assert offers["cut_and_mix"](TABLE) == ()
    assert offers["augment_more"](TABLE) == ()
    assert offers["cut_and_mix"](PICTURES)
    assert offers["average_weights"](TABLE) == ()
    assert offers["train_longer"](TABLE) == ()
    assert offers["shrink_embeddings"](TABLE) == (8, 4)
    assert offers["shrink_embeddings"](PICTURES) == ()


def test_a_strength_is_more_than_what_the_recipe_has() -> None:
    decays = next(remedy for remedy in REMEDIES if remedy.name == "raise_weight_decay")
    strong = replace(TABLE, bundle=case(0, recipe=Recipe(weight_decay=3.0)).bundle)
    assert min(decays.strengths(TABLE)) > TABLE.bundle.recipe.weight_decay
    assert decays.strengths(strong) == (10.0,)


def test_a_run_that_used_all_its_epochs_may_be_longer() -> None:
    full = with_history(TABLE, [(i + 1, 1.0, 1.0, 1.0) for i in range(60)])
    longer = next(remedy for remedy in REMEDIES if remedy.name == "train_longer")
    assert longer.strengths(full) == (120,)


def test_the_challenge_names_its_checks_as_their_functions() -> None:
    names = [check.__name__ for check in CHALLENGE.checks]
    assert names[0] == "memorising"
    assert names[-1] == "data_needed"


def test_thirty_rows_make_the_challenge_inconclusive() -> None:
    finding = CHALLENGE.diagnose(as_case(replace(case(0, sizes=(20, 4, 6)), folds=case(0).parts["train"])))
    assert finding.verdict == "inconclusive"
    assert "pass" not in {check.verdict for check in finding.checks}
