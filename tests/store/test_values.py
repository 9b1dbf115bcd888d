import math
from dataclasses import dataclass

import pytest
import torch

from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Column
from vouch.errors import BundleDamagedError
from vouch.store.values import from_plain, to_plain


@dataclass(frozen=True)
class Thing:
    name: str
    sizes: tuple[float, ...]
    inner: Column
    weight: torch.Tensor


def test_a_dataclass_comes_back_as_it_was():
    thing = Thing(
        "a", (1.0, math.inf), Column("x", "number", "feature", "why", ("?",), {"decimal": ","}), torch.ones(2)
    )
    tensors = {}
    plain = to_plain(thing, tensors, "thing")
    back = from_plain(Thing, plain, tensors, "thing")
    assert (back.name, back.sizes, back.inner) == (thing.name, thing.sizes, thing.inner)
    assert torch.equal(back.weight, thing.weight)


def test_nothing_but_values_can_be_written():
    with pytest.raises(TypeError, match="cannot hold"):
        to_plain({"x": object()}, {}, "here")


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": "many"},
        {"epochs": 1.5},
        {"epochs": True},
        {"network": "resnet"},
        {"network": [1]},
        {"unknown": 1},
        {"learning_rate": None},
    ],
)
def test_a_value_of_another_type_is_refused(change):
    plain = {**to_plain(Recipe(), {}, "recipe"), **change}
    with pytest.raises(BundleDamagedError):
        from_plain(Recipe, plain, {}, "recipe")


def test_missing_fields_are_refused():
    with pytest.raises(BundleDamagedError, match="fields"):
        from_plain(Column, {"name": "x"}, {}, "column")
