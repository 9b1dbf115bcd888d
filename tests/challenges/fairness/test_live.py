"""The whole challenge on small networks of every task, with sensitive columns of every kind."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

import vouch
from helpers import FAST, rows
from vouch.challenges.fairness import CHALLENGE
from vouch.contracts.finding import Finding
from vouch.testing import case_for, check_challenge

QUICK = {**FAST, "epochs": 1, "patience": 0, "test_fraction": 0.4}


def table(task: str) -> pl.DataFrame:
    n = 900
    rng = np.random.default_rng(0)
    frame = rows(n, task="binary" if task == "multilabel" else task)
    if task == "multilabel":
        said = [f"{y}|large" if size > 0 else y for y, size in zip(frame["y"], frame["size"], strict=True)]
        frame = frame.with_columns(y=pl.Series(said))
    sex = [[None, "man", "woman"][k] for k in rng.choice(3, n, p=[0.05, 0.5, 0.45]).tolist()]
    return frame.with_columns(sex=pl.Series(sex), home=pl.Series([i // 3 for i in range(n)]))


@cache
def fitted(task: str, group: str = "") -> vouch.Bundle:
    options = {"task": task} if task == "multilabel" else {}
    return vouch.fit(
        table(task), "y", settings=QUICK, sensitive=["sex", "size", "kind"], group=group or None, **options  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("group", ["", "home"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "multilabel"])
def test_every_check_answers_and_the_contract_is_kept(task: str, group: str) -> None:
    found = check_challenge(CHALLENGE, lambda: case_for(fitted(task, group)).under("fairness"))
    assert not [check.reason for check in found.checks if "could not run" in check.headline]
    absent = [check.name for check in found.checks if check.verdict == "not applicable"]
    assert absent == (["equalized_odds"] if task == "regression" else [])


def test_an_audit_can_be_shown_stored_and_read_again(tmp_path) -> None:
    bundle = fitted("binary")
    bundle.save(tmp_path / "a.vouch")
    audit = vouch.audit(tmp_path / "a.vouch", only=["fairness"], data=table("binary"))
    finding: Finding = audit.findings[0]
    again = vouch.load(tmp_path / "a.vouch").audit
    assert again is not None
    assert again.findings[0] == finding
    page = (tmp_path / "a.vouch" / "report.html").read_text(encoding="utf-8")
    assert "Selection rate of “yes” by group" in page
    assert "Every group at a glance" in page
