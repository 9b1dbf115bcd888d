"""What the user may say when fitting; the same names at the command line and in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from vouch.contracts.bundle import BundleValue
from vouch.contracts.case import Challenge
from vouch.contracts.pretrained import Pretrained
from vouch.contracts.roles import Progress


class FitOptions(TypedDict, total=False):
    """Options of ``fit``; each may be left out.

    Args:
        task: binary, multiclass, multilabel or regression, when it is not to be inferred.
        out: the folder to write; none keeps the bundle in memory.
        test: data to be sealed for the final figures, instead of rows drawn from the data.
        group: the column that says which rows belong together.
        time: the column that orders the rows; the latest are for testing.
        sensitive: columns by which harm is to be measured later.
        types: kind of a column, by its name.
        drop: columns to leave out.
        columns: names for data that has no header.
        budget: time to spend, in seconds or as "5m".
        recipe: settings by key, a TOML or JSON file, or a bundle whose recipe to use.
        settings: recipe keys and values that override the recipe.
        seed: fixes everything that is drawn at random.
        folds: train one network for each of so many folds, and predict the rows that are not sealed out of fold.
        ensemble: train so many networks, each with a seed of its own, and average their answers.
        start: a bundle whose encoders and weights to start from, trained with or without labels.
        backbone: a checkpoint to start from: a folder with safetensors, or a name that the cache or the network knows.
        unlabelled: data without the target, which a second network learns from as well, where the first one is sure.
        proof: whether to prove what starting from other weights was worth, by a second training from random ones.
        resume: go on from the checkpoint that a killed run left beside ``out``.
        workers: processes on this machine that train one network together; the data must be on disk.
        cluster: address of a Ray cluster whose machines they run on, instead of this one.
        log: places where the run is logged as well: "tensorboard:DIR", "mlflow:URI" or a folder, "jsonl:FILE".
        fewest_rows: rows below which there is nothing to measure.
        device: where to compute: "auto", "cpu", "cuda" or "mps".
        progress: told how far the run is.
    """

    task: str | None
    out: str | Path | None
    test: object
    group: str | None
    time: str | None
    sensitive: Sequence[str]
    types: Mapping[str, str]
    drop: Sequence[str]
    columns: Sequence[str] | None
    budget: str | float | None
    recipe: Mapping[str, object] | str | Path | None
    settings: Mapping[str, object]
    seed: int | None
    folds: int | None
    ensemble: int | None
    start: str | Path | BundleValue | Pretrained | None
    backbone: str | Path | None
    unlabelled: object
    proof: bool
    resume: bool
    workers: int | None
    cluster: str | None
    log: str | Sequence[str]
    fewest_rows: int
    device: str
    progress: Progress


class TuneOptions(TypedDict, total=False):
    """Options of ``tune``; each may be left out. Those that ``fit`` has as well mean the same.

    Args:
        task: binary, multiclass, multilabel or regression, when it is not to be inferred.
        out: the folder to write; none keeps the bundle, and the search, in memory.
        test: data to be sealed for the proof, instead of rows drawn from the data.
        group: the column that says which rows belong together.
        time: the column that orders the rows; the latest are for testing.
        sensitive: columns by which harm is to be measured later.
        types: kind of a column, by its name.
        drop: columns to leave out.
        columns: names for data that has no header.
        budget: time for all of it, in seconds or as "20m"; ten minutes when neither this nor ``trials`` is given.
        trials: how many recipes to try, the default among them; an unfinished search is counted in.
        recipe: settings by key, a TOML or JSON file, or a bundle whose recipe to start from.
        settings: recipe keys and values that are fixed, so that they are not searched.
        seed: fixes everything that is drawn at random.
        storage: URL of a storage for the search, ``sqlite:///FILE`` or ``postgresql://USER@HOST/DATABASE``; a file
            beside ``out`` when not given.
        resume: go on with the search in the storage.
        workers: processes that search side by side, over the same storage.
        cluster: address of a Ray cluster on whose machines all but one of them run.
        device: where to compute: "auto", "cpu", "cuda" or "mps".
        progress: told how far the search is.
    """

    task: str | None
    out: str | Path | None
    test: object
    group: str | None
    time: str | None
    sensitive: Sequence[str]
    types: Mapping[str, str]
    drop: Sequence[str]
    columns: Sequence[str] | None
    budget: str | float | None
    trials: int | None
    recipe: Mapping[str, object] | str | Path | None
    settings: Mapping[str, object]
    seed: int | None
    storage: str | None
    resume: bool
    workers: int
    cluster: str | None
    device: str
    progress: Progress


class PretrainOptions(TypedDict, total=False):
    """Options of ``pretrain``; each may be left out.

    Args:
        out: the folder to write; none keeps what was learned in memory.
        types: kind of a column, by its name.
        drop: columns to leave out, such as a target that is there.
        columns: names for data that has no header.
        budget: time to spend, in seconds or as "5m".
        recipe: settings by key, a TOML or JSON file, or a bundle whose recipe to use.
        settings: recipe keys and values that override the recipe.
        seed: fixes everything that is drawn at random.
        resume: go on from the checkpoint that a killed run left beside ``out``.
        device: where to compute: "auto", "cpu", "cuda" or "mps".
        progress: told how far the run is.
    """

    out: str | Path | None
    types: Mapping[str, str]
    drop: Sequence[str]
    columns: Sequence[str] | None
    budget: str | float | None
    recipe: Mapping[str, object] | str | Path | None
    settings: Mapping[str, object]
    seed: int | None
    resume: bool
    device: str
    progress: Progress


class AuditOptions(TypedDict, total=False):
    """Options of ``audit``; each may be left out.

    Args:
        data: the data that the bundle was fitted on, when it is not where it was.
        test: the test data that was given to ``fit``, when it is not where it was.
        only: names of the challenges to ask.
        challenges: challenges from outside the package, asked after the others.
        budget: time to spend, in seconds or as "5m".
        thresholds: levels by challenge, check and "warn" or "fail", or a TOML file of them.
        device: where to compute: "auto", "cpu", "cuda" or "mps".
        progress: told how far the audit is.
    """

    data: object
    test: object
    only: Sequence[str]
    challenges: Sequence[Challenge]
    budget: str | float | None
    thresholds: Mapping[str, Mapping[str, Mapping[str, float]]] | str | Path | None
    device: str
    progress: Progress


class FixOptions(TypedDict, total=False):
    """Options of ``fix``; each may be left out.

    Args:
        data: the data that the bundle was fitted on, when it is not where it was.
        test: the test data that was given to ``fit``, when it is not where it was.
        out: the folder for the treated bundle; none keeps it in memory.
        remedy: the one remedy to try, instead of all that suit.
        criterion: the metric that decides; each challenge has its own default.
        max_loss: what a remedy may cost of the main metric on rows that are not sealed, as 0.02 or "2%": points of a
            share such as accuracy or ROC-AUC, and a share of any other metric, such as the RMSE.
        seeds: paired trainings for the proof, at least 3; as many as are affordable, up to 30, when not given.
        challenges: challenges from outside the package whose remedies may be named.
        budget: time to spend, in seconds or as "5m".
        device: where to compute: "auto", "cpu", "cuda" or "mps".
        progress: told how far the run is.
    """

    data: object
    test: object
    out: str | Path | None
    remedy: str | None
    criterion: str | None
    max_loss: float | str | None
    seeds: int | None
    challenges: Sequence[Challenge]
    budget: str | float | None
    device: str
    progress: Progress


class ExplainOptions(TypedDict, total=False):
    """Options of ``explain``; each may be left out.

    Args:
        rows: numbers and slices of rows, from 0, such as "0:10" or "3,7"; the first ten when not given.
        method: name of an explainer; when not given the one that an audit found truest; without an
            audit "shapley", or "integrated_gradients" where a row has very many parts inside texts and pictures.
        output: the class whose probability is explained; of two classes the second, else the likeliest.
        seed: fixes what is drawn at random.
        what_if: whether to look for a small change with which each row would be decided otherwise.
        fixed: columns that no such change may touch.
        alike: how many training rows to name that are most alike, and as many of most influence.
        units: how many units of a convolutional net to make pictures for, beside those of the classes.
        background: how values of other rows stand in for a column that is taken out: "marginal", whatever the other
            columns, or "conditional", from rows that resemble them.
        together: groups of columns, each of which is explained as one part.
    """

    rows: str
    method: str | None
    output: str | None
    seed: int
    what_if: bool
    fixed: Sequence[str]
    alike: int
    units: int
    background: str
    together: Sequence[Sequence[str]]


def beside_recipe(options: FitOptions) -> tuple[tuple[str, str], ...]:
    """What was asked and no recipe holds, as it would be typed after ``vouch fit``.

    Args:
        options: of ``fit``.

    Returns:
        Pairs of an option and its value; test data that has no place on disk stands as TEST_DATA.

    Example:
        >>> beside_recipe({"drop": ["id", "name"], "types": {"zip": "category"}, "budget": "5m"})
        (('--type', 'zip=category'), ('--drop', 'id,name'))
    """
    single = {
        "--task": options.get("task"),
        "--test": _placed(options.get("test"), "TEST_DATA"),
        "--group": options.get("group"),
        "--time": options.get("time"),
        "--workers": str(options.get("workers") or ""),
        "--from": _placed(options.get("start"), "BUNDLE"),
        "--backbone": _placed(options.get("backbone"), ""),
        "--unlabelled": _placed(options.get("unlabelled"), "UNLABELLED_DATA"),
    }
    lists = {f"--{key}": ",".join(options.get(key) or ()) for key in ("sensitive", "drop", "columns")}
    types = [("--type", f"{column}={kind}") for column, kind in (options.get("types") or {}).items()]
    return tuple((name, value) for name, value in (*single.items(), *types, *lists.items()) if value)


def _placed(value: object, otherwise: str) -> str | None:
    """Where something is on disk, or the word that stands for what has no place there."""
    return None if value is None else str(value) if isinstance(value, str | Path) else otherwise
