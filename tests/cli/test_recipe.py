"""``vouch recipe`` lists what there is to choose from, and what it writes can be read again."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from cli.running import QUICK, fitted, run, table
from vouch import load
from vouch.contracts.recipe import CHOICES
from vouch.contracts.schedules import Step

KINDS = [(key, kind()) for key, kinds in CHOICES.items() for kind in kinds]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return table(tmp_path / "a.csv")


def test_below_a_key_stands_one_line_for_each_choice_on_when_to_use_it(capsys, data) -> None:
    lines = run(capsys, "recipe", data, "--target", "y").out.splitlines()
    for key, kinds in CHOICES.items():
        end = next(number for number, line in enumerate(lines) if line.startswith(f"{key} = "))
        shown = lines[end - len(kinds) : end]
        assert shown == [f"#   {one.name}: {one.when}" for one in (kind() for kind in kinds)]
        assert lines[end - len(kinds) - 1].startswith("# ")


def test_json_has_the_choices(capsys, data) -> None:
    told = json.loads(run(capsys, "recipe", data, "--target", "y", "--json").out)
    assert told["choices"].keys() == CHOICES.keys()
    assert told["recipe"]["optimizer"] in told["choices"]["optimizer"]
    for key, one in KINDS:
        assert told["choices"][key][one.name] == one.when


@pytest.mark.parametrize(("key", "one"), KINDS, ids=lambda one: getattr(one, "name", one))
def test_every_choice_can_be_named_and_is_written_as_it_is_read(capsys, data, key, one) -> None:
    out = run(capsys, "recipe", data, "--target", "y", "--set", f"{key}={one.name}").out
    assert tomllib.loads(out)[key] == one.name


def test_a_recipe_with_settings_of_a_choice_can_be_read_again(capsys, data, tmp_path) -> None:
    settings = ("--set", "optimizer=sgd(momentum=0.8, nesterov=false)", "--set", "schedule=step(every=0.25)")
    out = run(capsys, "recipe", data, "--target", "y", *settings).out
    assert tomllib.loads(out)["optimizer"] == {"name": "sgd", "momentum": 0.8, "nesterov": False}
    (tmp_path / "a.toml").write_text(out)
    fitted(run(capsys, "fit", data, "--target", "y", "--recipe", "a.toml", *QUICK, "-q"), tmp_path / "a.vouch")
    bundle = load(tmp_path / "a.vouch")
    assert (bundle.recipe.optimizer.name, bundle.recipe.schedule) == ("sgd", Step(every=0.25))
    assert getattr(bundle.recipe.optimizer, "momentum", None) == 0.8
