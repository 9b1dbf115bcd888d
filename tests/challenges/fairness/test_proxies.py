from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from challenges.fairness.fakes import FakeCase, called, case_of
from vouch.challenges.fairness.proxies import proxies
from vouch.contracts.case import Block
from vouch.contracts.roles import Capabilities

RNG = np.random.default_rng


TRAIN, ALL = 2000, 2400


def who(groups: int = 2) -> np.ndarray:
    return RNG(1).integers(0, groups, ALL)


def case(columns: dict[str, np.ndarray], groups: int = 2, train: int = TRAIN) -> FakeCase:
    """Rows that train, and 400 that are sealed."""
    n = train + ALL - TRAIN
    cut = {"who": [f"g{k}" for k in who(groups)[:n]], **{name: cells[:n] for name, cells in columns.items()}}
    made = case_of("binary", called(np.zeros(n)), np.zeros(n, np.int64), cut, ("who",))
    return replace(made, ends=(train, train))


def test_a_column_that_tells_the_group_is_found_and_named() -> None:
    rng, group = RNG(0), who()
    near = rng.normal(size=ALL) + 2.5 * group
    check = proxies(case({"noise": rng.normal(size=ALL), "near": near}))
    assert check.verdict == "warn"
    assert "most by themselves: near." in check.headline
    assert check.estimates[0].value == pytest.approx(roc_auc_score(group[:TRAIN], near[:TRAIN]), abs=0.03)
    assert check.estimates[0].split == "train"


def test_columns_that_tell_nothing_pass() -> None:
    rng = RNG(2)
    check = proxies(case({"noise": rng.normal(size=ALL), "word": rng.choice(list("abc"), ALL)}))
    assert check.verdict == "pass"
    assert "none by itself is better than a guess" in check.headline


def test_columns_that_tell_only_together_are_found() -> None:
    rng, group = RNG(3), who()
    one = rng.integers(0, 2, ALL)
    check = proxies(case({"one": one, "two": one ^ group, "noise": rng.normal(size=ALL)}))
    assert check.verdict == "fail"
    alone = next(table for table in check.tables if table.title.startswith("Each"))
    assert all(float(str(row[3])) < 0.6 for row in alone.rows)


def test_the_interval_holds_the_area_of_columns_that_tell_nothing() -> None:
    held = []
    for seed in range(40):
        check = proxies(case({"noise": RNG(100 + seed).normal(size=ALL)}, train=600))
        held.append(check.estimates[0].low <= 0.5)
    assert np.mean(held) >= 0.9


def test_of_several_groups_the_one_that_is_told_best_is_named() -> None:
    rng, group = RNG(4), who(4)
    check = proxies(case({"near": rng.normal(size=ALL) + 3 * (group == 2)}, groups=4))
    assert "“who = g2”" in check.headline


def test_missing_cells_may_tell_the_group() -> None:
    rng, group = RNG(5), who()
    near = np.where((group == 1) & (rng.random(ALL) < 0.9), np.nan, rng.normal(size=ALL))
    assert proxies(case({"near": near})).verdict in ("warn", "fail")


def test_the_words_of_a_text_may_tell_the_group() -> None:
    rng, group = RNG(6), who()
    codes = rng.integers(2, 50, (ALL, 8))
    codes[:, 3] = np.where(group == 1, 60, codes[:, 3])
    made = case({"text": np.zeros(ALL)})
    block = Block(made.bundle.schema.columns[1:2], Capabilities(discrete=True, ordered=True), torch.from_numpy(codes))
    made.bundle.network = SimpleNamespace(sizes=[4])

    class WithText(FakeCase):
        @property
        def blocks(self) -> tuple[Block, ...]:
            return (block,)

    check = proxies(WithText(**{name: getattr(made, name) for name in made.__dataclass_fields__}))
    assert check.verdict == "fail"
    assert "text" in check.headline


def test_of_rows_that_belong_together_one_is_looked_at() -> None:
    rng = RNG(7)
    made = case({"noise": rng.normal(size=ALL)})
    check = proxies(replace(made, groups=np.repeat(np.arange(600), 4)))
    assert check.estimates[0].n == 500


def test_few_rows_or_no_other_column_tell_nothing() -> None:
    assert proxies(case({"noise": np.zeros(ALL)}, train=60)).verdict == "inconclusive"
    assert proxies(case({})).verdict == "not applicable"
