"""Frozen dataclasses to JSON and tensors, and back under their type hints; nothing that is read can run code."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from torch import Tensor

from vouch.errors import BundleDamagedError


def to_plain(value: object, tensors: dict[str, Tensor], path: str) -> Any:
    """A value as JSON would have it; tensors are put aside under their path.

    Args:
        value: a dataclass, mapping, tuple, number, string, boolean, none, or tensor.
        tensors: receives the tensors.
        path: where this value stands.

    Returns:
        The plain value; ``{"tensor": path}`` stands for a tensor, and infinities and NaN are written as text.

    Raises:
        TypeError: something else is in it.

    Example:
        >>> to_plain((1, float("inf")), {}, "here")
        [1, 'inf']
    """
    if isinstance(value, Tensor):
        tensors[path] = value.detach().contiguous()
        return {"tensor": path}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: to_plain(item, tensors, f"{path}.{name}") for name, item in pairs}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, tensors, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item, tensors, f"{path}.{i}") for i, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{path} is a {type(value).__name__}, which a bundle cannot hold")


def from_plain(hint: Any, plain: Any, tensors: Mapping[str, Tensor], path: str) -> Any:
    """The inverse of :func:`to_plain`: every value is checked against the type it should have.

    Args:
        hint: the type, as in an annotation.
        plain: what was read.
        tensors: by path.
        path: where this value stands, for the message.

    Raises:
        BundleDamagedError: the value is not of that type.

    Example:
        >>> from_plain(tuple[float, ...], [1, "inf"], {}, "here")
        (1.0, inf)
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return plain
    if hint is Tensor:
        _check(isinstance(plain, dict) and plain.get("tensor") in tensors, "a tensor", plain, path)
        return tensors[plain["tensor"]]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint, plain, tensors, path)
    if origin is tuple:
        _check(isinstance(plain, list), "a list", plain, path)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(from_plain(arguments[0], item, tensors, f"{path}.{i}") for i, item in enumerate(plain))
        _check(len(plain) == len(arguments), f"a list of {len(arguments)}", plain, path)
        return tuple(from_plain(h, item, tensors, path) for h, item in zip(arguments, plain, strict=True))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        _check(isinstance(plain, dict), "a mapping", plain, path)
        return {key: from_plain(arguments[1], item, tensors, f"{path}.{key}") for key, item in plain.items()}
    if origin in (Union, UnionType):
        return _one_of(arguments, plain, tensors, path)
    if origin is Literal:
        _check(plain in arguments, f"one of {arguments}", plain, path)
        return plain
    return _scalar(hint, plain, path)


def _dataclass(cls: type, plain: Any, tensors: Mapping[str, Tensor], path: str) -> Any:
    _check(isinstance(plain, dict), f"the fields of a {cls.__name__}", plain, path)
    hints = get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]
    required = {field.name for field in dataclasses.fields(cls) if field.default is dataclasses.MISSING}
    required -= {f.name for f in dataclasses.fields(cls) if f.default_factory is not dataclasses.MISSING}
    _check(set(plain) <= set(names), f"only the fields {names}", sorted(plain), path)
    _check(required <= set(plain), f"the fields {sorted(required)}", sorted(plain), path)
    return cls(**{name: from_plain(hints[name], item, tensors, f"{path}.{name}") for name, item in plain.items()})


def _one_of(hints: tuple[Any, ...], plain: Any, tensors: Mapping[str, Tensor], path: str) -> Any:
    """The first of several types that fits; exact types first, so that 1 stays a whole number."""
    exact = [hint for hint in hints if isinstance(hint, type) and type(plain) is hint]
    refusal = _damaged(f"one of {[str(hint) for hint in hints]}", plain, path)
    for hint in (*exact, *hints):
        try:
            return from_plain(hint, plain, tensors, path)
        except BundleDamagedError as error:
            refusal.__cause__ = error
    raise refusal


def _scalar(hint: Any, plain: Any, path: str) -> Any:
    if hint in (None, NoneType):
        _check(plain is None, "nothing", plain, path)
        return None
    if hint is float:
        numeric = isinstance(plain, int | float) and not isinstance(plain, bool)
        _check(numeric or plain in ("inf", "-inf", "nan"), "a number", plain, path)
        return float(plain)
    _check(type(plain) is hint, f"a {getattr(hint, '__name__', hint)}", plain, path)
    return plain


def _check(right: bool, expected: str, plain: Any, path: str) -> None:
    if not right:
        raise _damaged(expected, plain, path)


def _damaged(expected: str, plain: Any, path: str) -> BundleDamagedError:
    return BundleDamagedError(
        "the bundle is not as it was written", where=path, expected=expected, received=repr(plain)[:60],
        next_step="Take a fresh copy of it, or fit again.",
    )  # fmt: skip
