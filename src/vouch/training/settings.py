"""The user's settings: read, checked, and put in the place of what was planned."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from vouch.contracts.recipe import CHOICES, Recipe
from vouch.contracts.schedules import Plateau
from vouch.errors import UsageError, nearest
from vouch.training.choices import read_bool, read_choice

NETS = {
    "trunk": ("mlp", "ensemble", "none"),
    "pictures": ("cnn", "resnet"),
    "texts": ("bag", "textcnn", "transformer"),
}
_NAMES = {
    "precision": ("auto", "float32", "bfloat16", "float16"),
    "compile": ("off", "on", "auto"),
    "shard": ("off", "on", "auto"),
    "gradient_sharing": ("float32", "bfloat16", "float16"),
}
_AUGMENT = (
    "auto", "shift", "flip", "crop", "rotation", "colour", "erase", "vertical_flip", "affine", "randaugment",
    "token_dropout", "token_swap", "token_noise", "column_noise", "column_swap",
)  # fmt: skip
_RANGES = {
    "valid_fraction": (0.01, 0.5), "test_fraction": (0, 0.9), "epochs": (1, 100_000), "batch_size": (1, 1_000_000),
    "accumulation": (1, 100_000), "learning_rate": (0, 1e3), "gradient_noise": (0, 100), "swa": (0, 0.99),
    "warmup": (0, 0.99), "weight_decay": (0, 1e3), "l1": (0, 1e3), "clip": (0, 1e9),
    "dropout": (0, 0.95), "label_smoothing": (0, 0.9), "patience": (0, 100_000), "averaging": (0, 0.999999),
    "members": (1, 512), "networks": (1, 100), "folds": (0, 100),
    "width": (1, 65_536), "depth": (1, 64), "number_embedding": (1, 1024), "seed": (0, 2**62),
    "category_embedding": (1, 1024), "image_width": (1, 4096), "vocabulary": (300, 1_000_000),
    "max_tokens": (0, 8192), "text_width": (1, 4096),
    "l2": (0, 1e3), "stochastic_depth": (0, 0.95),
    "probe": (0, 1), "unfreezing": (0, 1), "layer_decay": (0.01, 1), "hidden": (0, 0.9),
    "consistency": (0, 1e3),
    "mixup": (0, 100), "cutmix": (0, 100), "focal": (0, 100), "logit_adjustment": (0, 100),
    "fairness_penalty": (0, 1e6), "group_dro": (0, 1e3),
}  # fmt: skip


def override(recipe: Recipe, settings: Mapping[str, object]) -> Recipe:
    """The recipe with some settings replaced.

    Args:
        recipe: to start from.
        settings: values by key; text is read as the key's own type.

    Returns:
        The new recipe.

    Raises:
        UsageError: an unknown key, a value of the wrong type or outside its range.

    Example:
        >>> override(Recipe(), {"epochs": "3"}).epochs
        3
    """
    known = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    changed: dict[str, Any] = {}
    for key, value in settings.items():
        if key not in known:
            raise UsageError(f"there is no recipe key '{key}'", next_step=nearest(key, known))
        changed[key] = _read(key, value, type(known[key]))
    if "network" in changed:
        changed["network"] = with_nets(recipe.network, changed["network"])
    found = replace(recipe, **changed)
    _check_together(found)
    return found


def _check_together(recipe: Recipe) -> None:
    """Refuse settings that contradict each other.

    Raises:
        UsageError: they do.
    """
    name = recipe.optimizer.name
    nesterov = getattr(recipe.optimizer, "nesterov", False)
    contradictions = (
        (recipe.folds == 1, "one fold leaves no rows to learn from", "Give 'folds' 2 or more, or 0 for none."),
        (recipe.folds and recipe.networks > 1, "'folds' trains one network for each fold", "Leave 'networks' at 1."),
        (recipe.swa and name == "schedule_free", "schedule_free averages by itself", "Leave 'swa' at 0."),
        (
            isinstance(recipe.schedule, Plateau) and name == "schedule_free",
            "schedule_free needs no plateau", "Use --set schedule=constant.",
        ),
        (nesterov and not getattr(recipe.optimizer, "momentum", 1), "Nesterov needs momentum", "Add nesterov=false."),
        (
            recipe.recompute and recipe.compile == "on", "what is compiled is not computed twice",
            "Leave 'recompute' or 'compile' off.",
        ),
        (recipe.accumulation > recipe.batch_size, "a batch has fewer rows than parts", "Lower 'accumulation'."),
    )  # fmt: skip
    for met, what, advice in contradictions:
        if met:
            raise UsageError(f"these settings do not go together: {what}", next_step=advice)


def read_settings(path: Path) -> Mapping[str, object]:
    """The settings in a TOML or JSON file, or the recipe of a bundle.

    Args:
        path: a file, or a folder with ``model.json`` in it.

    Raises:
        UsageError: it is absent, or not a table of keys and values.
    """
    file = path / "model.json" if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
        settings = found["model"]["recipe"] if path.is_dir() else found
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            "the recipe cannot be read", where=str(path), expected="a TOML or JSON file, or a bundle",
            received=str(error)[:120], next_step="'vouch recipe DATA --target COL' writes one.",
        ) from error  # fmt: skip
    if not isinstance(settings, dict):
        raise UsageError("the recipe is not a table of keys and values", where=str(path))
    return settings


def with_nets(planned: tuple[str, ...], named: tuple[str, ...]) -> tuple[str, ...]:
    """The named nets, and the planned ones in the places for which none is named.

    Example:
        >>> with_nets(("ensemble", "resnet"), ("cnn",))
        ('cnn', 'ensemble')
    """
    taken = {place for place, nets in NETS.items() for name in named if name in nets}
    kept = (name for name in planned if not any(name in NETS[place] for place in taken))
    return (*named, *kept)


def _read(key: str, value: object, kind: type) -> object:
    if kind is tuple:
        if not isinstance(value, str | list | tuple):
            raise UsageError(f"recipe key '{key}' has no such value", expected="names", received=repr(value))
        parts = value.split(",") if isinstance(value, str) else value
        names = tuple(str(part).strip() for part in parts if str(part).strip() not in ("", "[]"))
        if key == "augment":
            for name in names:
                _check_choice(key, name, _AUGMENT)
        if key == "network":
            for name in names:
                _check_choice(key, name, [net for nets in NETS.values() for net in nets])
        return names
    if key == "learning_rate" and value == "auto":
        return 0.0
    if key in CHOICES:
        return read_choice(key, value, CHOICES[key])
    if kind is bool:
        return read_bool(key, value)
    try:
        read = kind(value) if kind is not int else int(str(value).replace("_", ""))
    except (TypeError, ValueError):
        expected = {int: "a whole number", float: "a number", str: "a name"}[kind]
        raise UsageError(f"recipe key '{key}' has no such value", expected=expected, received=repr(value)) from None
    if key in _NAMES:
        _check_choice(key, str(read), _NAMES[key])
    low, high = _RANGES.get(key, (None, None))
    if low is not None and not low <= read <= high:  # type: ignore[operator]
        raise UsageError(f"recipe key '{key}' is out of range", expected=f"{low} to {high:g}", received=repr(value))
    return read


def _check_choice(key: str, name: str, choices: Sequence[str]) -> None:
    if name not in choices:
        raise UsageError(f"recipe key '{key}' has no value '{name}'", next_step=nearest(name, choices))
