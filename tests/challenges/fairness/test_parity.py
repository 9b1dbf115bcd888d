from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from fairlearn import metrics as fair
from sklearn.metrics import accuracy_score, precision_score, recall_score

from challenges.fairness.fakes import FakeCase, called, case_of, grouped_together, lots
from vouch.challenges.fairness.groups import groupings
from vouch.challenges.fairness.measured import criterion, gap_of, measured
from vouch.challenges.fairness.parity import demographic_parity, equalized_odds, predictive_parity
from vouch.challenges.fairness.worst import error_parity
from vouch.contracts.finding import Check, Estimate, Table


def two_classes(n: int = 3000, seed: int = 0) -> FakeCase:
    """Groups of different size that are called, found and believed differently."""
    rng = np.random.default_rng(seed)
    who = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    truth = lots(rng, np.where(who == "a", 0.6, 0.4), n).astype(np.int64)
    say = np.where(truth == 1, np.where(who == "c", 0.6, 0.8), np.where(who == "b", 0.35, 0.2))
    return case_of("binary", called(lots(rng, say, n)), truth, {"who": who}, ("who",))


def named(check: Check, name: str) -> Estimate:
    return next(one for one in check.estimates if one.name == name)


def table(check: Check, title: str) -> Table:
    return next(one for one in check.tables if one.title.startswith(title))


def test_figures_are_those_of_fairlearn() -> None:
    case = two_classes()
    said, who = case.decoded.argmax(axis=1), case.dataset.frame["who"].to_numpy()
    asked = (case.true, said)
    parity, odds, belief = demographic_parity(case), equalized_odds(case), predictive_parity(case)
    pairs = [
        (parity.estimates[0], fair.demographic_parity_difference(*asked, sensitive_features=who)),
        (named(parity, "demographic_parity_ratio"), fair.demographic_parity_ratio(*asked, sensitive_features=who)),
        (odds.estimates[0], fair.equalized_odds_difference(*asked, sensitive_features=who)),
        (named(odds, "equalized_odds_ratio"), fair.equalized_odds_ratio(*asked, sensitive_features=who)),
        (
            named(odds, "equal_opportunity_difference"),
            fair.MetricFrame(metrics=recall_score, y_true=case.true, y_pred=said, sensitive_features=who).difference(),
        ),
        (
            belief.estimates[0],
            fair.MetricFrame(
                metrics=precision_score, y_true=case.true, y_pred=said, sensitive_features=who
            ).difference(),
        ),
    ]
    for own, other in pairs:
        assert own.value == pytest.approx(other), own.name
        assert own.low <= own.value <= own.high


@pytest.mark.parametrize("classes", [3, 5])
def test_of_more_classes_each_is_one_against_the_rest(classes: int) -> None:
    rng = np.random.default_rng(1)
    n, who = 4000, rng.choice(["a", "b"], 4000)
    truth = rng.integers(0, classes, n)
    said = np.where(lots(rng, np.where(who == "a", 0.9, 0.7), n), truth, rng.integers(0, classes, n))
    case = case_of("multiclass", called(said, classes), truth, {"who": who}, ("who",))
    each = [
        (
            fair.demographic_parity_difference(truth == k, said == k, sensitive_features=who),
            fair.equalized_odds_difference(truth == k, said == k, sensitive_features=who),
            fair.MetricFrame(
                metrics=precision_score, y_true=truth == k, y_pred=said == k, sensitive_features=who
            ).difference(),
        )
        for k in range(classes)
    ]
    found = [check(case).estimates[0].value for check in (demographic_parity, equalized_odds, predictive_parity)]
    assert found == pytest.approx(np.max(each, axis=0).tolist())


def test_every_figure_of_every_intersection_is_that_of_fairlearn() -> None:
    rng = np.random.default_rng(2)
    case = two_classes(4000)
    other = rng.choice(["x", "y"], 4000)
    who = case.dataset.frame["who"].to_list()
    case = case_of("binary", case.decoded, case.true, {"who": who, "other": other}, ("who", "other"))
    said = case.decoded.argmax(axis=1)
    frame = fair.MetricFrame(
        metrics={
            "selection rate": fair.selection_rate, "true positive rate": fair.true_positive_rate,
            "false positive rate": fair.false_positive_rate, "precision": partial(precision_score, zero_division=0),
            "error rate": lambda truth, prediction: 1 - accuracy_score(truth, prediction),
            "base rate": lambda truth, prediction: float(np.mean(truth + 0 * prediction)),
        },
        y_true=case.true, y_pred=said, sensitive_features={"who": who, "other": other},
    )  # fmt: skip
    glance = table(demographic_parity(case), "Every group at a glance")
    for (one, two), figures in frame.by_group.iterrows():
        row = next(row for row in glance.rows if row[0] == f"who = {one}, other = {two}")
        for head, value in figures.items():
            shown = str(row[glance.columns.index(str(head))])
            assert float(shown.split(" ")[0]) == pytest.approx(float(value), abs=0.006)


def test_quantities_are_told_in_standard_deviations_and_in_their_unit() -> None:
    rng = np.random.default_rng(3)
    who, truth = rng.choice(["a", "b"], 2000), 10 * rng.normal(size=2000)
    case = case_of("regression", truth - 4 * (who == "b"), truth, {"who": who}, ("who",))
    means = [case.decoded[who == one].mean() for one in "ab"]
    parity, leans = demographic_parity(case), predictive_parity(case)
    assert named(parity, "mean_parity_in_units").value == pytest.approx(abs(means[0] - means[1]))
    assert parity.estimates[0].value == pytest.approx(abs(means[0] - means[1]) / truth.std())
    assert named(leans, "residual_parity_in_units").value == pytest.approx(4.0)
    assert equalized_odds(case).verdict == "not applicable"


def test_groups_that_fare_alike_pass_and_those_that_do_not_fail() -> None:
    rng = np.random.default_rng(4)
    who = rng.choice(["a", "b"], 8000)
    truth = lots(rng, 0.5, 8000).astype(np.int64)
    even = lots(rng, np.where(truth == 1, 0.8, 0.2), 8000)
    uneven = lots(rng, np.where(who == "a", 0.7, 0.3), 8000)
    for said, verdict in ((even, "pass"), (uneven, "fail")):
        check = demographic_parity(case_of("binary", called(said), truth, {"who": who}, ("who",)))
        assert check.verdict == verdict
        assert check.threshold is not None


def test_a_gap_in_an_intersection_alone_is_found_and_named() -> None:
    rng = np.random.default_rng(5)
    one, two = rng.choice(["a", "b"], 6000), rng.choice(["x", "y"], 6000)
    said = lots(rng, np.where((one == "a") == (two == "x"), 0.7, 0.3), 6000)
    case = case_of("binary", called(said), said.astype(np.int64), {"one": one, "two": two}, ("one", "two"))
    check = demographic_parity(case)
    assert check.verdict == "fail"
    assert "one = " in check.headline
    assert ", two = " in check.headline
    alone = case_of("binary", called(said), said.astype(np.int64), {"one": one, "two": two}, ("one",))
    assert demographic_parity(alone).verdict == "pass"


def test_the_interval_holds_the_widest_true_gap() -> None:
    held, chance = [], np.array([0.3, 0.3, 0.3, 0.45])
    for seed in range(200):
        rng = np.random.default_rng(seed)
        who = rng.integers(0, 4, 1200)
        said = lots(rng, chance[who], 1200)
        case = case_of("binary", called(said), said.astype(np.int64), {"who": [f"g{k}" for k in who]}, ("who",))
        measure = criterion(case, "demographic_parity")
        assert measure is not None
        gap = gap_of(measured(case, measure, groupings(case)), "gap")
        assert gap is not None
        held.append(gap.estimate.low <= 0.15 <= gap.estimate.high)
    assert np.mean(held) >= 0.93


def test_rows_that_belong_together_widen_the_interval() -> None:
    rng = np.random.default_rng(6)
    home = np.repeat(np.arange(300), 10)
    who = np.where(home % 2 == 0, "a", "b")
    said = np.repeat(lots(rng, 0.5, 300), 10)
    case = case_of("binary", called(said), said.astype(np.int64), {"who": who}, ("who",))
    alone, together = demographic_parity(case), demographic_parity(grouped_together(case, home))
    assert together.estimates[0].high > alone.estimates[0].high + 0.02
    assert together.verdict in ("inconclusive", "pass")


def test_a_group_in_which_few_rows_count_is_listed_and_not_held_against_others() -> None:
    rng = np.random.default_rng(7)
    who = np.array(["a"] * 1000 + ["b"] * 1000 + ["c"] * 60)
    truth = np.where(who == "c", np.arange(2060) % 10 == 0, lots(rng, 0.5, 2060)).astype(np.int64)
    said = np.where(who == "c", False, truth == 1)
    check = equalized_odds(case_of("binary", called(said), truth, {"who": who}, ("who",)))
    assert named(check, "equal_opportunity_difference").value == 0.0
    rows = [row for row in table(check, "Every group").rows if row[0] == "who = c"]
    assert any(row[3] == "too few" for row in rows)
    assert "“who = c”" in check.reason


def test_groups_of_three_people_are_taken_together_and_named() -> None:
    rng = np.random.default_rng(8)
    who = np.array(["a"] * 500 + ["b"] * 500 + ["c"] * 3 + ["d"] * 3)
    said = lots(rng, 0.5, 1006)
    case = case_of("binary", called(said), said.astype(np.int64), {"who": who}, ("who",))
    assert groupings(case)[0].pooled
    small = table(demographic_parity(case), "Groups of too few sealed rows")
    assert {row[1] for row in small.rows} == {"who = c", "who = d"}


def test_missing_values_are_a_group_of_their_own() -> None:
    who: list[str | None] = ["a"] * 500 + [None] * 500
    said = np.array([True] * 450 + [False] * 550)
    check = demographic_parity(case_of("binary", called(said), said.astype(np.int64), {"who": who}, ("who",)))
    assert check.verdict == "fail"
    assert "who = missing" in check.headline


def test_base_rates_that_differ_are_said_to_exclude_criteria() -> None:
    case = two_classes()
    check = predictive_parity(case)
    assert "base rates of groups differ by" in check.reason
    assert "Chouldechova, 2017" in check.reason
    rows = table(check, "What cannot hold at once here").rows
    assert ("predictive parity", "equalized odds") in {row[:2] for row in rows}
    assert "excludes equalized odds" in equalized_odds(case).reason


def test_equal_base_rates_exclude_nothing() -> None:
    rng = np.random.default_rng(9)
    who, truth = rng.choice(["a", "b"], 4000), lots(rng, 0.5, 4000).astype(np.int64)
    check = predictive_parity(case_of("binary", called(truth), truth, {"who": who}, ("who",)))
    assert "no criterion is known to exclude another" in check.reason
    assert not [one for one in check.tables if one.title.startswith("What cannot")]


@pytest.mark.parametrize("check", [demographic_parity, equalized_odds, predictive_parity, error_parity])
def test_nothing_is_asked_where_no_sensitive_column_is_named(check) -> None:
    case = two_classes()
    bare = case_of("binary", case.decoded, case.true, {"who": case.dataset.frame["who"]})
    assert check(bare).verdict == "not applicable"


@pytest.mark.parametrize("check", [demographic_parity, equalized_odds, predictive_parity, error_parity])
def test_thirty_rows_tell_nothing(check) -> None:
    assert check(two_classes(30)).verdict == "inconclusive"


@pytest.mark.parametrize("check", [demographic_parity, equalized_odds, predictive_parity, error_parity])
def test_words_describe_and_do_not_accuse(check) -> None:
    said = check(two_classes())
    words = f"{said.headline} {said.reason} {said.figures[0].says}".casefold()
    assert not [
        word for word in ("illegal", "law", "discriminat", "intent", "racis", "sexis", "unfair") if word in words
    ]


def test_the_worst_group_is_held_against_all_others() -> None:
    case = two_classes()
    said, who = case.decoded.argmax(axis=1), case.dataset.frame["who"].to_numpy()
    error = fair.MetricFrame(metrics=accuracy_score, y_true=case.true, y_pred=said, sensitive_features=who).by_group
    check = error_parity(case)
    rest = {one: np.mean(said[who != one] != case.true[who != one]) for one in "abc"}
    wide = {one: 1 - error[one] - rest[one] for one in "abc"}
    worst = max(wide, key=lambda one: wide[one])
    assert check.estimates[0].value == pytest.approx(wide[worst])
    assert f"“who = {worst}”" in check.headline
    assert named(check, "worst_group_error").value == pytest.approx(1 - error.min())


def test_the_errors_of_numbers_are_held_against_one_another_as_a_ratio() -> None:
    rng = np.random.default_rng(10)
    who, truth = rng.choice(["a", "b"], 3000), rng.normal(size=3000)
    case = case_of(
        "regression", truth + rng.normal(size=3000) * np.where(who == "b", 2, 1), truth, {"who": who}, ("who",)
    )
    check = error_parity(case)
    errors = np.abs(case.decoded - truth)
    assert check.estimates[0].value == pytest.approx(errors[who == "b"].mean() / errors[who == "a"].mean() - 1)
    assert check.verdict == "fail"
