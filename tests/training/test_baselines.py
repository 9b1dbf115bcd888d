"""Simple methods on encoded blocks: they learn what is there, from training rows alone, and fail aloud."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

from vouch.contracts.roles import Capabilities
from vouch.training import baselines as module
from vouch.training.baseline_features import Block, features
from vouch.training.baselines import baselines

NUMBERS = Capabilities(continuous=True)
CODES = Capabilities(discrete=True)
TOKENS = Capabilities(discrete=True, ordered=True)
PICTURES = Capabilities(continuous=True, spatial=True, bounded=True)


def halves(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(0, n, 2), np.arange(1, n, 2)


def table(n: int, seed: int = 0) -> tuple[list[Block], np.ndarray]:
    """Numbers with holes and categories, both of which carry signal; log-odds."""
    rng = np.random.default_rng(seed)
    x, codes = rng.normal(size=(n, 3)).astype(np.float32), rng.integers(2, 6, (n, 2))
    odds = 2 * x[:, 0] + 2 * (codes[:, 0] == 3) - 1
    x[rng.uniform(size=n) < 0.1, 1] = np.nan
    return [Block(torch.from_numpy(x), NUMBERS), Block(torch.from_numpy(codes), CODES, (6, 6))], odds


def test_binary_table_is_learned_by_both_methods() -> None:
    blocks, odds = table(2000)
    y = (odds + np.random.default_rng(1).logistic(size=2000) > 0).astype(int)
    train, test = halves(2000)
    found = baselines(blocks, y, "binary", train, test)
    assert list(found.predictions) == ["majority", "logistic_regression", "boosted_trees"]
    assert not found.failures
    np.testing.assert_allclose(
        found.predictions["majority"], np.tile([1 - y[train].mean(), y[train].mean()], (1000, 1))
    )
    best = roc_auc_score(y[test], odds[test])
    assert roc_auc_score(y[test], found.predictions["logistic_regression"][:, 1]) > best - 0.01
    assert roc_auc_score(y[test], found.predictions["boosted_trees"][:, 1]) > best - 0.05
    for p in found.predictions.values():
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)


def test_regression_has_mean_ridge_and_trees() -> None:
    blocks, odds = table(2000)
    train, test = halves(2000)
    found = baselines(blocks, odds * 100, "regression", train, test)
    assert list(found.predictions) == ["mean", "ridge", "boosted_trees"]
    assert set(found.predictions["mean"]) == {float((odds * 100)[train].mean())}
    assert r2_score(odds[test] * 100, found.predictions["ridge"]) > 0.99
    assert r2_score(odds[test] * 100, found.predictions["boosted_trees"]) > 0.95


def test_multilabel_is_fitted_label_by_label() -> None:
    blocks, odds = table(800)
    labels = np.stack([odds > 0, np.zeros(800), blocks[1].tensor[:, 1].numpy() == 2], axis=1).astype(int)
    train, test = halves(800)
    found = baselines(blocks, labels, "multilabel", train, test)
    assert not found.failures
    for p in found.predictions.values():
        assert p.shape == (400, 3)
        np.testing.assert_array_equal(p[:, 1], 0)
    assert roc_auc_score(labels[test][:, 2], found.predictions["logistic_regression"][:, 2]) > 0.99


def test_tokens_are_learned_by_their_order() -> None:
    rng = np.random.default_rng(0)
    ids = rng.integers(3, 30, (600, 12))
    y = np.arange(600) // 2 % 3
    ids[:, 4], ids[:, 5] = 1, 2
    swapped = y == 1
    ids[swapped, 4], ids[swapped, 5] = 2, 1
    ids[y == 2, 4] = 5
    ids[:, 10:] = 0
    train, test = halves(600)
    found = baselines([Block(torch.from_numpy(ids), TOKENS)], y, "multiclass", train, test)
    assert accuracy_score(y[test], found.predictions["logistic_regression"].argmax(axis=1)) > 0.95
    assert accuracy_score(y[test], found.predictions["boosted_trees"].argmax(axis=1)) > 0.6


def test_tfidf_equals_scikit_learn() -> None:
    ids = np.random.default_rng(0).integers(0, 9, (300, 7))
    ids = -np.sort(-(ids > 0).astype(int), axis=1) * np.where(ids > 0, ids, 1)
    train = np.arange(250)
    texts = [" ".join(f"t{i}" for i in row if i) for row in ids]
    wanted = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"\S+").fit(texts[:250])
    ours = sparse.csr_matrix(features(Block(torch.from_numpy(ids), TOKENS), train, 0).linear).toarray()
    theirs = 2 * wanted.transform(texts).toarray()
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(np.sort(ours, axis=1), np.sort(theirs, axis=1), atol=1e-6)
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-5)


def test_pictures_are_learned_at_any_size() -> None:
    y = np.random.default_rng(0).integers(0, 2, 200)
    pictures = torch.randint(0, 60, (200, 3, 33, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pictures[torch.from_numpy(y == 1), 0, :16] += 100
    train, test = halves(200)
    found = baselines([Block(pictures, PICTURES)], y, "binary", train, test)
    for name in ("logistic_regression", "boosted_trees"):
        assert accuracy_score(y[test], found.predictions[name].argmax(axis=1)) > 0.97


def test_nothing_is_learned_from_test_rows() -> None:
    blocks, odds = table(300)
    ids = torch.randint(0, 40, (300, 9), generator=torch.Generator().manual_seed(0))
    pictures = torch.randint(0, 255, (300, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    train, test = np.arange(200), np.arange(200, 250)
    before = [*blocks, Block(ids, TOKENS), Block(pictures, PICTURES)]
    after = [Block(b.tensor.clone(), b.capabilities, b.cardinalities) for b in before]
    after[0].tensor[250:] = 1e6
    after[1].tensor[250:] = 2
    after[2].tensor[250:] = 39
    after[3].tensor[250:] = 255
    y = (odds > 0).astype(int)
    one, two = (baselines(b, y, "binary", train, test).predictions for b in (before, after))
    for name, p in one.items():
        np.testing.assert_allclose(p, two[name], atol=1e-6)


def test_the_same_seed_gives_the_same_predictions() -> None:
    blocks, odds = table(400)
    ids = torch.randint(0, 99, (400, 12), generator=torch.Generator().manual_seed(0))
    y, (train, test) = (odds > 0).astype(int), halves(400)
    runs = [baselines([*blocks, Block(ids, TOKENS)], y, "binary", train, test, seed=5).predictions for _ in range(2)]
    for name, p in runs[0].items():
        np.testing.assert_array_equal(p, runs[1][name])


def test_a_class_without_training_rows_gets_probability_0() -> None:
    blocks, odds = table(200)
    y = np.digitize(odds, [-1, 1]) * 2
    y[1] = 6  # a test row: its class is known of, but no training row holds it
    train, test = halves(200)
    found = baselines(blocks, y, "multiclass", train, test)
    for p in found.predictions.values():
        assert p.shape == (100, 7)
        np.testing.assert_array_equal(p[:, [1, 3, 5, 6]], 0)


def test_threads_are_as_before_afterwards() -> None:
    blocks, odds = table(60)
    before = torch.get_num_threads()
    baselines(blocks, odds, "regression", *halves(60))
    assert torch.get_num_threads() == before


def test_only_one_class_in_training_is_no_failure() -> None:
    blocks, _ = table(60)
    found = baselines(blocks, np.ones(60, int), "binary", *halves(60))
    assert not found.failures
    for p in found.predictions.values():
        np.testing.assert_array_equal(p, np.tile([0.0, 1.0], (30, 1)))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_twenty_rows_of_everything_are_enough(task: str) -> None:
    blocks, odds = table(26)
    ids = torch.randint(0, 9, (26, 5), generator=torch.Generator().manual_seed(0))
    pictures = torch.randint(0, 255, (26, 1, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    many = [*blocks, Block(ids, TOKENS), Block(pictures, PICTURES)]
    y = odds if task == "regression" else np.arange(26) % (2 if task == "binary" else 3)
    found = baselines(many, y, task, np.arange(20), np.arange(20, 26))
    assert not found.failures
    assert len(found.predictions) == 3
    assert all(np.isfinite(p).all() for p in found.predictions.values())


def test_odd_columns_do_no_harm() -> None:
    n = 60
    numbers = torch.stack([torch.full((n,), float("nan")), torch.ones(n), torch.arange(n).float() * 1e8], 1)
    many_codes = torch.arange(n)[:, None] + torch.tensor([[0, 1000]])
    blocks = [
        Block(numbers, NUMBERS),
        Block(many_codes, CODES, (n, 1000 + n)),
        Block(torch.zeros(n, 6, dtype=torch.int64), TOKENS),
        Block(torch.zeros(n, 0), NUMBERS),
    ]
    found = baselines(blocks, np.arange(n) % 2, "binary", *halves(n))
    assert not found.failures
    assert all(np.isfinite(p).all() for p in found.predictions.values())


def test_a_crash_is_reported_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks, odds = table(60)

    def crash(*_: object) -> None:
        raise MemoryError("no room\nat all")

    monkeypatch.setattr(module, "_trees", crash)
    found = baselines(blocks, (odds > 0).astype(int), "binary", *halves(60))
    assert found.failures == {"boosted_trees": "MemoryError: no room at all"}
    assert list(found.predictions) == ["majority", "logistic_regression"]


def test_no_features_leave_the_constant_and_two_failures() -> None:
    found = baselines([], np.arange(40) % 2, "binary", *halves(40))
    assert list(found.predictions) == ["majority"]
    assert set(found.failures) == {"logistic_regression", "boosted_trees"}


def test_limits_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks, odds = table(1200)
    monkeypatch.setattr(module, "_FEWEST_ROWS", 100)
    monkeypatch.setattr(module, "_LINEAR_WORK", 1)
    monkeypatch.setattr(module, "_TREE_WORK", 20_000)
    monkeypatch.setattr(module, "_STEPS", 2)
    notes = " ".join(baselines(blocks, (odds > 0).astype(int), "binary", *halves(1200)).notes)
    assert "the linear model learned from 100 of 600 training rows" in notes
    assert "boosted_trees learned from 100 of 600 training rows" in notes
    assert "boosted_trees had 20 rounds instead of 100" in notes
    assert "logistic_regression was stopped after 2 steps" in notes


def test_a_table_of_30_000_rows_takes_seconds() -> None:
    blocks, odds = table(30_000)
    start = time.process_time()
    baselines(blocks, (odds > 0).astype(int), "binary", *halves(30_000))
    assert time.process_time() - start < 30
