"""Networks that were trained on other rows: alike but for chance, or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from challenges.overfitting.fakes import Fake, Time, as_case, case, scored
from vouch.challenges.overfitting import spread as module
from vouch.challenges.overfitting.folds import spread_over_folds
from vouch.challenges.overfitting.spread import spread

SEEDS = range(20)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PERMUTATIONS", 200)


def test_the_permutation_test_keeps_its_level() -> None:
    hits = [spread(losses(seed, 200), np.arange(200) % 4, None, np.random.default_rng(seed)).p_value <= 0.05
            for seed in range(120)]  # fmt: skip
    assert sum(hits) <= 12


def test_the_interval_holds_the_true_spread() -> None:
    fold = np.arange(900) % 3
    scale = np.array([1.0, 1.5, 2.0])
    true = float(scale.std() / scale.mean())
    found = [spread(losses(s, 900) * scale[fold], fold, None, np.random.default_rng(s)) for s in range(60)]
    assert np.mean([one.low <= true <= one.high for one in found]) >= 0.9


def test_rows_of_one_group_count_once() -> None:
    group = np.repeat(np.arange(40), 10)
    fold = group % 2
    hits = []
    for seed in range(60):
        shared = losses(seed, 40)[group]
        hits.append(spread(shared, fold, group, np.random.default_rng(seed)).p_value <= 0.05)
    assert sum(hits) <= 9


def test_like_folds_pass() -> None:
    found = [spread_over_folds(as_case(folded(seed, worse=0.9))).verdict for seed in SEEDS]
    assert sum(verdict in ("warn", "fail") for verdict in found) <= 1


def test_one_fold_twice_as_bad_is_found() -> None:
    found = [spread_over_folds(as_case(folded(seed, worse=0.6))).verdict for seed in SEEDS]
    assert sum(verdict in ("warn", "fail") for verdict in found) >= 0.9 * len(SEEDS)


def test_few_rows_are_inconclusive() -> None:
    assert spread_over_folds(as_case(case(0, sizes=(20, 4, 6)))).verdict == "inconclusive"


def test_seeds_are_tried_only_where_there_is_plenty_of_time() -> None:
    fake = folded(0, worse=0.9)
    asked: list[int] = []

    def learn(lesson, rows):  # type: ignore[no-untyped-def]
        asked.append(lesson.recipe.seed)
        assert len(rows) == 300
        return fake.parts["test"].decoded

    plenty = replace(fake, budget=Time(trainings=9.0), learn=learn)
    names = [one.name for one in spread_over_folds(as_case(plenty)).estimates]
    assert asked == [1, 2]
    assert names == ["spread", "test_over_folds", "range[3 seeds]"]
    assert len(spread_over_folds(as_case(fake)).estimates) == 2


def losses(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).gamma(0.6, 0.8, n)


def folded(seed: int, worse: float) -> Fake:
    """A case of which every second row out of fold was predicted with this skill, the others with .9."""
    fake = case(seed, sizes=(500, 100, 300))
    good, bad = (case(seed + 100, sizes=(300, 60, 60), skills=(s, 0.9, 0.9)).parts["train"] for s in (0.9, worse))
    decoded, truth = np.concatenate([good.decoded, bad.decoded]), np.concatenate([good.truth, bad.truth])
    fold = np.repeat(np.array([0, 1]), 300)
    return replace(fake, folds=scored("out of fold", np.arange(600), decoded, truth, fold))
