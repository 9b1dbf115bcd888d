"""The loop by hand does the work that Vouch does, and the ratio of both can be told."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture
def floor(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    found = importlib.import_module("floor")
    monkeypatch.setattr(found, "SECONDS", 0.01)
    return found


@pytest.fixture
def case(floor: ModuleType) -> object:
    return floor.Case(lambda: floor.numbers(70), "y", 70, {"width": 16, "members": 2})


@pytest.mark.parametrize("variant", ["plain", "recipe"])
def test_both_ratios_are_told_with_their_spread(floor, case, variant):
    said = floor.measure(floor.prepared(case, floor.VARIANTS[variant]), 2)
    ratio = r"\d+\.\d{3} \(\d+\.\d{3} to \d+\.\d{3}\)"
    assert re.match(rf"epoch {ratio}, step {ratio} of a hand-written loop; 70 rows in batches of 32, 2 pairs of", said)


def test_both_sides_take_as_many_epochs_and_steps(floor, case):
    turns = floor.Turns(floor.prepared(case, floor.PLAIN))
    turns.take(4)
    assert len(turns.ours.epochs) == len(turns.by_hand.epochs) == 4
    assert len(turns.ours.steps) == len(turns.by_hand.steps) == 4 * (3 - 1)  # times between three batches
    assert [len(part.steps) for part in turns.ours.in_parts(2)] == [4, 4]


@pytest.mark.parametrize("settings", [{}, {"optimizer": "muon", "schedule": "cosine"}])
def test_the_loop_by_hand_learns(floor, case, settings):
    job = floor.prepared(case, settings)
    hand = floor.ByHand(replace(job, recipe=replace(job.recipe, epochs=10)), floor.Turn())
    before = [value.clone() for value in hand.averages]
    losses = [hand.epoch() for _ in range(10)]
    assert losses[-1] < 0.9 * losses[0]
    moved = not all(torch.equal(a, b) for a, b in zip(before, hand.averages, strict=True))
    assert moved == bool(job.recipe.averaging)
    assert (hand.schedule is None) == (settings == {})


def test_clipping_and_averaging_are_off_in_the_plain_variant_alone(floor, case):
    plain, recipe = (floor.prepared(case, floor.VARIANTS[name]).recipe for name in ("plain", "recipe"))
    assert (plain.clip, plain.averaging) == (0, 0)
    assert recipe.clip
    assert recipe.averaging


def test_too_few_rows_are_told(floor, case):
    with pytest.raises(SystemExit, match="1000 are wanted"):
        floor.prepared(replace(case, rows=1000), {})
