"""What the pages on extending Vouch show is run: it keeps the contract, and a network can be fitted with it."""

from __future__ import annotations

import doctest
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
from vouch.store import bundle as stored
from vouch.tasks import metrics
from vouch.training import settings

PAGES = {
    "duration": "docs/how-to/add-a-modality.md",
    "ordinal": "docs/how-to/add-a-task.md",
    "gated": "docs/how-to/add-a-net.md",
}
CHANGES = [block for page in PAGES.values() for block in blocks(page, "diff")]


@pytest.fixture(scope="module", params=PAGES)
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return page_as_module(request.param, tmp_path_factory.mktemp(request.param))


def page_as_module(name: str, folder: Path) -> ModuleType:
    """The Python blocks of a page as one module; ``from __future__`` stands first in each."""
    source, test = (block.text for block in blocks(PAGES[name], "python"))
    return run_as_module(f"{source}\n\n{test}", folder / f"page_{name}.py")


def test_the_tests_on_the_page_pass(example: ModuleType) -> None:
    tests = [thing for name, thing in vars(example).items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()


def test_the_docstring_examples_on_the_page_hold(example: ModuleType) -> None:
    assert doctest.testmod(example).failed == 0


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.title.rsplit("/", 1)[-1])
def test_the_lines_to_be_changed_are_in_the_source(change: Block) -> None:
    before = [line[1:] for line in change.text.splitlines() if line[0] in " -"]
    assert "\n".join(before) in (ROOT / change.title).read_text(encoding="utf-8")


def test_a_table_with_durations_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = page_as_module("duration", tmp_path).Duration()
    for module in (schema, encode, stored):
        monkeypatch.setattr(module, "MODALITIES", (*module.MODALITIES, kind))
    monkeypatch.setitem(schema._KINDS, "duration", kind)
    frame = rows(80)
    frame = frame.with_columns(worked=pl.Series([f"{i % 9}h {i % 60}m" for i in range(80)]))
    bundle = vouch.fit(frame, "y", settings=FAST, out=tmp_path / "a.vouch")
    assert bundle.schema.column("worked").kind == "duration"
    expected = vouch.predict(bundle, frame.drop("kind"))
    assert vouch.predict(vouch.load(tmp_path / "a.vouch"), frame.drop("kind")).equals(expected)


def test_a_target_of_levels_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = page_as_module("ordinal", tmp_path).Ordinal
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


def test_a_recipe_can_name_the_gated_trunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_as_module("gated", tmp_path)
    monkeypatch.setitem(settings.NETS, "trunk", (*settings.NETS["trunk"], "gated"))
    changed = (ROOT / "src/vouch/nets/build.py").read_text(encoding="utf-8")
    shown = next(block.text for block in CHANGES if block.title.endswith("build.py")).splitlines()
    before, after = (drawn(shown, marks) for marks in (" -", " +"))
    patched = changed.replace(before, after).replace(
        "from torch import nn", "from page_gated import GatedMLP\nfrom torch import nn"
    )
    monkeypatch.setattr(build, "_trunk", run_as_module(patched, tmp_path / "page_build.py")._trunk)
    bundle = vouch.fit(rows(80), "y", settings={**FAST, "network": "gated"})
    assert isinstance(bundle.network.trunk, page.GatedMLP)


def drawn(lines: list[str], marks: str) -> str:
    """The lines of a change before (" -") or after (" +") it."""
    return "\n".join(line[1:] for line in lines if line[0] in marks)
