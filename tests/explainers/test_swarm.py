"""Dots of contributions: none lies on another, each stands at its contribution, and colour is the value of the cell."""

from __future__ import annotations

import numpy as np
import pytest

from vouch.charts import NO_ORDER
from vouch.contracts.finding import Figure
from vouch.explainers.swarm import Column, beeswarm, levels, piled, weightiest
from vouch.report.svg import svg


@pytest.mark.parametrize("size", [2.6, 7.0])
def test_no_dot_lies_on_another(size: float) -> None:
    places = np.concatenate([np.random.default_rng(0).normal(150, 9, 150), np.full(20, 150.0)])
    up = piled(places, size)
    apart = np.hypot(places[:, None] - places, up[:, None] - up)
    assert apart[~np.eye(len(places), dtype=bool)].min() > size - 1e-6
    assert np.abs(up).max() < size * len(places) / 2


def columns(rows: int = 60) -> list[Column]:
    rng = np.random.default_rng(1)
    return [Column(f"c{k}", rng.normal(size=rows) / (k + 1), levels(rng.normal(size=rows))) for k in range(4)]


def test_dots_stand_at_their_contributions_on_the_line_of_their_column() -> None:
    some = columns()
    spec = beeswarm("says", some, "title")
    dots = spec["data"]["values"]
    assert [dot["x"] for dot in dots] == [round(float(x), 6) for one in some for x in one.values]
    ys = np.array([dot["y"] for dot in dots]).reshape(4, 60)
    assert (np.diff(ys.min(axis=1)) > 0).all()
    assert (ys[:-1].max(axis=1) < ys[1:].min(axis=1)).all()
    assert 0 < ys.min() < ys.max() < spec["height"]


def test_a_column_of_one_contribution_is_no_taller_than_others_may_be() -> None:
    spec = beeswarm("says", [Column("same", np.full(200, 0.5), np.full(200, np.nan))], "title")
    assert spec["height"] < 110
    assert {dot["value"] for dot in spec["data"]["values"]} == {NO_ORDER}


def test_levels_rise_with_values_and_rare_ones_do_not_shift_them() -> None:
    values = np.concatenate([np.linspace(0, 1, 99), [1e9]])
    found = levels(values)
    assert (np.diff(found) >= 0).all()
    assert found[50] == pytest.approx(0.5, abs=0.05)
    assert levels(np.array([0.0] * 97 + [1.0] * 3)).tolist() == [0.0] * 97 + [1.0] * 3
    assert np.isnan(levels(np.array([2.0, 2.0, np.nan]))).all()
    assert np.isnan(levels(np.array([np.nan]))).all()


def test_the_weightiest_come_first() -> None:
    some = columns()
    assert [one.name for one in weightiest(some[::-1], 3)] == ["c0", "c1", "c2"]


def test_the_drawing_has_as_many_dots_as_rows_and_colours_of_the_page() -> None:
    drawn = svg(Figure("swarm", "title", "says", beeswarm("says", columns(), "title")))
    dots = sum(drawn.count(f'class="fill-{grade}"') for grade in ("low", "lower", "higher", "high"))
    assert dots == 240 + 4
    assert "aria-labelledby" in drawn
