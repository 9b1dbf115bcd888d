"""What the verbs share: options, progress on standard error, and how figures are written."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vouch.errors import UsageError

if TYPE_CHECKING:
    from vouch.contracts.finding import Estimate

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda, mps.")]
Many = list[str]


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping.

    Raises:
        UsageError: one has no "=".

    Example:
        >>> pairs(["epochs=3"], "--set")
        {'epochs': '3'}
    """
    found = {}
    for text in texts:
        key, mark, value = text.partition("=")
        if not mark:
            raise UsageError(f"{option} wants KEY=VALUE", received=repr(text), next_step=f"For instance {option} epochs=3.")
        found[key.strip()] = value.strip()
    return found


def names(texts: Sequence[str]) -> tuple[str, ...]:
    """Comma-separated names, given once or several times.

    Example:
        >>> names(["a,b", "c"])
        ('a', 'b', 'c')
    """
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())


class Reporter:
    """Tells progress on standard error, one line an event.

    Args:
        quiet: tells nothing.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def __call__(self, event: str, /, **facts: float | int | str | None) -> None:
        """Write one event."""
        if not self.quiet:
            print(_line(event, facts), file=sys.stderr, flush=True)


def _line(event: str, facts: dict[str, Any]) -> str:
    if event == "epoch":
        return (
            f"epoch {facts['epoch']:>3}/{facts['epochs']}  loss {facts['loss']:.4f}  valid {facts['score']:.4f}  "
            f"{facts['rows_per_second']:>9,} rows/s  at most {_clock(facts['seconds_left'])} left"
        )
    said = ", ".join(f"{value:,} {name}" if isinstance(value, int) else f"{name} {value}" for name, value in facts.items())
    return f"{event}: {said}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"


def figures(metrics: Sequence[Estimate]) -> dict[str, dict[str, float | int]]:
    """Estimates as ``--json`` gives them."""
    return {m.name: {"value": m.value, "low": m.low, "high": m.high, "n": m.n} for m in metrics}


def emit(facts: dict[str, Any]) -> None:
    """Print one JSON object."""
    print(json.dumps(facts, allow_nan=False, default=str))
