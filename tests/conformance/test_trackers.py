"""Every tracker in ALL writes what its own tool reads back; one without a reader fails."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from vouch.contracts.finding import Estimate
from vouch.contracts.tracking import Opening, Tracker
from vouch.errors import OutputError, UsageError
from vouch.trackers import ALL, JsonLines, MLflow, TensorBoard, tracker_of

OPENING = Opening(
    "churn", "/somewhere/it's churn.vouch", {"epochs": 3, "optimizer": "sgd", "optimizer.momentum": 0.8, "augment": ""},
    {"task": "binary", "target": "Churn", "train": 60},
)  # fmt: skip
METRICS = {
    "sealed": [Estimate("accuracy", 0.9, 0.85, 0.94, 200), Estimate("recall[>50K, or so]", 0.5, 0.25, 0.75, 20)],
    "out_of_fold": [Estimate("accuracy", 0.875, 0.8, 0.9, 600)],
}
LOSSES = {1: 0.75, 2: 0.5, 3: 0.25}


@dataclass
class Read:
    """What stands in one run."""

    recipe: dict[str, str] = field(default_factory=dict)
    curves: dict[str, dict[int, float]] = field(default_factory=dict)
    runs: int = 0


def read_jsonl(place: Path) -> Read:
    lines = [json.loads(line) for line in place.read_text().splitlines()]
    own = [line for line in lines if line["run"] == lines[-1]["run"]]
    begun = next(line for line in own if line["event"] == "begin")
    found = Read({key: str(value) for key, value in begun["recipe"].items()}, runs=len({x["run"] for x in lines}))
    for line in own:
        if line["event"] == "epoch":
            for name in line.keys() - {"run", "event", "epoch"}:
                found.curves.setdefault(name, {})[line["epoch"]] = line[name]
        if line["event"] == "end":
            for part, metrics in line["metrics"].items():
                for name, ends in metrics.items():
                    for end in ("value", "low", "high"):
                        found.curves[f"{part} {name} {end}"] = {3: ends[end]}
    return found


def read_tensorboard(place: Path) -> Read:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    inside = sorted((one for one in place.iterdir() if one.is_dir()), key=lambda one: int(one.name))
    events = EventAccumulator(str(inside[-1] if inside else place))
    events.Reload()
    found = Read(runs=1 + len(inside))
    data = HParamsPluginData.FromString(events.PluginTagToContent("hparams")["_hparams_/session_start_info"])
    for name, value in data.session_start_info.hparams.items():
        kind = value.WhichOneof("kind")
        found.recipe[name] = str(getattr(value, kind))
    endings = {"low": "low", "high": "high"}
    for tag in events.Tags()["scalars"]:
        points = {one.step: one.value for one in events.Scalars(tag)}
        part, _, rest = tag.partition("/")
        name, _, end = rest.partition("/")
        found.curves[f"{part} {name} {endings.get(end, 'value')}" if rest else tag] = points
    return found


def read_mlflow(place: Path) -> Read:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=f"sqlite:///{place / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("vouch")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
        run = runs[-1]
        found = Read(dict(run.data.params), runs=len(runs))
        assert run.info.status == "FINISHED"
        for key in run.data.metrics:
            points = {one.step: one.value for one in client.get_metric_history(run.info.run_id, key)}
            part, _, rest = key.partition("/")
            stem, _, end = rest.rpartition("_")
            name = f"{part} {stem} {end}" if end in ("low", "high") else f"{part} {rest} value"
            found.curves[name if rest else key] = points
    return found


READERS: dict[Any, tuple[str, Callable[[Path], Read]]] = {
    JsonLines: ("runs.jsonl", read_jsonl),
    MLflow: ("runs", read_mlflow),
    TensorBoard: ("runs", read_tensorboard),
}
KINDS = [pytest.param(kind, id=kind.__name__) for kind in ALL]


def place_of(kind: Any, tmp_path: Path) -> Path:
    if kind.extra:
        pytest.importorskip("mlflow" if kind is MLflow else "tensorboard", reason="the extra 'track' is not installed")
    return tmp_path / READERS[kind][0]


def logged(kind: Any, place: Path, opening: Opening, epochs: tuple[int, ...], done: bool = True) -> Tracker:
    """One run, or the part of it that is done before it is interrupted."""
    tracker = kind(str(place))
    tracker.check()
    tracker.begin(opening)
    for epoch in epochs:
        tracker.epoch(epoch, {"loss": LOSSES[epoch], "learning_rate": 0.125})
    if done:
        tracker.end(METRICS)
    tracker.close(done)
    return tracker


@pytest.mark.parametrize("kind", KINDS)
def test_every_tracker_has_a_reader_and_a_scheme_of_its_own(kind: Any) -> None:
    assert kind in READERS, f"{kind.__name__} is in ALL: give it a reader in tests/conformance/test_trackers.py."
    assert [one.scheme for one in ALL].count(kind.scheme) == 1
    assert isinstance(tracker_of(f"{kind.scheme}:somewhere"), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_its_tool_reads_back_recipe_curves_and_figures_with_intervals(kind: Any, tmp_path: Path) -> None:
    place = place_of(kind, tmp_path)
    logged(kind, place, OPENING, (1, 2, 3))
    found = READERS[kind][1](place)
    assert found.recipe["epochs"].partition(".")[0] == "3"
    assert found.recipe["optimizer"] == "sgd"
    assert float(found.recipe["optimizer.momentum"]) == pytest.approx(0.8)
    assert found.curves["loss"] == LOSSES
    assert found.curves["learning_rate"] == dict.fromkeys(LOSSES, 0.125)
    for name, value in (("value", 0.9), ("low", 0.85), ("high", 0.94)):
        assert found.curves[f"sealed accuracy {name}"] == {3: pytest.approx(value)}
    assert found.curves["out_of_fold accuracy value"] == {3: pytest.approx(0.875)}
    of_class = [curve for name, curve in found.curves.items() if "recall" in name and "50K" in name]
    assert sorted(curve[3] for curve in of_class) == [0.25, 0.5, 0.75]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_goes_on_is_appended_and_its_later_epochs_count(kind: Any, tmp_path: Path) -> None:
    place = place_of(kind, tmp_path)
    tracker = kind(str(place))
    tracker.check()
    tracker.begin(OPENING)
    tracker.epoch(1, {"loss": LOSSES[1]})
    tracker.epoch(2, {"loss": 99.0})
    tracker.close(False)
    logged(kind, place, replace(OPENING, resumed=True), (2, 3))
    found = READERS[kind][1](place)
    assert found.runs == 1
    assert found.curves["loss"] == LOSSES
    assert found.recipe["optimizer"] == "sgd"


@pytest.mark.parametrize("kind", KINDS)
def test_another_run_in_the_same_place_does_not_mix_with_the_first(kind: Any, tmp_path: Path) -> None:
    place = place_of(kind, tmp_path)
    logged(kind, place, OPENING, (1, 2, 3))
    logged(kind, place, replace(OPENING, run="/elsewhere/b.vouch", recipe={"epochs": 2, "optimizer": "adam"}), (1, 2))
    found = READERS[kind][1](place)
    assert found.runs == 2
    assert found.recipe["optimizer"] == "adam"
    assert found.curves["loss"].keys() == {1, 2}
    # A run that goes on without an earlier one of its own is a new one.
    logged(kind, tmp_path / f"fresh-{READERS[kind][0]}", replace(OPENING, resumed=True), (1, 2, 3))
    assert READERS[kind][1](tmp_path / f"fresh-{READERS[kind][0]}").curves["loss"] == LOSSES


@pytest.mark.parametrize("kind", KINDS)
def test_checking_a_place_leaves_nothing_there(kind: Any, tmp_path: Path) -> None:
    kind(str(place_of(kind, tmp_path))).check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_that_cannot_be_written_is_refused_at_once(kind: Any, tmp_path: Path) -> None:
    place_of(kind, tmp_path)
    (tmp_path / "file").write_text("a,b\n1,2\n")
    with pytest.raises(OutputError):
        kind(str(tmp_path / "file" / "inside")).check()
    assert (tmp_path / "file").read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind.extra], ids=lambda kind: kind.__name__)
def test_what_is_not_installed_is_named_with_its_extra(kind: Any, tmp_path: Path, monkeypatch: Any) -> None:
    module = kind.__module__
    monkeypatch.setattr(f"{module}.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"not installed.*the extra 'track'.*deepvouch\[track\]"):
        kind(str(tmp_path / "runs")).check()


def test_a_scheme_that_is_unknown_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="Did you mean 'tensorboard'"):
        tracker_of("tensorbord:runs")
    with pytest.raises(UsageError, match="There is: jsonl, mlflow, tensorboard"):
        tracker_of("wandb:runs")
    for text in ("jsonl:", "jsonl", "mlflow: "):
        with pytest.raises(UsageError, match="has no place to log to"):
            tracker_of(text)
