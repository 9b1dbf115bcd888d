"""Metrics against scikit-learn and numpy, with and without weights."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from vouch.tasks import metrics as m


@st.composite
def classified(draw: st.DrawFn, classes: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    k = classes or draw(st.integers(3, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(k, 60))
    truth = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    logits = rng.normal(size=(n, k)) * draw(st.sampled_from([0.3, 1, 4]))
    logits[np.arange(n), truth] += draw(st.sampled_from([0, 1]))
    # Steps of one half make ties, the case in which ranking metrics go wrong.
    logits = np.round(logits * 2) / 2 if draw(st.booleans()) else logits
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    weights = rng.integers(0, 4, n) if draw(st.booleans()) else np.ones(n, int)
    weights[:k] = 1
    return truth, probabilities, weights


def ours(metric: m.Metric, truth: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> float:
    values = metric(truth, prediction, np.stack([weights, np.ones(len(truth)), weights]))
    assert values.shape == (3,)
    np.testing.assert_allclose(values[0], values[2], rtol=1e-12)
    return float(values[0])


def expected(truth: np.ndarray, p: np.ndarray, w: np.ndarray) -> dict[str, float]:
    k = p.shape[1]
    chosen, average = p.argmax(axis=1), "binary" if k == 2 else "macro"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = {"sample_weight": w, "average": average, "zero_division": np.nan}
        onehot = np.eye(k, dtype=int)[truth]
        macro = {"sample_weight": w, "average": "macro"}
        return {
            "accuracy": sk.accuracy_score(truth, chosen, sample_weight=w),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, chosen, sample_weight=w),
            "precision": sk.precision_score(truth, chosen, **kept),
            "recall": sk.recall_score(truth, chosen, **kept),
            "f1": sk.f1_score(truth, chosen, **kept),
            "roc_auc": sk.roc_auc_score(onehot[:, 1], p[:, 1], sample_weight=w)
            if k == 2
            else sk.roc_auc_score(onehot, p, **macro),
            "average_precision": sk.average_precision_score(onehot[:, 1], p[:, 1], sample_weight=w)
            if k == 2
            else sk.average_precision_score(onehot, p, **macro),
            "log_loss": sk.log_loss(truth, p, sample_weight=w, labels=range(k)),
            "brier": sk.brier_score_loss(truth, p[:, 1], sample_weight=w)
            if k == 2
            else sk.brier_score_loss(truth, p, sample_weight=w, labels=range(k), scale_by_half=False),
        }


@settings(max_examples=120, deadline=None)
@given(classified(classes=2))
def test_binary_metrics_equal_scikit_learn(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    for name, value in expected(*case).items():
        assert ours(getattr(m, name), *case) == pytest.approx(value, abs=1e-12, nan_ok=True), name


@settings(max_examples=120, deadline=None)
@given(classified())
def test_multiclass_metrics_equal_scikit_learn(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    for name, value in expected(*case).items():
        assert ours(getattr(m, name), *case) == pytest.approx(value, abs=1e-12, nan_ok=True), name


@settings(max_examples=60, deadline=None)
@given(classified(classes=2))
def test_error_rates_equal_the_confusion_matrix(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    truth, p, w = case
    (tn, fp), (fn, tp) = sk.confusion_matrix(truth, p.argmax(axis=1), sample_weight=w, labels=[0, 1])
    assert ours(m.false_positive_rate, *case) == pytest.approx(fp / (fp + tn), abs=1e-12)
    assert ours(m.false_negative_rate, *case) == pytest.approx(fn / (fn + tp), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(classified())
def test_integer_weights_equal_repeated_rows(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    truth, p, w = case
    rows = np.repeat(np.arange(len(w)), w)
    for spec in m.MULTICLASS:
        if spec.name != "ece":  # its bins are cut from the rows as given
            repeated = spec.function(truth[rows], p[rows], np.ones((1, len(rows))))
            assert ours(spec.function, *case) == pytest.approx(float(repeated[0]), abs=1e-12, nan_ok=True), spec.name


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_multilabel_metrics_equal_scikit_learn(seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    n, k = 40, 3
    truth = rng.integers(0, 2, (n, k))
    truth[:2] = [[0] * k, [1] * k]
    p = np.round(rng.uniform(0.02, 0.98, (n, k)), 1 if seed % 2 else 6).clip(0.02, 0.98)
    w = np.append([1, 1], rng.integers(0, 3, n - 2)) if weighted else np.ones(n, int)
    chosen = (p >= 0.5).astype(int)
    both = {"sample_weight": w, "average": "macro"}
    wanted = {
        "accuracy": sk.accuracy_score(truth, chosen, sample_weight=w),
        "roc_auc": sk.roc_auc_score(truth, p, **both),
        "average_precision": sk.average_precision_score(truth, p, **both),
        "recall": sk.recall_score(truth, chosen, zero_division=np.nan, **both),
        "precision": sk.precision_score(truth, chosen, zero_division=np.nan, **both),
        "f1": sk.f1_score(truth, chosen, zero_division=np.nan, **both),
        "log_loss": np.mean([sk.log_loss(truth[:, i], p[:, i], sample_weight=w, labels=[0, 1]) for i in range(k)]),
        "brier": np.mean([sk.brier_score_loss(truth[:, i], p[:, i], sample_weight=w) for i in range(k)]),
    }
    for name, value in wanted.items():
        assert ours(getattr(m, name), truth, p, w) == pytest.approx(value, abs=1e-12), name


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.booleans())
def test_regression_metrics_equal_scikit_learn_and_numpy(seed: int, n: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(1000, 1, n)
    prediction = truth + np.round(rng.normal(size=n), 1)
    w = np.append([1, 1], rng.integers(0, 4, n - 2)) if weighted else np.ones(n, int)
    error = np.abs(prediction - truth)
    wanted = {
        "rmse": sk.root_mean_squared_error(truth, prediction, sample_weight=w),
        "mae": sk.mean_absolute_error(truth, prediction, sample_weight=w),
        "error_q50": np.quantile(np.repeat(error, w), 0.5, method="inverted_cdf"),
        "error_q90": np.quantile(np.repeat(error, w), 0.9, method="inverted_cdf"),
    }
    for name, value in wanted.items():
        assert ours(getattr(m, name), truth, prediction, w) == pytest.approx(value, abs=1e-12), name
    r2 = sk.r2_score(truth, prediction, sample_weight=w)
    assert ours(m.r2, truth, prediction, w) == pytest.approx(r2, rel=1e-12, abs=1e-10)


def test_ece_is_the_mean_gap_over_bins_of_equal_mass() -> None:
    rng = np.random.default_rng(0)
    p1 = rng.permutation(np.linspace(0.01, 0.99, 300))
    truth = (rng.uniform(size=300) < p1**2).astype(int)
    order = np.argsort(p1)
    gaps = [abs(p1[part].mean() - truth[part].mean()) * 20 / 300 for part in order.reshape(15, 20)]
    assert ours(m.ece, truth, np.stack([1 - p1, p1], 1), np.ones(300)) == pytest.approx(sum(gaps), abs=1e-12)


def test_ece_of_one_confidence_is_its_distance_from_the_accuracy() -> None:
    truth = np.repeat([0, 1, 2], [70, 20, 10])
    p = np.tile([0.9, 0.06, 0.04], (100, 1))
    assert ours(m.ece, truth, p, np.ones(100)) == pytest.approx(0.2)


def test_undefined_is_nan() -> None:
    ones, p = np.ones((1, 3)), np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    none = np.zeros(3, int)
    for metric in (m.roc_auc, m.average_precision, m.recall, m.precision, m.f1, m.false_negative_rate):
        assert np.isnan(metric(none, p, ones)).all()
    assert m.accuracy(none, p, ones) == 1
    assert np.isnan(m.r2(np.full(3, 0.1), np.arange(3.0), ones)).all()


def test_macro_leaves_out_classes_that_never_occur() -> None:
    truth, p = np.array([0, 1, 1]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]])
    assert m.recall(truth, p, np.ones((1, 3)))[0] == pytest.approx(0.75)


def test_a_class_that_training_never_saw_counts_as_wrong() -> None:
    truth, p = np.array([0, -1]), np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    ones = np.ones((1, 2))
    assert m.accuracy(truth, p, ones)[0] == 0.5
    assert m.brier(truth, p, ones)[0] == 1.0
    assert m.log_loss(truth, p, ones)[0] == pytest.approx(-np.log(1e-15) / 2)


def test_every_task_has_its_names_in_order() -> None:
    assert {task: specs[0].name for task, specs in m.BY_TASK.items()} == {
        "binary": "roc_auc",
        "multiclass": "accuracy",
        "multilabel": "roc_auc",
        "regression": "rmse",
    }
    for specs in m.BY_TASK.values():
        assert len({spec.name for spec in specs}) == len(specs)
        for spec in specs:
            assert getattr(m, spec.name) is spec.function
