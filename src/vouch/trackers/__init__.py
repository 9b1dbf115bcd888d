"""Where runs are logged beside the bundle, one file for each tool; none is ever required."""

from __future__ import annotations

import os
from collections.abc import Sequence

from vouch.contracts.tracking import Tracker
from vouch.errors import UsageError, nearest
from vouch.trackers.jsonl import JsonLines
from vouch.trackers.mlflow import MLflow
from vouch.trackers.tensorboard import TensorBoard

ALL: tuple[type[Tracker], ...] = (JsonLines, MLflow, TensorBoard)


def tracker_of(text: str) -> Tracker:
    """The tracker that ``SCHEME:PLACE`` stands for.

    Raises:
        UsageError: there is no such scheme, or no place.

    Example:
        >>> tracker_of("jsonl:runs.jsonl").scheme
        'jsonl'
    """
    scheme, _, place = text.partition(":")
    known = {kind.scheme: kind for kind in ALL}
    if scheme not in known:
        raise UsageError(f"there is no way to log called '{scheme}'", where="--log", next_step=nearest(scheme, known))
    if not place.strip():
        raise UsageError(
            f"'{scheme}' has no place to log to", where="--log", expected=f"{scheme}:PLACE", received=text[:80]
        )
    return known[scheme](place.strip())


def places_of(log: str | Sequence[str] | None) -> list[str]:
    """The places that an option names: none, one, or several.

    Example:
        >>> places_of("jsonl:a"), places_of(None)
        (['jsonl:a'], [])
    """
    return [log] if isinstance(log, str) else list(log or ())


def where_it_is(text: str) -> str:
    """The same place for a process that may run in another folder.

    Example:
        >>> where_it_is("mlflow:http://127.0.0.1:5000"), where_it_is("jsonl:/a/b.jsonl")
        ('mlflow:http://127.0.0.1:5000', 'jsonl:/a/b.jsonl')
    """
    scheme, _, place = text.partition(":")
    return text if "://" in place else f"{scheme}:{os.path.abspath(place)}"


__all__ = ["ALL", "JsonLines", "MLflow", "TensorBoard", "places_of", "tracker_of", "where_it_is"]
