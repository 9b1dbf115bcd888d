"""The reference says what the code knows: metrics, kinds of column, marks for missing values, nets, random changes."""

from __future__ import annotations

import re

import pytest

from docs.pages import ROOT
from vouch.data.schema import _ALIASES, _KINDS, MISSING_MARKS
from vouch.modalities import ALL as MODALITIES
from vouch.tasks.metrics import BY_TASK
from vouch.training.settings import NETS


def text_of(page: str) -> str:
    return (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")


def code_in(row: str) -> list[str]:
    return re.findall(r"`([^`]+)`", row)


@pytest.mark.parametrize("task", BY_TASK)
def test_the_metrics_of_a_task_are_listed_in_their_order(task: str) -> None:
    found = re.search(rf"^\| {task} \| (.*) \|$", text_of("metrics.md"), re.MULTILINE)
    assert found is not None
    assert code_in(found[1]) == [metric.name for metric in BY_TASK[task]]


@pytest.mark.parametrize("metric", sorted({metric.name for metrics in BY_TASK.values() for metric in metrics}))
def test_a_metric_is_explained_with_its_direction(metric: str) -> None:
    found = re.search(rf"^\| `{metric}` \| .* \| (high|low) \|$", text_of("metrics.md"), re.MULTILINE)
    better = {one.name: one.higher_is_better for metrics in BY_TASK.values() for one in metrics}[metric]
    assert found is not None
    assert (found[1] == "high") == better


@pytest.mark.parametrize("kind", _KINDS)
def test_a_kind_of_column_is_listed_with_its_other_names(kind: str) -> None:
    found = re.search(rf"^\| `{kind}` \|(.*?)\|", text_of("data-formats.md"), re.MULTILINE)
    assert found is not None
    assert set(code_in(found[1])) == {name for name, meant in _ALIASES.items() if meant == kind}


def test_the_marks_that_are_listed_mean_missing() -> None:
    listed = re.search(r"the marks (.*?) and their like", text_of("data-formats.md"), re.DOTALL)
    assert listed is not None
    assert set(code_in(listed[1])) <= set(MISSING_MARKS)


def test_the_nets_are_listed() -> None:
    assert {name for names in NETS.values() for name in names} <= set(re.findall(r'"(\w+)"', text_of("recipe.md")))


def test_every_change_to_training_rows_is_listed_with_the_columns_that_know_it() -> None:
    section = text_of("recipe.md").partition("## Names that `augment` takes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([a-z, ]+) \| .* \| .* \|$", section, re.MULTILINE)
    listed = {(kind, name) for name, kinds in rows for kind in kinds.split(", ")}
    assert listed == {(modality.kind, name) for modality in MODALITIES for name in modality.augmentations}
