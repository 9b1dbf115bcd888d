"""Who is believed about labels: naive Bayes for texts that stand alone, unless it understands them much worse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from challenges.data_quality.fakes import make_case
from vouch.challenges.data_quality.labelling import DOWNWEIGHT, PRUNE, RELABEL, _witness, suspected
from vouch.contracts.case import Case

WORDS = (("river", "stone", "bridge", "boat"), ("engine", "petrol", "wheel", "brake"))


def case_of(
    rng: np.random.Generator, wrong: np.ndarray, *, order: bool = False, number: bool = False, by_heart: bool = True
) -> Case:
    """Texts of two kinds, some labelled as the other; or texts of the same words whose order alone tells them apart."""
    truth = rng.integers(0, 2, len(wrong))
    if order:
        texts = ["river before engine" if kind else "engine before river" for kind in truth]
    else:
        texts = [" ".join(rng.choice(WORDS[kind], 6)) for kind in truth]
    labels = np.where(wrong, 1 - truth, truth)
    columns: dict[str, Any] = {"text": texts, "n": rng.normal(size=len(wrong))} if number else {"text": texts}
    # A network that has learned every mistake, or one that knows the truth.
    said = np.where(np.eye(2)[labels if by_heart else truth] == 1, 0.9, 0.1)
    return make_case(columns, [f"c{k}" for k in labels], decoded=said)


def test_naive_bayes_finds_what_a_network_has_learned_to_get_wrong() -> None:
    rng = np.random.default_rng(0)
    wrong = rng.random(600) < 0.04
    case = case_of(rng, wrong)
    found = suspected(case)
    assert wrong[found.rows].mean() > 0.9
    assert len(found.rows) > 0.8 * wrong[found.ranked].sum()


@pytest.mark.parametrize("kind", ["order", "number"])
def test_networks_are_believed_where_naive_bayes_cannot_see_what_counts(kind: str) -> None:
    rng = np.random.default_rng(1)
    case = case_of(rng, np.zeros(300, bool), **{kind: True})
    np.testing.assert_array_equal(_witness(case).decoded, case.out_of_fold().decoded)


def test_rows_of_a_group_are_left_out_together() -> None:
    # Two cases, for what is computed of one is kept.
    alone, grouped = (cast(Any, case_of(np.random.default_rng(2), np.zeros(300, bool))) for _ in range(2))
    together = _witness(replace(grouped, groups=np.arange(300) // 100)).decoded
    assert not np.array_equal(_witness(alone).decoded, together)


def test_remedies_for_labels_doubt_all_that_they_may_treat_and_are_not_offered_without_need() -> None:
    rng = np.random.default_rng(3)
    noisy, clean = case_of(rng, rng.random(1200) < 0.1, by_heart=False), case_of(rng, np.zeros(1200, bool))
    for remedy in (PRUNE, DOWNWEIGHT, RELABEL):
        assert remedy.doubts is not None
        assert tuple(remedy.strengths(noisy)) == (0.05, 0.15)
        assert tuple(remedy.strengths(clean)) == ()
        assert len(remedy.doubts(noisy)) == round(0.15 * len(suspected(noisy).ranked))
