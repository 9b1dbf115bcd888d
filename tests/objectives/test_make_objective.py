from dataclasses import fields

import pytest
import torch

import vouch
from helpers import FAST, rows
from vouch.contracts.recipe import Recipe
from vouch.errors import UsageError
from vouch.objectives import ALL, L1, L2, Focal, LogitAdjustment, Mixing, Supervised, check_objective, make_objective
from vouch.tasks import Classification, Regression
from vouch.training.settings import override

CLASSES = Classification(("a", "b"))
QUANTITY = Regression(0.0, 1.0, -1.0, 1.0)
WANTED = torch.tensor([0, 0, 0, 1])
EVERYTHING = {"mixup": 0.2, "cutmix": 1.0, "focal": 2.0, "logit_adjustment": 1.0, "l2": 1e-4, "l1": 1e-5}


def test_with_every_key_off_it_is_the_tasks_own_loss():
    assert make_objective(CLASSES, Recipe(label_smoothing=0.1), WANTED) == Supervised(CLASSES, 0.1)


def test_each_key_puts_its_own_objective_in_place():
    made = make_objective(CLASSES, override(Recipe(), {"label_smoothing": 0.1, **EVERYTHING}), WANTED)
    assert isinstance(made, L1)
    assert isinstance(made.inner, L2)
    mixing = made.inner.inner
    assert isinstance(mixing, Mixing)
    assert isinstance(mixing.inner, LogitAdjustment)
    assert mixing.inner.inner == Focal(CLASSES, 2.0, 0.1)
    assert mixing.inner.shift.exp().tolist() == pytest.approx([0.75, 0.25])


def test_tau_scales_the_shift_and_weights_move_it():
    made = make_objective(CLASSES, Recipe(logit_adjustment=2.0), WANTED, torch.tensor([0.0, 0.0, 1.0, 3.0]))
    assert isinstance(made, LogitAdjustment)
    assert made.shift.exp().tolist() == pytest.approx([0.25**2, 0.75**2])


@pytest.mark.parametrize("key", ["focal", "logit_adjustment"])
def test_what_needs_classes_is_refused_for_a_quantity(key):
    with pytest.raises(UsageError, match=rf"'{key}' needs a target of classes.*--set {key}=0"):
        check_objective(QUANTITY, override(Recipe(), {key: 1.0}))


def test_mixing_makes_sense_for_a_quantity():
    check_objective(QUANTITY, Recipe(mixup=0.2, cutmix=1.0))


def test_every_objective_is_a_frozen_value_in_the_tuple():
    labelled = {"Focal", "GapPenalty", "GroupDRO", "L1", "L2", "LogitAdjustment", "Mixing", "Supervised"}
    unlabelled = {"Consistent", "HiddenPieces", "ReplacedColumns", "Together", "Views"}
    assert {one.__name__ for one in ALL} == labelled | unlabelled
    assert all(fields(one) for one in ALL)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_network_fits_twice_to_the_same_bits_with_everything_on(task):
    first, second = (vouch.fit(rows(task=task), "y", settings={**FAST, **EVERYTHING}) for _ in range(2))
    plain = vouch.fit(rows(task=task), "y", settings=FAST)
    same = zip(first.network.parameters(), second.network.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    assert any(
        not torch.equal(a, b) for a, b in zip(first.network.parameters(), plain.network.parameters(), strict=True)
    )


def test_a_key_that_is_named_and_off_changes_no_bit():
    off = vouch.fit(rows(), "y", settings={**FAST, **dict.fromkeys(EVERYTHING, 0)})
    plain = vouch.fit(rows(), "y", settings=FAST)
    assert all(torch.equal(a, b) for a, b in zip(off.network.parameters(), plain.network.parameters(), strict=True))
