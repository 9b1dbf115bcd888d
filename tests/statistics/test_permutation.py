"""P-values beyond the draws: against scipy's laws, and under chance by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, norm

from vouch.statistics.permutation import p_beyond_draws


@pytest.mark.parametrize(("law", "seen"), [(norm(), 4.5), (chi2(4), 30.0), (chi2(1), 18.0)])
def test_the_tail_is_near_that_of_the_law(law: object, seen: float) -> None:
    draws = law.rvs(999, random_state=0)  # type: ignore[attr-defined]
    assert np.log10(p_beyond_draws(seen, draws)) == pytest.approx(np.log10(law.sf(seen)), abs=1.2)  # type: ignore[attr-defined]


def test_among_the_draws_it_is_their_share() -> None:
    draws = np.arange(100.0)
    assert p_beyond_draws(50.0, draws) == pytest.approx(51 / 101)


def test_chance_is_called_significant_as_often_as_stated() -> None:
    rng = np.random.default_rng(0)
    found = np.array([p_beyond_draws(*(lambda x: (x[0], x[1:]))(rng.chisquare(3, 100))) for _ in range(4000)])
    for level in (0.05, 0.01, 0.002):
        assert (found < level).mean() < 1.6 * level + 0.001


def test_draws_that_are_all_alike_have_no_tail() -> None:
    assert p_beyond_draws(2.0, np.ones(199)) == pytest.approx(1 / 200)
