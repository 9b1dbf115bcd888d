"""Corrected p-values against statsmodels, and what they promise by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from vouch.statistics.corrections import benjamini_yekutieli, holm

METHODS = {"holm": holm, "fdr_by": benjamini_yekutieli}


@pytest.mark.parametrize("method", METHODS)
def test_adjusted_values_equal_those_of_statsmodels(method: str) -> None:
    rng = np.random.default_rng(0)
    for count in range(1, 40):
        p = np.round(rng.uniform(size=count) ** 3, 2)  # with ties, zeros and ones
        np.testing.assert_allclose(METHODS[method](p), multipletests(p, method=method)[1], atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_a_test_that_could_not_be_made_is_not_counted(method: str) -> None:
    with_hole = METHODS[method]([0.01, float("nan"), 0.04])
    assert np.isnan(with_hole[1])
    np.testing.assert_allclose(with_hole[[0, 2]], METHODS[method]([0.01, 0.04]))


@pytest.mark.parametrize("method", METHODS)
def test_nothing_asked_gives_nothing(method: str) -> None:
    assert METHODS[method]([]).shape == (0,)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_no_p_value_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        METHODS[method]([0.5, 1.5])


def test_holm_makes_any_false_claim_at_most_one_time_in_twenty() -> None:
    rng = np.random.default_rng(0)
    claims = [(holm(rng.uniform(size=12)) < 0.05).any() for _ in range(4000)]
    assert np.mean(claims) < 0.06
