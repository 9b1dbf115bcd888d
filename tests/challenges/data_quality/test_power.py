"""What is planted at the promised strength is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
import torch
from scipy.ndimage import gaussian_filter

from challenges.data_quality import plants
from challenges.data_quality.fakes import make_case, split_of
from vouch.challenges import data_quality as dq
from vouch.challenges.asking import Question
from vouch.contracts.case import Case

Rng = np.random.Generator
SEEDS = 5


def missing(rng: Rng) -> Case:
    plain = plants.table(rng)
    gaps = np.where(rng.random(500) < 0.5, np.nan, rng.normal(size=500))
    return make_case({**plain.columns, "gaps": gaps}, plain.classes)


def missing_by_class(rng: Rng) -> Case:
    plain = plants.table(rng, 1000)
    gaps = np.where(rng.random(1000) < np.where(plain.classes == 1, 0.25, 0.05), np.nan, rng.normal(size=1000))
    return make_case({**plain.columns, "gaps": gaps}, plain.classes)


def copied_rows(rng: Rng) -> Case:
    plain, _ = plants.table(rng).copied(rng, 0.02)
    return make_case(plain.columns, plain.classes)


def copied_drawings(rng: Rng) -> Case:
    plain, _ = plants.drawings(rng, 500).copied(rng, 0.02)
    return make_case(plain.columns, plain.classes)


def nearly_copied_rows(rng: Rng) -> Case:
    plain, k = plants.table(rng).copied(rng, 0.03)
    for name in ("plain", "skewed", "tailed"):
        plain.columns[name][-k:] += rng.normal(0, 0.003, k)
    return make_case(plain.columns, plain.classes)


def nearly_copied_writings(rng: Rng) -> Case:
    plain, k = plants.writings(rng, 500).copied(rng, 0.03)
    for row in range(500 - k, 500):
        plain.columns["said"][row] = "x" + plain.columns["said"][row][:-1]
    return make_case(plain.columns, plain.classes)


def dimmed_copies(rng: Rng) -> Case:
    plain, k = plants.drawings(rng, 500).copied(rng, 0.03)
    plain.columns["drawn"][-k:] = (plain.columns["drawn"][-k:].float() * 0.8 + 10).to(torch.uint8)
    return make_case(plain.columns, plain.classes)


def contradictions(rng: Rng) -> Case:
    plain, k = plants.table(rng).copied(rng, 0.02)
    plain.classes[-k:] = 1 - plain.classes[-k:]
    return make_case(plain.columns, plain.classes)


def sealed_rows_from_training(rng: Rng) -> Case:
    plain, split = plants.table(rng, 1000), split_of(1000)
    rows = np.arange(1000)
    rows[split.test[:10]] = rng.permutation(split.train)[:10]
    return make_case(plain.rows(rows).columns, plain.rows(rows).classes)


def copy_of_the_target(rng: Rng) -> Case:
    plain = plants.table(rng)
    leak = np.where(rng.random(500) < 0.03, 1 - plain.classes, plain.classes).astype(str).astype(object)
    return make_case({**plain.columns, "leak": leak}, plain.classes, decoded=np.eye(2)[plain.classes] * 0.9 + 0.05)


def names_that_tell(rng: Rng) -> Case:
    plain = plants.table(rng)
    names = [("cat" if k else "dog") + str(row) for row, k in enumerate(plain.classes)]
    return make_case(plain.columns, plain.classes, ignored={"file": names})


def codes_as_feature(rng: Rng) -> Case:
    plain = plants.table(rng)
    return make_case({**plain.columns, "code": np.array([f"q{k}" for k in range(500)], dtype=object)}, plain.classes)


def groups(rng: Rng) -> Case:
    plain, who = plants.table(rng, 600), rng.permutation(600) // 5
    classes = np.where(rng.random(600) < 0.85, rng.integers(0, 2, 120)[who], rng.integers(0, 2, 600))
    return make_case({**plain.columns, "who": np.array([f"p{k}" for k in who], dtype=object)}, classes)


def drift(rng: Rng) -> Case:
    plain, at = plants.table(rng, 1000), np.linspace(0, 1, 1000)
    when = pl.Series([datetime(2024, 1, 1) + timedelta(hours=8000 * float(x)) for x in at])
    return make_case({**plain.columns, "when": when}, (rng.random(1000) < 0.1 + 0.8 * at).astype(int))


def far_values(rng: Rng) -> Case:
    plain = plants.table(rng, 1000)
    plain.columns["plain"][:5] = 10 + 180 * rng.choice([-1, 1], 5)
    return make_case(plain.columns, plain.classes)


def neglected_class(rng: Rng) -> Case:
    classes = (rng.random(3000) < 0.1).astype(int)
    said = np.where(classes == 1, rng.random(3000) < 0.35, rng.random(3000) > 0.95).astype(int)
    return make_case({"x": rng.normal(size=3000)}, classes, decoded=np.eye(2)[said])


def dark(rng: Rng) -> Case:
    plain = plants.drawings(rng, 500)
    plain.columns["drawn"][:10] = (plain.columns["drawn"][:10].float() * 0.1).to(torch.uint8)
    return make_case(plain.columns, plain.classes)


def one_colour(rng: Rng) -> Case:
    plain = plants.drawings(rng, 500)
    plain.columns["drawn"][:10] = 90
    return make_case(plain.columns, plain.classes)


def blurred(rng: Rng) -> Case:
    plain = plants.drawings(rng, 500)
    soft = [gaussian_filter(one[0].numpy().astype(float), 3) for one in plain.columns["drawn"][:15]]
    plain.columns["drawn"][:15] = torch.from_numpy(np.array(soft))[:, None].to(torch.uint8)
    return make_case(plain.columns, plain.classes)


def slips(rng: Rng) -> Case:
    plain = plants.table(rng)
    for row in range(10):
        word = plain.columns["work"][row]
        plain.columns["work"][row] = (word[:2] + word[3:], word.upper(), word + " ", word[:3] + "x" + word[3:])[row % 4]
    return make_case(plain.columns, plain.classes)


def other_unit(rng: Rng) -> Case:
    plain, size = plants.table(rng), np.exp(4 + rng.normal(size=500) * np.log(10) / 9)
    size[:15] *= 10
    return make_case({**plain.columns, "size": size}, plain.classes)


def fahrenheit(rng: Rng) -> Case:
    plain, warm = plants.table(rng), rng.normal(37, 0.5, 500)
    warm[:15] = warm[:15] * 1.8 + 32
    return make_case({**plain.columns, "warm": warm}, plain.classes)


def read_in_another_encoding(rng: Rng) -> Case:
    plain = plants.writings(rng, 500)
    for row in range(5):
        plain.columns["said"][row] = ("é " + plain.columns["said"][row]).encode().decode("cp1252")
    return make_case(plain.columns, plain.classes)


def wrong_labels(rng: Rng) -> Case:
    plain = plants.table(rng, 1000)
    wrong = rng.random(1000) < 0.12
    said = np.clip(np.eye(2)[plain.classes] * 0.9 + 0.05 + rng.normal(0, 0.02, (1000, 1)) * [1, -1], 0.001, 0.999)
    return make_case(plain.columns, np.where(wrong, 1 - plain.classes, plain.classes), decoded=said)


def sealed_rows_labelled_otherwise(rng: Rng) -> Case:
    plain = plants.table(rng, 2500)
    wrong = rng.random(2500) < np.where(np.isin(np.arange(2500), split_of(2500).test), 0.16, 0.0)
    said = np.where(rng.random((2500, 1)) < 0.9, plain.classes[:, None], 1 - plain.classes[:, None]) == np.arange(2)
    return make_case(plain.columns, np.where(wrong, 1 - plain.classes, plain.classes), decoded=0.8 * said + 0.1)


PLANTED = (
    (dq.missing_values, missing), (dq.missing_patterns, missing_by_class), (dq.exact_duplicates, copied_rows),
    (dq.exact_duplicates, copied_drawings), (dq.near_duplicates, nearly_copied_rows),
    (dq.near_duplicates, nearly_copied_writings), (dq.near_duplicates, dimmed_copies),
    (dq.conflicting_labels, contradictions), (dq.train_test_overlap, sealed_rows_from_training),
    (dq.leaking_columns, copy_of_the_target), (dq.ignored_columns, names_that_tell), (dq.identifiers, codes_as_feature),
    (dq.groups_across_parts, groups), (dq.time_across_parts, drift), (dq.outliers, far_values),
    (dq.imbalance, neglected_class), (dq.dark_pictures, dark), (dq.uniform_pictures, one_colour),
    (dq.blurred_pictures, blurred), (dq.misspelt_categories, slips), (dq.unit_mixups, other_unit),
    (dq.unit_mixups, fahrenheit), (dq.broken_encodings, read_in_another_encoding), (dq.label_errors, wrong_labels),
    (dq.scores_across_parts, sealed_rows_labelled_otherwise),
)  # fmt: skip


@pytest.mark.parametrize(("check", "plant"), PLANTED, ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_planted_is_found(check: Question, plant: Callable[[Rng], Case]) -> None:
    verdicts = [check(plant(np.random.default_rng(seed))).verdict for seed in range(SEEDS)]
    assert sum(verdict in ("warn", "fail") for verdict in verdicts) >= SEEDS - 1, verdicts


@pytest.mark.parametrize(
    ("check", "plant", "rows"),
    [
        (dq.dark_pictures, dark, 10),
        (dq.misspelt_categories, slips, 10),
        (dq.broken_encodings, read_in_another_encoding, 5),
        (dq.outliers, far_values, 5),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_the_planted_rows_are_listed_and_no_others(check: Question, plant: Callable[[Rng], Case], rows: int) -> None:
    assert set(check(plant(np.random.default_rng(0))).suspects.rows) == set(range(rows))
