"""What a network may start from, on disk: beside the bundle that started from it, or as a folder of its own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from vouch.contracts.backbone import Backbone, How
from vouch.contracts.bundle import BundleValue, Run
from vouch.contracts.pretrained import Pretrained
from vouch.contracts.recipe import CHOICES, Recipe
from vouch.contracts.roles import Encoder, by_kind
from vouch.contracts.schema import Schema
from vouch.data.schema import kind_of
from vouch.modalities import ALL as MODALITIES
from vouch.store.folder import ENCODERS, WEIGHTS, check_files, put_together, read_facts, seal, write_folder
from vouch.store.values import from_plain, to_plain

KIND = "backbone"
_HEAD = "head."
_OF_FIRST = re.compile(r"^(embedders\.\d+\.)embedders\.0\.|^(trunk\.)trunks\.0\.")


def backbone_of(bundle: BundleValue, name: str) -> Backbone:
    """Everything of a trained network but its head.

    Args:
        bundle: from ``fit``.
        name: by which readers know it.
    """
    state = {key: value.detach().cpu() for key, value in bundle.network.state_dict().items()}
    if bundle.recipe.networks > 1 or bundle.recipe.folds:
        # Of several networks that answer together, the first one.
        found = {key: _OF_FIRST.match(key) for key in state}
        state = {(m[1] or m[2]) + key[m.end() :]: state[key] for key, m in found.items() if m}
    weights = {key: value for key, value in state.items() if not key.startswith(_HEAD)}
    recipe = replace(bundle.recipe, networks=1, folds=0)
    return backbone_from(name, "labels", recipe, bundle.encoders, weights)


def backbone_from(
    name: str, how: How, recipe: Recipe, encoders: tuple[Encoder, ...], weights: Mapping[str, Tensor]
) -> Backbone:
    """A backbone with the digest of its weights and its encoders."""
    tensors: dict[str, Tensor] = {}
    told = json.dumps(plain_encoders(encoders, tensors, "encoders"), sort_keys=True)
    made = hashlib.sha256(told.encode())
    for key, value in (*sorted(weights.items()), *sorted(tensors.items())):
        made.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        made.update(value.detach().cpu().contiguous().numpy().tobytes())
    return Backbone(name, made.hexdigest(), how, recipe, encoders, weights)


def plain_encoders(encoders: tuple[Encoder, ...], tensors: dict[str, Tensor], path: str) -> list[dict[str, Any]]:
    """Encoders as JSON would have them, each with the kind of column by which its class is found again."""
    return [
        {"kind": kind_of(encoder), "state": to_plain(encoder, tensors, f"{path}.{i}")}
        for i, encoder in enumerate(encoders)
    ]


def encoders_from(plain: list[dict[str, Any]], tensors: Mapping[str, Tensor], path: str) -> tuple[Encoder, ...]:
    """The inverse of :func:`plain_encoders`."""
    return tuple(
        from_plain(by_kind(MODALITIES, entry["kind"]).encoder, entry["state"], tensors, f"{path}.{i}")
        for i, entry in enumerate(plain)
    )


def recipe_from(plain: dict[str, Any]) -> Recipe:
    """A recipe as it was written; an optimiser or a schedule was once no more than a name."""
    named = {key: {"name": plain[key]} for key in CHOICES if isinstance(plain.get(key), str)}
    return from_plain(Recipe, {**plain, **named}, {}, "recipe")


def write_backbone(start: Backbone, folder: Path, names: tuple[str, str], path: str = "start") -> dict[str, Any]:
    """Write a backbone's tensors and give its description.

    Args:
        start: to be written.
        folder: where.
        names: of the file of weights, and of the file of what encoders have learned.
        path: under which the tensors of the encoders stand.
    """
    tensors: dict[str, Tensor] = {}
    plain = {
        "name": start.name, "digest": start.digest, "how": start.how,
        "recipe": to_plain(start.recipe, tensors, f"{path}.recipe"),
        "encoders": plain_encoders(start.encoders, tensors, f"{path}.encoders"),
    }  # fmt: skip
    save_file({name: value.contiguous() for name, value in start.weights.items()}, folder / names[0])
    save_file(tensors, folder / names[1])
    return plain


def read_backbone(plain: dict[str, Any], folder: Path, names: tuple[str, str], path: str = "start") -> Backbone:
    """The inverse of :func:`write_backbone`; the files have been held to their digests before.

    Raises:
        BundleDamagedError: something in the description is not as it was written.
    """
    weights, tensors = (load_file(folder / name) for name in names)
    encoders = encoders_from(plain["encoders"], tensors, f"{path}.encoders")
    recipe = recipe_from(plain["recipe"])
    how = from_plain(How, plain["how"], tensors, f"{path}.how")
    return Backbone(str(plain["name"]), str(plain["digest"]), how, recipe, encoders, weights)


def save_pretrained(made: Pretrained, path: Path) -> Path:
    """Write what was learned without labels, as a bundle without a task.

    Args:
        made: by ``pretrain``.
        path: the folder ``NAME.vouch``; a bundle that is there is replaced.

    Returns:
        The folder.

    Raises:
        OutputError: the place cannot be written; nothing is left behind.
    """

    def write(folder: Path) -> None:
        plain = write_backbone(made.backbone, folder, (WEIGHTS, ENCODERS))
        model = {
            "kind": KIND, "start": plain, "schema": to_plain(made.schema, {}, "schema"),
            # By this name settings are read from a bundle, whatever its kind.
            "recipe": plain["recipe"], "objective": made.objective, "run": to_plain(made.run, {}, "run"),
            "rows": list(made.rows),
        }  # fmt: skip
        seal(folder, model, (WEIGHTS, ENCODERS))

    return write_folder(path, write)


def load_pretrained(path: Path) -> Pretrained | None:
    """Read what was learned without labels; none where the folder is a bundle with a task.

    Raises:
        BundleError: the folder is absent, damaged, or of a later version.
    """
    facts = read_facts(path)
    if facts["model"].get("kind") != KIND:
        return None
    check_files(path, facts, (WEIGHTS, ENCODERS))
    with put_together(path):
        model = facts["model"]
        start = read_backbone(model["start"], path, (WEIGHTS, ENCODERS))
        train, valid = (int(count) for count in model["rows"])
        schema, run = (from_plain(cls, model[name], {}, name) for cls, name in ((Schema, "schema"), (Run, "run")))
        return Pretrained(schema, start, str(model["objective"]), run, (train, valid))
