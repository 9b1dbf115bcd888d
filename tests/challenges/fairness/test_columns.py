from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from challenges.fairness.fakes import FakeCase, called, case_of
from vouch.challenges.fairness.columns import by_name, sensitive_columns, tells


def case(columns: dict[str, list[str]], sensitive: tuple[str, ...] = ()) -> FakeCase:
    n = len(next(iter(columns.values())))
    return case_of("binary", called(np.zeros(n)), np.zeros(n, np.int64), columns, sensitive)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("sex", "sex or gender"), ("Gender", "sex or gender"), ("applicant_sex", "sex or gender"),
        ("Geschlecht", "sex or gender"), ("género", "sex or gender"), ("race", "race or ethnicity"),
        ("skin-colour", "race or ethnicity"), ("AGE", "age"), ("customerAge", "age"), ("age_group", "age"),
        ("SeniorCitizen", "age"), ("dateOfBirth", "age"), ("birthdate", "age"), ("religião", "religion or belief"),
        ("native-country", "nationality or origin"), ("Staatsangehörigkeit", "nationality or origin"),
        ("is_disabled", "disability"), ("MaritalStatus", "family"), ("maritalstatus", "family"),
        ("Pregnancies", "family"), ("état civil", "family"), ("burgerlijke staat", "family"),
        ("sexual_orientation", "sexual orientation"),
    ],
)  # fmt: skip
def test_a_name_that_tells_of_people_is_known(name: str, what: str) -> None:
    assert by_name(name) == what


@pytest.mark.parametrize(
    "name",
    ["amount", "house_age", "housing_median_age", "message", "average", "stage", "Sussex", "trace", "embrace", "x"],
)
def test_a_name_that_only_looks_alike_is_not(name: str) -> None:
    assert by_name(name) == ""


@pytest.mark.parametrize("values", [["Male", "Female"], ["m", "f", None], ["männlich", "weiblich", "divers"]])
def test_values_of_sex_are_known_under_any_name(values: list[str | None]) -> None:
    assert tells(pl.Series("v7", values)) == "sex or gender"
    assert tells(pl.Series("v7", ["m", "s", "l"])) == ""


def test_writings_and_bytes_are_no_groups() -> None:
    assert tells(pl.Series("sex", [f"a long story {i}" for i in range(300)])) == ""
    assert tells(pl.Series("sex", [b"picture"])) == ""


def test_columns_that_were_not_named_are_suggested() -> None:
    cells = {"sex": ["a", "b"] * 30, "race": ["c", "d"] * 30, "colour": ["red", "blue"] * 30}
    check = sensitive_columns(case(cells, ("sex",)))
    assert check.verdict == "warn"
    assert "“race” (race or ethnicity)" in check.headline
    assert [row[0] for row in check.tables[0].rows] == ["race"]
    assert check.estimates[0].value == 0.5


def test_nothing_is_suggested_where_all_are_named_or_there_are_none() -> None:
    assert sensitive_columns(case({"sex": ["a", "b"] * 30}, ("sex",))).verdict == "pass"
    check = sensitive_columns(case({"colour": ["a", "b"] * 30}))
    assert check.verdict == "pass"
    assert check.headline.startswith("None of 1 column ")


def test_the_target_is_not_suggested() -> None:
    made = case({"colour": ["a", "b"] * 30})
    frame = made.dataset.frame.rename({"target": "sex"})
    columns = tuple(replace(one, name="sex") if one.role == "target" else one for one in made.bundle.schema.columns)
    made.bundle.schema = replace(made.bundle.schema, columns=columns)
    assert sensitive_columns(replace(made, dataset=replace(made.dataset, frame=frame))).verdict == "pass"
