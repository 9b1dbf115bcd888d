"""Figures on training rows against figures on sealed rows, and against simple methods."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, ndtri

from challenges.overfitting.fakes import Fake, as_case, case, with_rival
from vouch.challenges.overfitting.diagnose import beats_baselines, generalisation_gap, underfitting
from vouch.contracts.finding import Threshold

SEEDS = range(10)


def test_a_network_that_is_as_good_on_new_rows_passes() -> None:
    verdicts = [generalisation_gap(as_case(case(seed))).verdict for seed in SEEDS]
    assert verdicts == ["pass"] * len(SEEDS)


@pytest.mark.parametrize(("skills", "quantity"), [((0.9999, 0.8, 0.8), False), ((0.25, 0.5, 0.5), True)])
def test_a_gap_of_the_promised_size_is_found(skills: tuple[float, float, float], quantity: bool) -> None:
    found = [generalisation_gap(as_case(case(seed, skills=skills, quantity=quantity))).verdict for seed in SEEDS]
    assert sum(verdict in ("warn", "fail") for verdict in found) >= 0.9 * len(SEEDS)


def test_the_gap_says_its_numbers_and_lies_in_its_interval() -> None:
    check = generalisation_gap(as_case(case(3, skills=(0.99, 0.8, 0.8))))
    gap = check.estimates[0]
    assert gap.low < gap.value < gap.high
    assert gap.name == "gap[roc_auc]"
    assert check.threshold is not None
    assert "ROC-AUC is 0.99" in check.headline


def test_the_user_sets_the_level() -> None:
    fake = case(3, skills=(0.99, 0.8, 0.8))
    strict = Fake(**{**vars(fake), "levels": {"generalisation_gap": Threshold("gap", warn=0.01, fail=0.05)}})
    assert generalisation_gap(as_case(strict)).verdict == "fail"


@pytest.mark.parametrize("check", [generalisation_gap, underfitting, beats_baselines])
def test_thirty_rows_are_inconclusive(check) -> None:  # type: ignore[no-untyped-def]
    assert check(as_case(case(0, sizes=(20, 4, 6)))).verdict == "inconclusive"


def test_rows_of_three_groups_are_inconclusive() -> None:
    fake = case(0)
    grouped = Fake(**{**vars(fake), "groups": np.arange(1100) % 3})
    assert generalisation_gap(as_case(grouped)).verdict == "inconclusive"


def test_a_simple_method_that_is_better_is_found() -> None:
    found = [beats_baselines(as_case(rivalled(seed, rival=0.93))).verdict for seed in SEEDS]
    assert sum(verdict in ("warn", "fail") for verdict in found) >= 0.9 * len(SEEDS)


def test_a_simple_method_that_is_worse_does_no_harm() -> None:
    found = [beats_baselines(as_case(rivalled(seed, rival=0.78))).verdict for seed in SEEDS]
    assert "fail" not in found
    assert "warn" not in found


def test_a_network_no_better_than_a_constant_warns() -> None:
    check = beats_baselines(as_case(rivalled(1, rival=0.5, own=0.5)))
    assert check.verdict == "warn"
    assert "constant" in check.headline


def test_without_a_simple_method_nothing_is_known() -> None:
    assert beats_baselines(as_case(case(0))).verdict == "inconclusive"
    assert underfitting(as_case(case(0))).verdict == "inconclusive"


def test_a_network_that_knows_less_than_a_simple_method_underfits() -> None:
    found = [underfitting(as_case(rivalled(seed, rival=0.86, own=0.72, train=0.72))).verdict for seed in SEEDS]
    assert sum(verdict in ("warn", "fail") for verdict in found) >= 0.9 * len(SEEDS)


def test_a_network_that_fits_its_rows_does_not_underfit() -> None:
    found = [underfitting(as_case(rivalled(seed, rival=0.85, own=0.85, train=0.9))).verdict for seed in SEEDS]
    assert "fail" not in found
    assert "warn" not in found


def rivalled(seed: int, rival: float, own: float = 0.85, train: float = 0.88) -> Fake:
    """A case and a simple method that errs on its own."""
    fake = case(seed, sizes=(600, 60, 500), skills=(train, own, own))
    truth = fake.parts["test"].truth
    apart = np.sqrt(2) * float(ndtri(rival))
    evidence = np.random.default_rng(seed + 999).normal(size=len(truth)) + apart * (truth - 0.5)
    positive = np.clip(expit(apart * evidence), 1e-6, 1 - 1e-6)
    return with_rival(fake, np.stack([1 - positive, positive], axis=1))
