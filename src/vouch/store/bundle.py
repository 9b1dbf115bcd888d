"""Write a bundle so that it is whole or not there, and read one without trusting it."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from vouch.contracts.bundle import (
    BundleValue,
    Calibrator,
    Conformal,
    Evidence,
    Example,
    GroupShifts,
    Look,
    Run,
    Taught,
    Treatment,
)
from vouch.contracts.proof import Audit
from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Schema
from vouch.contracts.search import Search
from vouch.contracts.split import Split
from vouch.errors import BundleError, BundleTooNewError
from vouch.nets.build import build_network
from vouch.store.backbone import KIND, encoders_from, plain_encoders, read_backbone, recipe_from, write_backbone
from vouch.store.folder import ENCODERS, WEIGHTS, check_files, put_together, read_facts, seal, write_folder
from vouch.store.values import from_plain, to_plain
from vouch.tasks import ALL as TASKS

AUDIT_FORMAT = 1
_FILES = (WEIGHTS, ENCODERS, "predictions.parquet")
_AUDIT, _OUT_OF_FOLD = "audit.json", "out_of_fold.parquet"
_START = ("start.safetensors", "start-encoders.safetensors")
_DEEPEST = 64
# Parts that bundles from before them do not have, and what stands for them.
_LATER: dict[str, Any] = {
    "calibrator": None, "conformal": None, "treatments": [], "taught": None, "search": None, "shifts": None,
}  # fmt: skip


def save(bundle: BundleValue, path: Path, pages: dict[str, str] | None = None) -> Path:
    """Write a bundle to a temporary sibling and rename it into place.

    Args:
        bundle: what ``fit`` made.
        path: the folder ``NAME.vouch``; a bundle that is there is replaced.
        pages: texts to put beside it, by file name (card, report).

    Returns:
        The folder.

    Raises:
        OutputError: the place cannot be written, or the disk is full; nothing is left behind.
    """
    return write_folder(path, lambda folder: _write(bundle, folder, pages or {}))


def load(path: Path) -> BundleValue:
    """Read a bundle; every file is checked against its digest before use, and no code in it can run.

    Args:
        path: the folder ``NAME.vouch``.

    Returns:
        The bundle, whose predictions equal those of the one that was saved.

    Raises:
        BundleNotFoundError: no bundle is there.
        BundleDamagedError: a file is missing, truncated or altered.
        BundleTooNewError: it was written by a later version.
    """
    facts = read_facts(path)
    if facts["model"].get("kind") == KIND:
        raise BundleError(
            "the bundle was made without labels, so it has nothing to predict", where=str(path),
            expected="a bundle that 'vouch fit' made", received="one that 'vouch pretrain' made",
            next_step="Start from it: vouch fit DATA --target COL --from NAME.vouch.",
        )  # fmt: skip
    started = _START if "start" in facts["model"] else ()
    check_files(path, facts, (*_FILES, *started, *({_AUDIT, _OUT_OF_FOLD} & facts["digests"].keys())))
    with put_together(path):
        tensors, weights = (load_file(path / name) for name in (ENCODERS, WEIGHTS))
        predictions = pl.read_parquet(path / "predictions.parquet")
        folds = pl.read_parquet(path / _OUT_OF_FOLD) if _OUT_OF_FOLD in facts["digests"] else None
        bundle = _assemble(facts["model"], tensors, weights, predictions)
        start = read_backbone(facts["model"]["start"], path, _START) if started else None
        return replace(bundle, audit=_read_audit(path, facts), out_of_fold=folds, start=start)


def _write(bundle: BundleValue, folder: Path, pages: dict[str, str]) -> None:
    tensors: dict[str, Tensor] = {}
    model = {
        "schema": to_plain(bundle.schema, tensors, "schema"),
        "task": {"name": bundle.task.name, "state": to_plain(bundle.task, tensors, "task")},
        "recipe": to_plain(bundle.recipe, tensors, "recipe"),
        "encoders": plain_encoders(bundle.encoders, tensors, "encoders"),
        "split": _plain_split(bundle.split, tensors),
        "evidence": to_plain(bundle.evidence, tensors, "evidence"),
        "run": to_plain(bundle.run, tensors, "run"),
        "looks": to_plain(bundle.looks, tensors, "looks"),
        "examples": to_plain(bundle.examples, tensors, "examples"),
        "calibrator": to_plain(bundle.calibrator, tensors, "calibrator"),
        "conformal": to_plain(bundle.conformal, tensors, "conformal"),
        "treatments": to_plain(bundle.treatments, tensors, "treatments"),
        "taught": to_plain(bundle.taught, tensors, "taught"),
        "search": to_plain(bundle.search, tensors, "search"),
        "shifts": to_plain(bundle.shifts, tensors, "shifts"),
    }
    state = {name: value.contiguous() for name, value in bundle.network.state_dict().items()}
    save_file(state, folder / "weights.safetensors")
    save_file(tensors, folder / "encoders.safetensors")
    bundle.predictions.write_parquet(folder / "predictions.parquet")
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    files: list[str] = list(_FILES)
    if bundle.audit is not None:
        audit = {"format": AUDIT_FORMAT, "audit": to_plain(bundle.audit, {}, "audit")}
        (folder / _AUDIT).write_text(json.dumps(audit, allow_nan=False), encoding="utf-8")
        files.append(_AUDIT)
    if bundle.out_of_fold is not None:
        bundle.out_of_fold.write_parquet(folder / _OUT_OF_FOLD)
        files.append(_OUT_OF_FOLD)
    if bundle.start is not None:
        model["start"] = write_backbone(bundle.start, folder, _START)
        files += _START
    seal(folder, model, files)


def _plain_split(split: Split, tensors: dict[str, Tensor]) -> dict[str, Any]:
    rows = {name: torch.from_numpy(getattr(split, name)) for name in ("train", "valid", "test")}
    return to_plain({**rows, "how": split.how, "why": split.why}, tensors, "split")


def _read_audit(path: Path, facts: dict[str, Any]) -> Audit | None:
    """What was found and proved, if the bundle holds it; a file that the bundle does not list is not looked at."""
    if _AUDIT not in facts["digests"]:
        return None
    found = json.loads((path / _AUDIT).read_text(encoding="utf-8"))
    if int(found["format"]) > AUDIT_FORMAT:
        raise BundleTooNewError(
            "the audit was written by a later version of Vouch", where=str(path / _AUDIT),
            expected=f"format {AUDIT_FORMAT} or earlier", received=f"format {found['format']}",
            next_step="Upgrade: pip install --upgrade deepvouch.",
        )  # fmt: skip
    return from_plain(Audit, found["audit"], {}, "audit")


def _assemble(
    model: dict[str, Any], tensors: dict[str, Tensor], weights: dict[str, Tensor], predictions: pl.DataFrame
) -> BundleValue:
    def part(hint: Any, name: str) -> Any:
        return from_plain(hint, model[name] if name not in _LATER else model.get(name, _LATER[name]), tensors, name)

    task_class = next(task for task in TASKS if model["task"]["name"] in task.names)
    task = from_plain(task_class, model["task"]["state"], tensors, "task")
    recipe = recipe_from(model["recipe"])
    encoders = encoders_from(model["encoders"], tensors, "encoders")
    # On the meta device nothing is allocated: sizes that a stranger wrote cost no memory before they are checked.
    _check_sizes(recipe, len(weights))
    with torch.device("meta"), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Initializing zero-element")
        network = build_network(encoders, task.outputs, recipe)
    network.load_state_dict(weights, assign=True)
    # Files have one memory layout; the network computes in its own, and on that the last bits depend.
    network.to(memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]
    shifts = part(GroupShifts | None, "shifts")
    _check_shifts(shifts, len(task.classes) or 1)
    rows = {name: tensors[f"split.{name}"].numpy() for name in ("train", "valid", "test")}
    split = Split(**rows, how=str(model["split"]["how"]), why=str(model["split"]["why"]))
    return BundleValue(
        part(Schema, "schema"), task, recipe, encoders, network, split, part(Evidence, "evidence"), predictions,
        part(Run, "run"), part(tuple[Look, ...], "looks"), part(tuple[Example, ...], "examples"),
        part(Calibrator | None, "calibrator"), part(Conformal | None, "conformal"),
        part(tuple[Treatment, ...], "treatments"), part(Taught | None, "taught"),
        search=part(Search | None, "search"), shifts=shifts,
    )  # fmt: skip


def _check_shifts(shifts: GroupShifts | None, outputs: int) -> None:
    """Refuse shifts that do not fit the answers, or groups that have none."""
    if shifts is None:
        return
    rule, groups = shifts.rule, len(shifts.shifts)
    alike = len(rule.groups) == groups and len(rule.cells) == len(rule.place) and len(rule.edges) == len(rule.columns)
    inside = all(0 <= one < groups for one in rule.place) and all(len(row) == outputs for row in shifts.shifts)
    rising = all(list(ends) == sorted(ends) and len(ends) != 1 for ends in rule.edges)
    if not (groups and alike and inside and rising):
        raise ValueError(f"shifts of {groups} groups for {outputs} outputs")


def _check_sizes(recipe: Recipe, tensors: int) -> None:
    """Refuse sizes that no network has, before a stranger's number keeps us busy building layers."""
    # A layer that is passed again takes up no tensor of its own, but it does take time.
    deepest = max(tensors, _DEEPEST if recipe.share_layers else 1)
    for name, fewest, most in (("depth", 1, deepest), ("networks", 1, max(tensors, 1)), ("folds", 0, max(tensors, 1))):
        if not fewest <= getattr(recipe, name) <= most:
            raise ValueError(f"{name} {getattr(recipe, name)} for {tensors} tensors")
    for name in ("members", "width", "number_embedding", "category_embedding", "image_width", "text_width"):
        if not 1 <= getattr(recipe, name) < 2**31:
            raise ValueError(f"{name} {getattr(recipe, name)}")
