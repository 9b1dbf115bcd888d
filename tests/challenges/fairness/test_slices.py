from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from challenges.fairness.fakes import FakeCase, called, case_of
from vouch.challenges.fairness.candidates import by_columns
from vouch.challenges.fairness.proposing import asking, proposed, strata_of
from vouch.challenges.fairness.slices import slices
from vouch.contracts.case import Block
from vouch.contracts.roles import Capabilities

Where = Callable[[dict[str, np.ndarray], np.ndarray], np.ndarray]
N = 24_000


def case(where: Where | None, more: float = 0.12, seed: int = 0, task: str = "binary", n: int = N) -> FakeCase:
    """One row in ten is wrong, in a slice more of them."""
    rng = np.random.default_rng(seed)
    columns = {
        "word": rng.choice(list("abcde"), n, p=[0.5, 0.25, 0.15, 0.07, 0.03]),
        "other": rng.choice(list("xyz"), n, p=[0.5, 0.3, 0.2]), "size": rng.normal(size=n),
    }  # fmt: skip
    vectors = rng.normal(size=(n, 6))
    vectors[: n // 25] += 6
    order = rng.permutation(n)
    vectors = vectors[order]
    inside = np.zeros(n, bool) if where is None else where(columns, vectors)
    if task == "regression":
        said = rng.normal(size=n)
        made = case_of(task, said, said + rng.normal(size=n) * (1 + more * inside), columns, early=n // 2)
    else:
        truth = rng.integers(0, 2, n)
        wrong = rng.random(n) < 0.1 + more * inside
        made = case_of(task, called(np.where(wrong, 1 - truth, truth)), truth, columns, early=n // 2)
    return replace(made, vectors=vectors)


PLANTED: dict[str, Where] = {
    "word = e": lambda columns, _: columns["word"] == "e",
    "word = c and other = z": lambda columns, _: (columns["word"] == "c") & (columns["other"] == "z"),
    "of the vectors": lambda _, vectors: vectors.mean(axis=1) > 3,
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_slice_of_three_in_a_hundred_is_found_and_named(name: str) -> None:
    found = [slices(case(PLANTED[name], seed=seed)) for seed in range(4)]
    assert all(check.verdict in ("warn", "fail") for check in found)
    assert all(set(name.split(" and ")) <= set(check.headline.replace("”", "“").split("“")[1].split(" and ")) or
               name in check.headline for check in found)  # fmt: skip


def test_where_errors_are_even_no_slice_is_accused() -> None:
    verdicts = [slices(case(None, seed=seed, n=6000)).verdict for seed in range(40)]
    assert sum(verdict in ("warn", "fail") for verdict in verdicts) <= 2


def test_the_sealed_rows_do_not_choose() -> None:
    made = case(PLANTED["word = e"])
    turned = made.true.copy()
    turned[made.split.test] = 1 - turned[made.split.test]
    one, other = (proposed(some, asking(some)) for some in (made, replace(made, true=turned)))
    assert [a.name for a in one] == [b.name for b in other]


def test_a_range_where_the_network_is_as_unsure_as_it_is_wrong_is_not_accused() -> None:
    rng = np.random.default_rng(1)
    size = rng.normal(size=N)
    chance = 1 / (1 + np.exp(-4 * size))
    truth = (rng.random(N) < chance).astype(np.int64)
    decoded = np.stack([1 - chance, chance], axis=1)
    made = case_of("binary", decoded, truth, {"size": size}, early=N // 2)
    check = slices(made)
    assert check.verdict == "pass"
    anyhow = next(table for table in check.tables if table.title.startswith("Where errors"))
    assert float(str(anyhow.rows[0][4])) > 0.05


def test_a_range_where_the_network_is_surer_than_it_may_be_is_found() -> None:
    rng = np.random.default_rng(2)
    size = rng.normal(size=N)
    chance = 1 / (1 + np.exp(-4 * rng.normal(size=N)))
    wrong = (size > 1) & (rng.random(N) < 0.2)
    truth = (rng.random(N) < chance).astype(np.int64) ^ wrong
    made = case_of("binary", np.stack([1 - chance, chance], axis=1), truth, {"size": size}, early=N // 2)
    check = slices(made)
    assert check.verdict in ("warn", "fail")
    assert "size" in check.headline


def test_numbers_that_are_missed_by_more_are_found() -> None:
    check = slices(case(PLANTED["word = e"], 1.0, task="regression"))
    assert check.verdict in ("warn", "fail")
    assert "word = e" in check.headline
    assert slices(case(None, task="regression")).verdict in ("pass", "inconclusive")


def test_wrong_rows_of_the_slice_are_pointed_at() -> None:
    made = case(PLANTED["word = e"], 0.3)
    check = slices(made)
    rows = np.array(check.suspects.rows)
    assert len(rows)
    assert np.isin(rows, made.split.test).all()
    assert (made.decoded[rows].argmax(axis=1) != made.true[rows]).all()


def test_rows_that_belong_together_count_as_one() -> None:
    made = case(None, n=6000)
    home = np.arange(6000) // 60
    wrong = (home % 15 == 0) & (np.arange(6000) % 3 == 0)
    word = np.where(home % 15 == 0, "e", "a")
    turned = replace(made, true=made.decoded.argmax(axis=1) ^ wrong, groups=home)
    frame = turned.dataset.frame.with_columns(word=pl.Series(word))
    turned = replace(turned, dataset=replace(turned.dataset, frame=frame))
    assert slices(replace(turned, groups=None)).verdict == "fail"
    few = slices(replace(turned, groups=np.where(home % 15 == 0, 0, home)))
    assert not any(row[0] == "word = e" for row in few.tables[0].rows)


def test_quarters_of_quantities_times_and_lengths_of_texts_are_looked_at() -> None:
    n = 800
    rng = np.random.default_rng(3)
    columns = {
        "size": rng.normal(size=n),
        "day": pl.date_range(pl.date(2020, 1, 1), pl.date(2030, 1, 1), "1d", eager=True)[:n],
        "text": [f"a text of {'many ' * int(k)} words" for k in rng.integers(3, 40, n)],
        "code": [f"only one row has {k}" for k in range(n)], "few": rng.integers(0, 3, n).astype(float),
        "gap": [None, "x"] * (n // 2),
    }  # fmt: skip
    made = case_of("binary", called(np.zeros(n)), np.zeros(n, np.int64), columns, early=n // 2)
    names = [one.name for _, one in by_columns(made, made.split.train)]
    assert sum(name.startswith("size ") for name in names) == 4
    assert any(name.startswith("day 20") for name in names)
    assert sum(name.startswith("length of text") for name in names) == 4
    assert {"few = 0.0", "gap is missing", "gap = x"} <= set(names)
    assert not any("only one row" in name for name in names)


def test_the_light_of_pictures_is_looked_at() -> None:
    rng = np.random.default_rng(5)
    made = case_of("binary", called(np.zeros(400)), np.zeros(400, np.int64), {"photo": [b"x"] * 400}, early=200)
    dark = torch.from_numpy(rng.integers(0, 120, (400, 1, 4, 4)).astype(np.uint8))
    dark[::4] += 100
    block = Block(made.bundle.schema.columns[:1], Capabilities(continuous=True, spatial=True), dark)

    class WithPictures(FakeCase):
        @property
        def blocks(self) -> tuple[Block, ...]:
            return (block,)

    case = WithPictures(**{name: getattr(made, name) for name in made.__dataclass_fields__})
    found = [one for _, one in by_columns(case, case.split.train)]
    assert len(found) == 4
    assert all(one.name.startswith("light of photo") for one in found)
    assert found[3].members[::4].mean() > 0.9


def test_strata_hold_about_as_many_likely_errors_each() -> None:
    made = case(None, n=8000)
    rng = np.random.default_rng(4)
    sure = rng.beta(8, 1, 8000)
    test = replace(made, decoded=np.stack([sure, 1 - sure], axis=1)).scored("test")
    strata = strata_of(made, test)
    likely = np.bincount(strata, weights=1 - test.decoded.max(axis=1))
    assert likely.max() < 3 * likely.min()
    assert (np.diff([test.decoded.max(axis=1)[strata == k].mean() for k in range(strata.max() + 1)]) < 0).all()


def test_thirty_rows_tell_nothing() -> None:
    assert slices(case(None, n=60)).verdict == "inconclusive"
