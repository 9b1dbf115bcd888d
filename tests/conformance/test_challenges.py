"""Every challenge keeps its promises, whatever the task; and of too few rows none says "pass"."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

import vouch
from helpers import FAST, rows
from vouch.challenges import ALL
from vouch.contracts.case import Challenge, Remedy
from vouch.testing import case_for, check_challenge

QUICK = {**FAST, "epochs": 2, "patience": 0}
IDS = [challenge.name for challenge in ALL]


def texts(n: int = 160) -> pl.DataFrame:
    """Short messages of two kinds."""
    rng = np.random.default_rng(0)
    friends, sellers = ("see", "you", "at", "home", "for", "lunch", "soon"), ("win", "free", "cash", "prize", "now")
    words = {"ham": friends, "spam": sellers}
    labels = rng.choice(["ham", "spam"], n)
    cells = [" ".join(rng.choice([*words[one], *words["ham"]], 7)) for one in labels]
    return pl.DataFrame({"message": cells, "label": labels})


def pictures(n: int = 120) -> dict[str, np.ndarray]:
    """Squares of noise, bright on the left or on the right."""
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=n)
    cells = rng.integers(0, 120, size=(n, 12, 12), dtype=np.uint8)
    for i, one in enumerate(side):
        cells[i, :, 6 * one : 6 * one + 6] += 100
    return {"picture": cells, "side": np.where(side == 1, "right", "left")}


def labels(n: int = 150) -> pl.DataFrame:
    """Any of two labels, or none."""
    frame = rows(n)
    colour, large = frame["kind"].to_list(), frame["size"].to_list()
    said = ["|".join(name for name, is_so in (("red", c == "red"), ("large", s > 0)) if is_so) or "none"
            for c, s in zip(colour, large, strict=True)]  # fmt: skip
    return frame.drop("y").with_columns(pl.Series("y", said))


DATA = {
    "binary": lambda: vouch.fit(rows(260), "y", settings=QUICK),
    "multiclass": lambda: vouch.fit(rows(260, task="multiclass"), "y", settings=QUICK),
    "regression": lambda: vouch.fit(rows(260, task="regression"), "y", settings=QUICK),
    "multilabel": lambda: vouch.fit(labels(), "y", task="multilabel", settings=QUICK),
    "texts": lambda: vouch.fit(texts(), "label", settings={"epochs": 1, "members": 2}),
    "pictures": lambda: vouch.fit(pictures(), "side", settings={"epochs": 1, "image_width": 8, "network": "cnn"}),
    "groups": lambda: vouch.fit(
        rows(260).with_columns(pl.Series("who", [i // 4 for i in range(260)])), "y", group="who", settings=QUICK
    ),
}


@cache
def bundle(name: str) -> vouch.Bundle:
    return DATA[name]()


@cache
def small() -> vouch.Bundle:
    return vouch.fit(rows(30), "y", settings=QUICK)


@pytest.mark.parametrize("challenge", ALL, ids=IDS)
@pytest.mark.parametrize("name", DATA)
def test_a_challenge_keeps_the_contract(challenge: Challenge, name: str) -> None:
    found = check_challenge(challenge, lambda: case_for(bundle(name), trainings=1.5).under(challenge.name))
    broken = [check.reason for check in found.checks if "could not run" in check.headline]
    assert not broken


@pytest.mark.parametrize("challenge", ALL, ids=IDS)
def test_thirty_rows_are_inconclusive(challenge: Challenge) -> None:
    found = check_challenge(challenge, lambda: case_for(small(), trainings=1.5).under(challenge.name))
    assert found.verdict == "inconclusive"
    assert not [check.reason for check in found.checks if "could not run" in check.headline]


@pytest.mark.parametrize("challenge", ALL, ids=IDS)
def test_without_any_time_for_training_nothing_breaks(challenge: Challenge) -> None:
    found = challenge.diagnose(case_for(bundle("binary"), trainings=0.0).under(challenge.name))
    assert not [check.reason for check in found.checks if "could not run" in check.headline]


@pytest.mark.parametrize(
    ("challenge", "remedy"), [(one, remedy) for one in ALL for remedy in one.remedies], ids=lambda one: one.name
)
@pytest.mark.parametrize("name", ["binary", "regression", "pictures", "texts"])
def test_a_remedy_changes_what_it_says_and_nothing_else(challenge: Challenge, remedy: Remedy, name: str) -> None:
    case = case_for(bundle(name), trainings=3.0).under(challenge.name)
    lesson = case.lesson
    for strength in list(remedy.strengths(case))[:2]:
        subject = {"recipe": lesson.recipe, "lesson": lesson, "bundle": case.bundle}[remedy.changes]
        treated = remedy.treat(case, subject, strength)
        assert type(treated) is type(subject)
        if remedy.changes == "recipe":
            assert treated != subject
            assert treated.seed == subject.seed
        if remedy.changes == "lesson":
            assert treated.recipe == lesson.recipe
            assert not np.isin(treated.train, case.split.test).any()
            assert treated.dataset.frame.height == lesson.dataset.frame.height
            sealed = lesson.dataset.frame[lesson.schema.target.name][case.split.test]
            assert treated.dataset.frame[lesson.schema.target.name][case.split.test].equals(sealed)
