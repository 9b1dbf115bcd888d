"""Read a choice that is an object of its own, such as an optimiser with its settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from vouch.errors import UsageError, nearest

_TRUTHS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_RANGES = {
    "beta1": (0, 0.999999), "beta2": (0, 0.9999999), "epsilon": (1e-30, 1), "momentum": (0, 0.999999),
    "decay": (0, 0.999999), "every": (1e-6, 1), "factor": (1e-6, 1), "final": (0, 1), "flat": (0, 0.999),
    "patience": (1, 100_000), "slope": (0, 1),
}  # fmt: skip


def read_choice(key: str, value: object, kinds: Sequence[type]) -> Any:
    """One of several kinds of object, out of what a user writes.

    Args:
        key: of the recipe, for the message.
        value: the object itself, ``"sgd"``, ``"sgd(momentum=0.8)"``, or ``{"name": "sgd", "momentum": 0.8}``.
        kinds: frozen dataclasses with a ``name``, all of whose fields have defaults.

    Raises:
        UsageError: no kind has that name, or the kind has no such setting or no such value of it.

    Example:
        >>> from vouch.contracts.optimizers import OPTIMIZERS
        >>> read_choice("optimizer", "sgd(momentum=0.8)", OPTIMIZERS).momentum
        0.8
    """
    if is_dataclass(value) and type(value) in kinds:
        return value
    name, settings = _taken_apart(key, value)
    known: dict[str, type[Any]] = {kind().name: kind for kind in kinds}
    if name not in known:
        raise UsageError(f"recipe key '{key}' has no value '{name}'", next_step=nearest(name, known))
    kind = known[name]
    own = {field.name: field.default for field in fields(kind) if field.name != "name"}
    for setting in settings:
        if setting not in own:
            raise UsageError(
                f"{name} has no setting '{setting}'", where=f"recipe key '{key}'",
                next_step=nearest(setting, own) if own else f"Leave it out: {name} has none.",
            )  # fmt: skip
    return kind(**{one: _read(f"{key} {name}", one, given, type(own[one])) for one, given in settings.items()})


def read_bool(key: str, value: object) -> bool:
    """True or false, out of what a user writes.

    Raises:
        UsageError: it is neither.

    Example:
        >>> read_bool("recompute", "yes")
        True
    """
    found = _TRUTHS.get(str(value).strip().lower())
    if found is None:
        raise UsageError(f"recipe key '{key}' has no such value", expected="true or false", received=repr(value))
    return found


def _taken_apart(key: str, value: object) -> tuple[str, Mapping[str, object]]:
    if isinstance(value, Mapping) and "name" in value:
        return str(value["name"]), {str(one): given for one, given in value.items() if one != "name"}
    found = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", value) if isinstance(value, str) else None
    if found is None:
        raise UsageError(
            f"recipe key '{key}' has no such value", expected="a name, or such as sgd(momentum=0.8)",
            received=repr(value)[:80],
        )  # fmt: skip
    settings = {}
    for part in filter(None, (part.strip() for part in (found[2] or "").split(","))):
        one, _, given = part.partition("=")
        settings[one.strip()] = given.strip()
    return found[1], settings


def _read(where: str, setting: str, value: object, kind: type) -> object:
    if kind is bool:
        return read_bool(f"{where}.{setting}", value)
    try:
        read = kind(value)  # type: ignore[call-arg]
    except (TypeError, ValueError):
        expected = "a whole number" if kind is int else "a number"
        raise UsageError(
            f"'{setting}' has no such value", where=where, expected=expected, received=repr(value)
        ) from None
    low, high = _RANGES[setting]
    if not low <= read <= high:
        raise UsageError(
            f"'{setting}' is out of range", where=where, expected=f"{low} to {high:g}", received=repr(value)
        )
    return read
