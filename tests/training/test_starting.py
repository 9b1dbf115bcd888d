"""What is known of a column is carried over: scales, values, pieces, and the weights that belong to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

import vouch
from helpers import FAST, rows
from vouch import store
from vouch.contracts.backbone import Backbone
from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Column
from vouch.data.encode import encode
from vouch.modalities import Category, Date, Number, Text
from vouch.nets.build import build_network
from vouch.nets.network import Network
from vouch.training.starting import matched, warmed

RECIPE = Recipe(network=("mlp",), width=8, depth=1)


def columns(kind: str, *names: str) -> list[Column]:
    return [Column(name, kind, "feature", "") for name in names]


def backbone(encoder: object, outputs: int = 3, recipe: Recipe = RECIPE) -> Backbone:
    """The backbone of an untrained network over one block."""
    network = build_network([encoder], outputs, replace(recipe, seed=7))  # type: ignore[list-item]
    for weight in network.parameters():
        torch.nn.init.normal_(weight)
    weights = {name: x for name, x in network.state_dict().items() if not name.startswith("head.")}
    return store.backbone_from("known.vouch", "labels", recipe, (encoder,), weights)  # type: ignore[arg-type]


def started(fresh: object, known: Backbone) -> tuple[Network, object]:
    sources = matched([fresh], known)  # type: ignore[list-item]
    network = build_network(sources.encoders, 2, RECIPE)
    assert warmed(network, sources, known)
    return network, sources.encoders[0]


def test_numbers_of_known_names_are_embedded_as_before() -> None:
    rng = np.random.default_rng(0)
    old = pl.DataFrame({"a": rng.normal(size=300), "b": rng.normal(5, 2, 300)})
    new = pl.DataFrame({"c": rng.normal(size=40), "b": rng.normal(9, 1, 40)})
    known = Number().fit(old, columns("number", "a", "b"), RECIPE, None)
    source = backbone(known)
    network, encoder = started(Number().fit(new, columns("number", "c", "b"), RECIPE, None), source)
    before = build_network([known], 3, RECIPE)
    before.load_state_dict({**before.state_dict(), **source.weights})
    same = pl.DataFrame({"a": new["c"], "b": new["b"], "c": new["c"]})
    first = before.embedders[0](*encode(same, [known])).unflatten(1, (2, -1))
    second = network.embedders[0](*encode(same, [encoder])).unflatten(1, (2, -1))  # type: ignore[list-item]
    torch.testing.assert_close(first[:, 1], second[:, 1])
    assert not torch.allclose(first[:, 0], second[:, 0])


def test_known_values_keep_their_vectors_and_new_ones_get_their_own() -> None:
    old = pl.DataFrame({"kind": ["red", "green", "red", "blue"] * 5, "town": ["x", "y"] * 10})
    new = pl.DataFrame({"town": ["y", "z"] * 6, "kind": ["black", "red"] * 6})
    known = Category().fit(old, columns("category", "kind", "town"), RECIPE, None)
    source = backbone(known)
    network, encoder = started(Category().fit(new, columns("category", "town", "kind"), RECIPE, None), source)
    assert encoder.values == (("x", "y", "z"), ("red", "blue", "green", "black"))  # type: ignore[attr-defined]
    assert encoder.counts.tolist() == [0, 0, 0, 6, 6, 0, 0, 6, 0, 0, 6]  # type: ignore[attr-defined]
    before = build_network([known], 3, RECIPE)
    before.load_state_dict({**before.state_dict(), **source.weights})
    same = pl.DataFrame({"kind": ["blue", None, "red"], "town": ["y", "x", "q"]})
    first = before.eval().embedders[0](*encode(same, [known])).unflatten(1, (2, -1))
    second = network.eval().embedders[0](*encode(same, [encoder])).unflatten(1, (2, -1))  # type: ignore[list-item]
    torch.testing.assert_close(first, second.flip(1))


def test_spelt_values_keep_the_vectors_of_their_pieces() -> None:
    names = [f"{a} officer {b}" for a in "abcdefgh" for b in "stuvwxyz"]
    known = Category().fit(pl.DataFrame({"job": names}), columns("category", "job"), RECIPE, None)
    source = backbone(known)
    fresh = Category().fit(pl.DataFrame({"job": names[:5] * 2}), columns("category", "job"), RECIPE, None)
    assert not fresh.spelt  # type: ignore[attr-defined]
    network, encoder = started(fresh, source)
    assert encoder.spelt == ("job",)  # type: ignore[attr-defined]
    weights = network.embedders[0].state_dict()
    assert torch.equal(weights["spelling.weight"], source.weights["embedders.0.spelling.weight"])


def test_calendar_parts_of_known_names_keep_their_scale() -> None:
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2024, 1, 1), "3d", eager=True).cast(pl.Datetime("us"))
    known = Date().fit(pl.DataFrame({"day": days}), columns("date", "day"), RECIPE, None)
    source = backbone(known)
    later = pl.DataFrame({"day": days.head(40)})
    network, encoder = started(Date().fit(later, columns("date", "day"), RECIPE, None), source)
    places = [known.calendar.index(part) for part in encoder.calendar]  # type: ignore[attr-defined]
    assert torch.equal(encoder.centre, known.centre[places])  # type: ignore[attr-defined]
    weights = network.embedders[0].state_dict()
    assert torch.equal(weights["embedding.slope"], source.weights["embedders.0.embedding.slope"][places])


def test_a_text_column_takes_the_pieces_whatever_its_name() -> None:
    texts = ["the parcel came late", "the parcel was opened", "nothing came at all"] * 4
    known = Text().fit(pl.DataFrame({"said": texts}), columns("text", "said"), RECIPE, None)
    source = backbone(known)
    fresh = Text().fit(pl.DataFrame({"told": ["quite other words here"] * 12}), columns("text", "told"), RECIPE, None)
    network, encoder = started(fresh, source)
    assert encoder.columns == ("told",)  # type: ignore[attr-defined]
    assert encoder.tokeniser == known.tokeniser  # type: ignore[attr-defined]
    weights = network.embedders[0].state_dict()
    assert torch.equal(weights["vectors"], source.weights["embedders.0.vectors"])


@pytest.fixture(scope="module")
def known() -> vouch.Bundle:
    return vouch.fit(rows(160), "y", settings=FAST)


def test_the_trunk_is_kept_where_the_columns_are_the_same(known: vouch.Bundle) -> None:
    bundle = vouch.fit(rows(120, 1, "multiclass"), "y", start=known, settings={"epochs": 1, "probe": 1.0}, proof=False)
    before, after = known.network.state_dict(), bundle.network.state_dict()
    assert all(torch.equal(after[name], x) for name, x in before.items() if name.startswith("trunk."))
    assert bundle.recipe.width == FAST["width"]


def test_the_trunk_is_new_where_a_column_is_missing(known: vouch.Bundle) -> None:
    bundle = vouch.fit(rows(120, 1).drop("day"), "y", start=known, settings={"epochs": 1, "probe": 1.0}, proof=False)
    note = next(one.text for one in bundle.run.notes if "started from" in one.text)
    assert "trunk" not in note
    assert "number 'size'" in note
    assert bundle.recipe.width != FAST["width"]


def test_several_networks_side_by_side_all_start_from_the_first() -> None:
    source = vouch.fit(rows(120), "y", settings={**FAST, "networks": 2})
    frame = rows(120, 1).with_columns(more=pl.Series(range(120)).cast(pl.Float64).sin())
    bundle = vouch.fit(frame, "y", start=source, ensemble=3, settings={"epochs": 1, "probe": 1.0}, proof=False)
    known = source.network.state_dict()["embedders.0.embedders.0.embedding.slope"][0]
    state = bundle.network.state_dict()
    for k in range(3):
        assert torch.equal(state[f"embedders.0.embedders.{k}.embedding.slope"][0], known)
    heads = state["head.weight"].unflatten(0, (3, -1))
    assert not torch.equal(heads[0], heads[1])


def test_folds_all_start_from_the_same() -> None:
    source = vouch.fit(rows(120), "y", settings=FAST)
    bundle = vouch.fit(rows(120, 1), "y", start=source, folds=3, settings={"epochs": 1, "probe": 1.0}, proof=False)
    state, known = bundle.network.state_dict(), source.network.state_dict()
    for k in range(3):
        assert all(torch.equal(state[f"trunk.trunks.{k}.{name}"], known[f"trunk.{name}"]) for name in trunk(known))
    assert bundle.out_of_fold is not None


def trunk(state: dict[str, torch.Tensor]) -> list[str]:
    return [name.removeprefix("trunk.") for name in state if name.startswith("trunk.")]
