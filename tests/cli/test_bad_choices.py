"""Optimisers, schedules, activations that do not exist, and settings that contradict each other: one line, exit 2."""

from __future__ import annotations

import pytest

from cli.running import left, refused, run, table

UNKNOWN = {
    "optimizer=sdg": "Did you mean 'sgd'",
    "optimizer=adamv": "Did you mean 'adam",
    "optimizer=lion": "There is: adamw, adam, sgd",
    "optimizer=sgd(momentun=0.8)": "Did you mean 'momentum'",
    "optimizer=adamw(momentum=0.8)": "There is: beta1, beta2, epsilon",
    "optimizer=sgd(momentum=fast)": "expected a number, got 'fast'",
    "optimizer=sgd(momentum=1.5)": "'momentum' is out of range",
    "optimizer=sgd(nesterov=perhaps)": "true or false",
    "optimizer=sgd(momentum": "such as sgd(momentum=0.8)",
    "optimizer=": "such as sgd(momentum=0.8)",
    "schedule=cosin": "Did you mean 'cosine'",
    "schedule=step(evry=0.2)": "Did you mean 'every'",
    "schedule=plateau(patience=1.5)": "a whole number",
    "schedule=constant(factor=2)": "constant has none",
    "activation=rellu": "Did you mean 'relu'",
    "activation=leaky_relu(slop=0.1)": "Did you mean 'slope'",
    "learning_rate=fast": "a number",
    "learning_rate=-1": "out of range",
    "precision=bf16": "Did you mean 'bfloat16'",
    "precision=float16": "float16 needs an accelerator",
    "compile=yes": "There is: off, on, auto",
    "accumulation=0": "out of range",
    "swa=1": "out of range",
    "recompute=maybe": "true or false",
    "optimiser=sgd": "Did you mean 'optimizer'",
}
TOGETHER = {
    ("optimizer=schedule_free", "swa=0.2"): "schedule_free averages by itself",
    ("optimizer=schedule_free", "schedule=plateau"): "schedule_free needs no plateau",
    ("optimizer=sgd(momentum=0)",): "Nesterov needs momentum",
    ("accumulation=64", "batch_size=32"): "a batch has fewer rows than parts",
    ("compile=on", "recompute=true"): "what is compiled is not computed twice",
    ("folds=1",): "one fold leaves no rows",
    ("folds=3", "networks=2"): "'folds' trains one network for each fold",
}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "a.csv")


@pytest.mark.parametrize("setting", UNKNOWN)
def test_what_does_not_exist_is_refused_with_what_does(capsys, tmp_path, setting) -> None:
    ran = run(capsys, "fit", "a.csv", "--target", "y", "--device", "cpu", "--set", setting, "-q")
    assert UNKNOWN[setting] in refused(ran, "V100")
    assert left(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("settings", TOGETHER, ids=" ".join)
def test_what_contradicts_itself_is_refused_with_a_way_out(capsys, tmp_path, settings) -> None:
    options = [word for setting in settings for word in ("--set", setting)]
    said = refused(run(capsys, "fit", "a.csv", "--target", "y", *options, "-q"), "V100")
    assert TOGETHER[settings] in said
    assert "these settings do not go together" in said
    assert left(tmp_path) == ["a.csv"]
