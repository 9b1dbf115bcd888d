"""``vouch fix`` where groups are compared: the criterion is named at the command line."""

from __future__ import annotations

import json

import pytest

from challenges.fairness.people import people
from cli.running import left, refused, run

QUICK = ("--set", "epochs=4", "--set", "members=2", "--set", "width=16", "--device", "cpu")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    people(800).write_csv(tmp_path / "a.csv")
    assert run(capsys, "fit", "a.csv", "--target", "y", "--sensitive", "sex", "--out", "m.vouch", *QUICK).code == 0


def test_a_misspelt_criterion_is_refused_with_the_nearest_one(capsys, tmp_path):
    before = left(tmp_path)
    line = refused(run(capsys, "fix", "m.vouch", "fairness", "--criterion", "demografic_parity"), "V100")
    assert "Did you mean 'demographic_parity'" in line
    assert left(tmp_path) == before


def test_a_fit_without_a_sensitive_column_says_what_to_do(capsys):
    assert run(capsys, "fit", "a.csv", "--target", "y", "--out", "n.vouch", *QUICK).code == 0
    assert "fit again with --sensitive" in refused(run(capsys, "fix", "n.vouch", "fairness"), "V100")


def test_the_gap_is_proved_and_the_treated_bundle_predicts(capsys, tmp_path):
    ran = run(
        capsys, "fix", "m.vouch", "fairness", "--criterion", "demographic_parity", "--max-loss", "20%",
        "--remedy", "shift_thresholds_by_group", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)["proof"]
    assert found["criterion"] == "demographic_parity_difference"
    assert list(found["differences"]) == ["demographic_parity_difference"]
    assert {"accuracy", "equalized_odds_difference"} <= set(found["price"])
    assert "m-fairness.vouch" in left(tmp_path)
    assert run(capsys, "predict", "m-fairness.vouch", "a.csv", "-o", "out.csv").code == 0
