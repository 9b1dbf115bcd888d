"""What the pages on extending Vouch show is run: it keeps the contract, and a network can be fitted with it."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

import vouch
from docs.pages import ROOT, Block, blocks, run_as_module
from helpers import FAST, rows
from vouch.data import encode, schema
from vouch.nets import build
from vouch.store import backbone
from vouch.store import bundle as stored
from vouch.tasks import metrics
from vouch.training import settings

PAGES = {
    "duration": "docs/how-to/add-a-modality.md",
    "ordinal": "docs/how-to/add-a-task.md",
    "gated": "docs/how-to/add-a-net.md",
}
CHANGES = [block for page in PAGES.values() for block in blocks(page, "diff")]


@pytest.fixture
def shown(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file that a page shows, as the module that it would be in the package."""
    source = blocks(PAGES[request.param], "python")[0]
    name = source.title.removeprefix("src/").removesuffix(".py").replace("/", ".")
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    return run_as_module(source.text, tmp_path / "shown.py", name)


@pytest.mark.parametrize("shown", PAGES, indirect=True)
def test_the_test_on_the_page_passes(shown: ModuleType, tmp_path: Path) -> None:
    block = blocks(PAGES[shown.__name__.rsplit(".", 1)[1]], "python")[1]
    tests = [
        thing for name, thing in vars(run_as_module(block.text, tmp_path / "page_test.py")).items() if "test" in name
    ]
    assert len(tests) == 1
    tests[0]()


@pytest.mark.parametrize("shown", PAGES, indirect=True)
def test_the_docstring_examples_on_the_page_hold(shown: ModuleType) -> None:
    assert doctest.testmod(shown).failed == 0


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.title.rsplit("/", 1)[-1])
def test_the_lines_to_be_changed_are_in_the_source(change: Block) -> None:
    before = [line[1:] for line in change.text.splitlines() if line[0] in " -"]
    assert "\n".join(before) in (ROOT / change.title).read_text(encoding="utf-8")


@pytest.mark.parametrize("shown", ["duration"], indirect=True)
def test_a_table_with_durations_trains(shown: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = shown.Duration()
    for module in (schema, encode, backbone):
        monkeypatch.setattr(module, "MODALITIES", (*module.MODALITIES, kind))
    monkeypatch.setitem(schema._KINDS, "duration", kind)
    frame = rows(80)
    frame = frame.with_columns(worked=pl.Series([f"{i % 9}h {i % 60}m" for i in range(80)]))
    bundle = vouch.fit(frame, "y", settings=FAST, out=tmp_path / "a.vouch")
    assert bundle.schema.column("worked").kind == "duration"
    expected = vouch.predict(bundle, frame.drop("kind"))
    assert vouch.predict(vouch.load(tmp_path / "a.vouch"), frame.drop("kind")).equals(expected)


@pytest.mark.parametrize("shown", ["ordinal"], indirect=True)
def test_a_target_of_levels_trains(shown: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = shown.Ordinal
    for module in (schema, stored):
        monkeypatch.setattr(module, "TASKS", (*module.TASKS, task))
    monkeypatch.setattr("vouch.tasks.ALL", (*vouch.tasks.ALL, task))
    monkeypatch.setitem(metrics.BY_TASK, "ordinal", metrics.MULTICLASS)
    size = np.random.default_rng(0).normal(size=200)
    frame = pl.DataFrame({"size": size, "stars": 1 + np.digitize(size, [-1, 0, 1])})
    bundle = vouch.fit(frame, "stars", task="ordinal", settings=FAST, out=tmp_path / "a.vouch")
    assert bundle.task.classes == ("1", "2", "3", "4")
    assert "boosted_trees" in bundle.evidence.baselines
    assert vouch.load(tmp_path / "a.vouch").predict_proba(frame).sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("shown", ["gated"], indirect=True)
def test_a_recipe_can_name_the_gated_trunk(shown: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.NETS, "trunk", (*settings.NETS["trunk"], "gated"))
    change = next(block.text for block in CHANGES if block.title.endswith("build.py")).splitlines()
    before, after = ("\n".join(line[1:] for line in change if line[0] in marks) for marks in (" -", " +"))
    source = (ROOT / "src/vouch/nets/build.py").read_text(encoding="utf-8").replace(before, after)
    changed = run_as_module(f"{source}\n\nfrom {shown.__name__} import GatedMLP\n", tmp_path / "changed_build.py")
    monkeypatch.setattr(build, "_trunk", changed._trunk)
    bundle = vouch.fit(rows(80), "y", settings={**FAST, "network": "gated"})
    assert isinstance(bundle.network.trunk, shown.GatedMLP)
