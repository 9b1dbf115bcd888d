"""What the bench of plants has found and what was mended."""

from __future__ import annotations

import numpy as np

from challenges.data_quality import plants
from challenges.data_quality.fakes import make_case
from vouch.challenges import data_quality as dq
from vouch.challenges.data_quality.appearance import odd_shapes


def test_a_cell_or_two_that_are_missing_break_nothing() -> None:
    plain = plants.table(np.random.default_rng(0), 100)
    plain.columns["plain"][:2] = np.nan
    assert dq.missing_values(make_case(plain.columns, plain.classes)).verdict == "pass"


def test_codes_of_which_95_in_100_differ_only_name_the_row() -> None:
    plain = plants.table(np.random.default_rng(0), 100)
    codes = np.array([f"q{max(k, 5)}" for k in range(100)], dtype=object)
    assert dq.identifiers(make_case({**plain.columns, "code": codes}, plain.classes)).verdict == "warn"


def test_narrow_files_are_odd_among_photos_of_which_some_are_upright() -> None:
    sizes = np.array([[640.0, 480.0]] * 390 + [[480.0, 640.0]] * 100 + [[213.0, 480.0]] * 10)
    assert np.flatnonzero(odd_shapes(sizes)).tolist() == list(range(490, 500))


def test_a_skewed_quantity_is_told_by_one_that_follows_it() -> None:
    rng = np.random.default_rng(0)
    price = rng.lognormal(5, 0.5, 500)
    standard = (price - price.mean()) / price.std()
    near = 0.95 * standard + np.sqrt(1 - 0.95**2) * rng.normal(size=500)
    case = make_case({"near": near, "other": rng.normal(size=500)}, price, decoded=price)
    assert dq.leaking_columns(case).estimates[0].low > 0.75
