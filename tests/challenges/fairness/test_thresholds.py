"""Thresholds by group: as good as trying all of them, and hardly behind what lots would allow."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin

from vouch.challenges.fairness.thresholds import ASKED, RATES, chosen_cuts, class_shifts, curves_of


def scored(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated probabilities of two groups, of which the second is higher."""
    rng = np.random.default_rng(seed)
    code = (rng.random(n) < 0.4).astype(np.int64)
    score = 1 / (1 + np.exp(-rng.normal(size=n) * 1.5 - 1.2 * code + 0.8))
    return score, rng.random(n) < score, code


def rates(criterion: str, called: np.ndarray, actual: np.ndarray, code: np.ndarray) -> np.ndarray:
    """The rates of both groups, counted row by row (2, Q)."""
    out = []
    for g in (0, 1):
        c, a = called[code == g], actual[code == g]
        out.append({
            "demographic_parity": [c.mean()],
            "equal_opportunity": [c[a].mean()],
            "equalized_odds": [c[a].mean(), c[~a].mean()],
            "predictive_parity": [a[c].mean() if c.any() else np.nan],
            "error_parity": [(c != a).mean()],
        }[criterion])  # fmt: skip
    return np.array(out)


@pytest.mark.parametrize("criterion", RATES)
def test_the_gap_closes_as_far_as_asked(criterion: str) -> None:
    score, actual, code = scored()
    before = np.ptp(rates(criterion, score > 0.5, actual, code), axis=0).max()
    for closed in (0.5, 0.9):
        cuts = chosen_cuts(curves_of(score, actual, code, 2), criterion, closed)
        after = np.ptp(rates(criterion, score > cuts[code], actual, code), axis=0).max()
        assert after <= (1 - closed) * before + 0.02


def test_no_other_pair_of_thresholds_costs_less() -> None:
    score, actual, code = scored(1500, seed=1)
    curves = curves_of(score, actual, code, 2)
    cuts = chosen_cuts(curves, "demographic_parity", 0.9)
    chosen = score > cuts[code]
    most = 0.1 * np.ptp(rates("demographic_parity", score > 0.5, actual, code)) + 0.004
    fewest = min(
        (np.where(code == 0, score > a, score > b) != actual).sum()
        for a, b in itertools.product(np.linspace(0.02, 0.98, 97), repeat=2)
        if np.ptp(rates("demographic_parity", np.where(code == 0, score > a, score > b), actual, code)) <= most
    )
    assert (chosen != actual).sum() <= fewest + 0.005 * len(score)


@pytest.mark.parametrize("criterion", ["demographic_parity", "true_positive_rate_parity"])
def test_accuracy_is_that_of_an_optimiser_that_may_draw_lots(criterion: str) -> None:
    score, actual, code = scored()

    class Given(ClassifierMixin, BaseEstimator):
        classes_ = np.array([0, 1])

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def fit(self, *_: np.ndarray) -> Given:
            return self

        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            return np.stack([1 - X[:, 0], X[:, 0]], axis=1)

    other = ThresholdOptimizer(
        estimator=Given(), constraints=criterion, prefit=True, predict_method="predict_proba"
    ).fit(score[:, None], actual.astype(int), sensitive_features=code)
    theirs = other._pmf_predict(score[:, None], sensitive_features=code)[:, 1]
    expected = np.where(actual, theirs, 1 - theirs).mean()
    own = "demographic_parity" if criterion == "demographic_parity" else "equal_opportunity"
    cuts = chosen_cuts(curves_of(score, actual, code, 2), own, 1.0)
    called = score > cuts[code]
    assert np.ptp(rates(own, called, actual, code), axis=0).max() < 0.01
    assert (called == actual).mean() == pytest.approx(expected, abs=0.005)


def test_equal_groups_keep_one_half() -> None:
    score, actual, _ = scored()
    both = np.concatenate([score, score]), np.concatenate([actual, actual]), np.repeat([0, 1], len(score))
    cuts = chosen_cuts(curves_of(*both, 2), "equalized_odds", 1.0)
    assert np.abs(cuts - 0.5).max() < 0.06
    assert cuts[0] == cuts[1]


def test_few_rows_of_a_group_are_mixed_with_what_is_expected_of_them() -> None:
    score = np.full(4, 0.25)
    curves = curves_of(score, np.ones(4, bool), np.zeros(4, np.int64), 1)
    assert curves.actual[0, 0] == pytest.approx(4 * (4 + 100 * 0.25) / 104)


def of_classes(spread: np.ndarray, start: np.ndarray, seed: int = 0, n: int = 9000) -> tuple[np.ndarray, ...]:
    """Log-probabilities of three classes up to a constant, the truth that follows from them, and one of three groups.

    The groups differ in how sure their rows are (G,), and in how often they are of each class (G, K).
    """
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 3, n)
    logs = rng.normal(size=(n, 3)) * spread[code][:, None] + start[code]
    return logs, (softmax(logs, axis=1).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1), code


def class_gap(criterion: str, called: np.ndarray, truth: np.ndarray, code: np.ndarray) -> float:
    """The widest gap between groups, class by class, counted row by row."""
    pairs = [((code == g) | (code == h), code == h) for g, h in itertools.combinations(range(3), 2)]
    return max(
        float(np.ptp(rates(criterion, called[some] == k, truth[some] == k, second[some] * 1), axis=0).max())
        for some, second in pairs for k in range(3)
    )  # fmt: skip


@pytest.mark.parametrize("criterion", ASKED)
def test_shifts_of_classes_close_the_gap_of_groups_that_differ_in_how_often_they_are_of_them(criterion: str) -> None:
    start = np.array([[0.8, 0, 0], [0, 0, 0.5], [0, 0.8, 0.0]])
    logs, truth, code = of_classes(np.full(3, 1.5), start)
    before = class_gap(criterion, logs.argmax(axis=1), truth, code)
    for closed in (0.5, 1.0):
        added = class_shifts(softmax(logs, axis=1), truth, (code, 3), criterion, closed)
        called = (logs + added[code]).argmax(axis=1)
        assert class_gap(criterion, called, truth, code) < (1 - closed) * before + 0.03
        assert (called == truth).mean() > (logs.argmax(axis=1) == truth).mean() - 0.03


@pytest.mark.parametrize("criterion", ASKED)
def test_scores_that_are_biased_by_group_and_class_are_set_right(criterion: str) -> None:
    logs, truth, code = of_classes(np.full(3, 1.5), np.zeros((3, 3)))
    bias = np.array([[0.5, -0.5, 0.0], [0.0, 0.6, -0.6], [0.0, 0.0, 0.0]])
    added = class_shifts(softmax(logs + bias[code], axis=1), truth, (code, 3), criterion, 1.0)
    # What is then added is the same for all groups.
    assert np.ptp(added + bias, axis=0).max() < 0.15


@pytest.mark.parametrize("criterion", ASKED)
def test_a_group_that_is_harder_in_all_classes_is_not_made_worse(criterion: str) -> None:
    logs, truth, code = of_classes(np.array([2.0, 1.0, 1.5]), np.zeros((3, 3)))
    added = class_shifts(softmax(logs, axis=1), truth, (code, 3), criterion, 1.0)
    before, after = (class_gap(criterion, one.argmax(axis=1), truth, code) for one in (logs, logs + added[code]))
    assert after < before + 0.01
