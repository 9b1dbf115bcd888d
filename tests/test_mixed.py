"""One network over table, picture and text, on data in which each part tells something of its own."""

import pytest

import vouch
from vouch.demo import mixed

# One process fits for all of these tests.
pytestmark = pytest.mark.xdist_group("mixed")
PARTS = {
    "all": (),
    "table": ("photo", "note"),
    "picture": ("weight_kg", "carrier", "note"),
    "text": ("weight_kg", "carrier", "photo"),
}


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    table = mixed(tmp_path_factory.mktemp("parcels"), rows=700)
    fits = {name: vouch.fit(table, "damaged", drop=drop, settings={"epochs": 15}) for name, drop in PARTS.items()}
    assert {column.kind for column in fits["all"].schema.features} == {"number", "category", "image", "text"}
    return {name: {m.name: m.value for m in bundle.evidence.metrics}["roc_auc"] for name, bundle in fits.items()}


@pytest.mark.parametrize("part", ["table", "picture", "text"])
def test_each_part_carries_signal(scores, part):
    assert scores[part] > 0.55


@pytest.mark.parametrize("part", ["table", "picture", "text"])
def test_the_whole_beats_each_part_alone(scores, part):
    assert scores["all"] > scores[part] + 0.05
