from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax
from scipy.stats import beta

from vouch.contracts.bundle import Conformal
from vouch.statistics.conformal import (
    coverage_range,
    covered,
    fewest_rows,
    fit_conformal,
    prediction_intervals,
    prediction_sets,
)

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def world(classes: int, rows: int, rng: np.random.Generator, sharp: float = 1.5) -> tuple[Floats, Codes]:
    logits = rng.normal(size=(rows, classes)) * 1.5 - 0.5 * np.arange(classes)
    true = softmax(logits, axis=1)
    truth = np.minimum((true.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1), classes - 1)
    return softmax(logits * sharp, axis=1), truth


def labels(rows: int, rng: np.random.Generator) -> tuple[Floats, Codes]:
    logits = rng.normal(size=(rows, 4)) * 2
    truth = (rng.random((rows, 4)) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    return 1 / (1 + np.exp(-logits)), truth


def numbers(rows: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    at = rng.normal(size=rows)
    return at, at + rng.standard_t(3, size=rows)


def coverages(task: str, classes: int, coverage: float = 0.9) -> Floats:
    """Coverage of fresh rows by each of 60 fits on 1 500 rows."""
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        makers: dict[str, Callable[[int, np.random.Generator], tuple[Floats, Codes | Floats]]] = {
            "regression": numbers,
            "multilabel": labels,
        }
        make = makers.get(task, partial(world, classes))
        made = fit_conformal(*make(1500, rng), task, coverage)
        found.append(covered(made, *make(3000, rng)).mean())
    return np.array(found)


@pytest.mark.parametrize(
    ("task", "classes"), [("binary", 2), ("multiclass", 4), ("multiclass", 10), ("multilabel", 4), ("regression", 0)]
)
def test_coverage_is_within_a_point_and_a_half_of_what_is_stated(task: str, classes: int) -> None:
    found = coverages(task, classes)
    assert found.mean() == pytest.approx(0.9, abs=0.005)
    assert (np.abs(found - 0.9) < 0.015).mean() >= 0.8


def test_other_coverages_are_kept_too() -> None:
    assert coverages("multiclass", 4, 0.8).mean() == pytest.approx(0.8, abs=0.005)


def test_coverage_of_one_fit_lies_in_the_stated_range_19_times_in_20() -> None:
    low, high = coverage_range(0.9, 300)
    inside = []
    for seed in range(600):
        rng = np.random.default_rng(seed)
        made = fit_conformal(*numbers(300, rng), "regression")
        inside.append(low <= covered(made, *numbers(20_000, rng)).mean() <= high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.025)


def test_the_range_is_that_of_an_order_statistic() -> None:
    # The 271st smallest of 300 uniform scores.
    assert coverage_range(0.9, 300) == pytest.approx(beta.ppf([0.025, 0.975], 271, 30))


def test_every_class_is_covered_and_not_only_their_mean() -> None:
    rng = np.random.default_rng(0)
    made = fit_conformal(*world(4, 6000, rng), "multiclass")
    p, truth = world(4, 20_000, rng)
    held = covered(made, p, truth)
    assert [held[truth == k].mean() for k in range(4)] == pytest.approx([0.9] * 4, abs=0.03)


def uneven(rows: int, rng: np.random.Generator) -> tuple[Floats, Codes]:
    """One class that is nearly always recognised, and two that are mistaken for each other."""
    truth = rng.choice(3, rows, p=[0.6, 0.2, 0.2])
    logits = rng.normal(size=(rows, 3))
    logits[np.arange(rows), truth] += np.where(truth == 0, 6.0, 1.0)
    logits[:, 0] -= np.where(truth == 0, 0.0, 3.0)
    return softmax(logits, axis=1), truth


def test_one_quantile_covers_all_rows_as_stated_where_a_quantile_for_each_class_covers_more() -> None:
    shares: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(30):
        rng = np.random.default_rng(seed)
        rows, later = uneven(1500, rng), uneven(3000, rng)
        for by_class, found in shares.items():
            found.append(float(covered(fit_conformal(*rows, "multiclass", by_class=by_class), *later).mean()))
    assert np.mean(shares[False]) == pytest.approx(0.9, abs=0.01)
    assert np.mean(shares[True]) > 0.93


def test_one_quantile_counts_rows_of_unseen_classes_as_missed() -> None:
    rng = np.random.default_rng(7)
    p, truth = world(4, 2000, rng)
    truth = np.where(rng.random(2000) < 0.05, -1, truth)
    held = covered(fit_conformal(p[:1000], truth[:1000], "multiclass", by_class=False), p[1000:], truth[1000:])
    assert held.mean() == pytest.approx(0.9, abs=0.03)


def test_numbers_have_one_quantile_either_way() -> None:
    values = numbers(200, np.random.default_rng(8))
    assert fit_conformal(*values, "regression", by_class=False) == fit_conformal(*values, "regression")


def test_rare_classes_share_one_quantile_that_covers_them_together() -> None:
    rng = np.random.default_rng(1)
    p, truth = world(10, 600, rng)
    rare = np.bincount(truth, minlength=10) < 50
    quantiles = np.array(fit_conformal(p, truth, "multiclass").quantiles)
    assert 1 < rare.sum() < 9
    assert len(set(quantiles[rare])) == 1
    assert len(set(quantiles[~rare])) == (~rare).sum()
    assert covered(fit_conformal(p, truth, "multiclass"), p, truth)[rare[truth]].mean() >= 0.9


def test_a_set_of_classes_is_never_empty_and_holds_the_prediction() -> None:
    p, truth = world(4, 500, np.random.default_rng(2), sharp=6.0)
    made = Conformal("lac_by_class", 0.9, (0.01,) * 4, 500)
    sets = prediction_sets(made, p)
    assert sets[np.arange(500), p.argmax(axis=1)].all()
    assert covered(made, p, truth).mean() >= (p.argmax(axis=1) == truth).mean()


def test_a_set_of_labels_may_be_empty() -> None:
    made = Conformal("every_label", 0.9, (0.5,), 500)
    assert prediction_sets(made, np.array([[0.1, 0.2], [0.5, 0.9]])).tolist() == [[False, False], [True, True]]


def test_sets_depend_on_nothing_but_the_row() -> None:
    rng = np.random.default_rng(3)
    made = fit_conformal(*world(4, 500, rng), "multiclass")
    p, _ = world(4, 100, rng)
    order = rng.permutation(100)
    assert (prediction_sets(made, p)[order] == prediction_sets(made, p[order])).all()


def test_a_set_says_with_the_true_label_when_it_covers() -> None:
    rng = np.random.default_rng(4)
    p, truth = world(4, 800, rng)
    made = fit_conformal(p, truth, "multiclass")
    assert (covered(made, p, truth) == prediction_sets(made, p)[np.arange(800), truth]).all()


def test_an_unseen_class_is_in_no_set() -> None:
    made = Conformal("lac_by_class", 0.9, (1.0, 1.0), 500)
    assert not covered(made, np.full((3, 2), 0.5), np.full(3, -1)).any()


def test_too_few_rows_promise_everything_or_nothing() -> None:
    rng = np.random.default_rng(5)
    assert fit_conformal(*numbers(8, rng), "regression").quantiles == (math.inf,)
    assert fit_conformal(*numbers(9, rng), "regression").quantiles[0] < math.inf
    assert fit_conformal(*world(2, 5, rng), "binary").quantiles == (1.0, 1.0)
    assert coverage_range(0.9, 8) == (0.0, 1.0)
    assert fewest_rows(0.9) == 9


def test_intervals_lie_evenly_about_the_prediction() -> None:
    low, high = prediction_intervals(Conformal("absolute_residual", 0.9, (2.0,), 50), np.array([1.0, 5.0]))
    assert low.tolist() == [-1.0, 3.0]
    assert high.tolist() == [3.0, 7.0]
