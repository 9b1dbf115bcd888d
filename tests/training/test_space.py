"""Spaces: every setting is a recipe key with sound values, the default lies inside, and no encoder depends on any."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import polars as pl
import pytest
import torch

from helpers import rows
from vouch.api.preparing import gather, prepare
from vouch.contracts.recipe import Recipe
from vouch.contracts.search import Setting
from vouch.data.encode import fit_encoders
from vouch.training.settings import NETS, override
from vouch.training.space import ALL, settings_of, space_for

KEYS = {field.name for field in fields(Recipe)}
EVERYTHING = ("continuous", "discrete", "spatial", "ordered")


def ends(setting: Setting) -> tuple[object, ...]:
    """The values at both ends, and off."""
    return setting.choices or (setting.low, setting.high, *([0.0] if setting.off else []))


@pytest.mark.parametrize("space", ALL, ids=lambda space: space.net)
def test_every_setting_is_a_recipe_key_whose_ends_are_allowed(space) -> None:
    assert {one.name for one in space.settings} <= KEYS
    recipe = Recipe(network=(space.net,), label_smoothing=0.1)
    for setting in space_for(recipe, EVERYTHING).settings:
        for value in ends(setting):
            assert getattr(override(recipe, {setting.name: value}), setting.name) == value


@pytest.mark.parametrize("space", ALL, ids=lambda space: space.net)
def test_what_is_tried_early_lies_inside(space) -> None:
    here = {one.name: one for one in space_for(Recipe(network=(space.net,)), EVERYTHING).settings}
    for start in space.starts:
        assert all(0 <= here[name].place(value) <= 1 for name, value in start.items())


def test_every_net_has_a_space() -> None:
    assert {space.net for space in ALL} == {net for nets in NETS.values() for net in nets} - {"none"}


@pytest.mark.parametrize("changed", [{}, {"learning_rate": 0.5, "width": 100, "batch_size": 3}, {"weight_decay": 0.0}])
def test_the_default_lies_inside_whatever_it_is(changed: dict[str, object]) -> None:
    recipe = override(Recipe(network=("ensemble",)), changed)
    space = space_for(recipe, EVERYTHING)
    values = settings_of(recipe, space)
    assert all(0 <= one.place(values[one.name]) <= 1 for one in space.settings)


def test_settings_that_change_nothing_here_and_fixed_ones_are_left_out() -> None:
    names = {one.name for one in space_for(Recipe(network=("ensemble",)), ("continuous",), ("dropout",)).settings}
    assert "number_embedding" in names
    assert not names & {"category_embedding", "dropout", "label_smoothing"}


def test_labels_are_smoothed_only_where_that_was_planned() -> None:
    for smoothing in (0.0, 0.1):
        recipe = Recipe(network=("resnet", "none"), label_smoothing=smoothing)
        names = {one.name for one in space_for(recipe, ("spatial",)).settings}
        assert ("label_smoothing" in names) == (smoothing > 0)


def test_the_settings_of_several_nets_are_joined_and_the_trunk_comes_first() -> None:
    space = space_for(Recipe(network=("ensemble", "bag")), ("continuous", "ordered"))
    assert space.net == "ensemble+bag"
    names = [one.name for one in space.settings]
    assert len(names) == len(set(names))
    assert {"width", "text_width"} <= set(names)
    assert next(one for one in space.settings if one.name == "weight_decay").high == 10.0


def test_a_logarithmic_scale_that_may_be_off_has_room_for_it() -> None:
    setting = Setting("mixup", 0.1, 1.0, log=True, off=True)
    assert 0 < setting.floor < 0.1
    assert setting.place(0.0) == 0
    assert 0 < setting.place(0.1) < setting.place(1.0) == 1


def test_no_setting_changes_what_the_encoders_learn() -> None:
    """Data is encoded once for all attempts, so that none may depend on what is searched."""
    rng = np.random.default_rng(0)
    words = [" ".join(rng.choice(["good", "bad", "fine", "poor", "red"], 8)) for _ in range(80)]
    frame = rows(80).with_columns(said=pl.Series(words))
    raw, schema = gather(
        {**frame.to_dict(as_series=False), "x": rng.integers(0, 255, (80, 12, 12), np.uint8)}, "y",
        {"types": {"said": "text"}},
    )  # fmt: skip
    ready = prepare(raw, schema, {})
    assert {"ensemble", "resnet", "bag"} <= set(ready.recipe.network)
    plain = fit_encoders(ready.dataset, schema, ready.split, ready.recipe, None)
    for setting in space_for(ready.recipe, EVERYTHING).settings:
        for value in (ends(setting)[0], ends(setting)[-1]):
            other = override(ready.recipe, {setting.name: value})
            assert same(fit_encoders(ready.dataset, schema, ready.split, other, None), plain), setting.name


def same(first: object, second: object) -> bool:
    """Whether two encoders hold the same, tensor by tensor."""
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, tuple):
        return isinstance(second, tuple) and len(first) == len(second) and all(map(same, first, second))
    if hasattr(first, "__dataclass_fields__"):
        names = first.__dataclass_fields__  # type: ignore[attr-defined]
        return type(first) is type(second) and all(same(getattr(first, n), getattr(second, n)) for n in names)
    return first == second
