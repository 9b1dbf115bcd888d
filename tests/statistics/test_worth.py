"""Rows worth a label: unsure ones, and not the same one twice."""

from __future__ import annotations

import numpy as np
import pytest

from vouch.statistics.worth import worth_labelling


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_distances_are_those_of_the_outer_products() -> None:
    """Against gradients that are really built."""
    draw = np.random.default_rng(1)
    doubts, vectors = draw.normal(size=(40, 3)), draw.normal(size=(40, 5))
    chosen = worth_labelling(doubts, vectors, 6, rng())
    gradients = np.einsum("nk,nd->nkd", doubts, vectors).reshape(40, -1)
    assert chosen[0] == np.square(gradients).sum(1).argmax()
    expected, again = [int(chosen[0])], rng()
    for _ in range(5):
        apart = np.minimum(
            np.square(gradients).sum(1),
            np.square(gradients[:, None] - gradients[expected][None]).sum(2).min(1),
        )
        apart[expected] = 0
        expected.append(int(np.searchsorted(np.cumsum(apart), again.random() * apart.sum(), side="right")))
    assert chosen.tolist() == expected


def test_a_copy_of_a_chosen_row_comes_last() -> None:
    doubts = np.array([[0.9], [0.9], [0.9], [0.4], [0.4]])
    vectors = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1], [0, 1]])
    assert worth_labelling(doubts, vectors, 5, rng()).tolist()[:2] in ([0, 3], [0, 4])
    assert sorted(worth_labelling(doubts, vectors, 5, rng()).tolist()) == [0, 1, 2, 3, 4]


def test_rows_that_are_sure_come_last() -> None:
    doubts = np.concatenate([np.full((90, 1), 1e-9), np.full((10, 1), 0.8)])
    vectors = np.random.default_rng(2).normal(size=(100, 4))
    assert set(worth_labelling(doubts, vectors, 10, rng()).tolist()) == set(range(90, 100))


def test_kinds_of_doubt_are_all_among_the_first() -> None:
    """Five groups, one of them forty times as large as the others: taking the least sure alone would miss some."""
    draw = np.random.default_rng(3)
    kind = np.repeat([0, 1, 2, 3, 4], [400, 10, 10, 10, 10])
    vectors = np.eye(5)[kind] + draw.normal(scale=0.05, size=(440, 5))
    doubts = np.where(kind == 0, 0.9, 0.8)[:, None]
    assert set(kind[worth_labelling(doubts, vectors, 12, rng())]) == {0, 1, 2, 3, 4}
    assert set(kind[np.argsort(-doubts[:, 0], kind="stable")[:12]]) == {0}


@pytest.mark.parametrize("count", [0, 3, 50])
def test_no_more_rows_than_there_are(count: int) -> None:
    found = worth_labelling(np.ones((5, 2)), np.random.default_rng(4).normal(size=(5, 3)), count, rng())
    assert len(found) == len(set(found.tolist())) == min(count, 5)
