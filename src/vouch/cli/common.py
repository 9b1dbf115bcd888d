"""What the verbs share: options, progress on standard error, and how figures are written."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vouch.errors import UsageError, one_line
from vouch.wording import size

if TYPE_CHECKING:
    from vouch.contracts.finding import Estimate

F = TypeVar("F", bound=Callable[..., Any])

_EVERY_VERB = (
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."),
    click.option("--quiet", "-q", is_flag=True, help="No progress."),
    click.option("--device", default="auto", show_default=True, help="Where to compute: auto, cpu, cuda, mps."),
)
_ABOUT_COLUMNS = (
    click.option("--type", "types", multiple=True, metavar="COL=KIND", help="Kind of a column."),
    click.option("--drop", multiple=True, help="Columns to leave out, A,B."),
    click.option("--columns", multiple=True, help="Names for data without a header, A,B."),
    click.option("--budget", help="Time to spend: 90s, 5m, 1h."),
    click.option("--recipe", help="TOML or JSON file, or a bundle."),
    click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A recipe key."),
    click.option("--seed", type=int, help="Fixes everything that is drawn at random."),
)
_ABOUT_DATA = (
    click.option("--target", help="Column to predict; class folders need none."),
    click.option("--task", help="binary, multiclass, multilabel or regression."),
    click.option("--test", help="Data to seal for the final figures."),
    click.option("--group", help="Column that says which rows belong together."),
    click.option("--time", help="Column that orders the rows; the latest are for testing."),
    click.option("--sensitive", multiple=True, help="Columns by which harm is measured, A,B."),
    *_ABOUT_COLUMNS,
    click.option("--folds", type=int, help="Networks for so many folds, and predictions out of fold."),
    click.option("--ensemble", type=int, help="Networks with seeds of their own, averaged."),
)
_ABOUT_START = (
    click.option("--from", "start", help="Bundle to start from: its encoders and weights, with a new head."),
    click.option("--backbone", help="Checkpoint to start from: a folder with safetensors, or its name."),
)


def every_verb(function: F) -> F:
    """The options that every verb takes."""
    return _decorated(function, _EVERY_VERB)


def about_data(function: F) -> F:
    """The options of the verbs that read training data."""
    return _decorated(function, _ABOUT_DATA)


def about_start(function: F) -> F:
    """The options of the verbs whose network may start from another one."""
    return _decorated(function, _ABOUT_START)


def without_labels(function: F) -> F:
    """The options of the verb that reads data without a target."""
    return _decorated(function, _ABOUT_COLUMNS)


def _decorated(function: F, options: Sequence[Callable[[F], F]]) -> F:
    for option in reversed(options):
        function = option(function)
    return function


def fit_options(asked: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as the keyword arguments of ``vouch.fit``."""
    plain = {
        key: asked[key]
        for key in ("task", "test", "group", "time", "budget", "recipe", "seed", "folds", "ensemble", "device")
    }
    return {**plain, **_columns_and_settings(asked), "sensitive": names(asked["sensitive"])}


def pretrain_options(asked: dict[str, Any]) -> dict[str, Any]:
    """What was typed, as the keyword arguments of ``vouch.pretrain``."""
    plain = {key: asked[key] for key in ("budget", "recipe", "seed", "resume", "device")}
    return {**plain, **_columns_and_settings(asked)}


def _columns_and_settings(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "types": pairs(asked["types"], "--type", "age=number"),
        "settings": pairs(asked["settings"], "--set", "epochs=3"),
        "drop": names(asked["drop"]),
        "columns": names(asked["columns"]) or None,
    }


def pairs(texts: Iterable[str], option: str, example: str) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping; the last "=" that stands outside brackets counts, for columns may hold one.

    Raises:
        UsageError: one has no "=".

    Example:
        >>> pairs(["epochs=3"], "--set", "epochs=3")
        {'epochs': '3'}
    """
    found = {}
    for text in texts:
        bracket = text.find("(") if text.endswith(")") else len(text)
        key, _, value = text[:bracket].rpartition("=")
        value += text[bracket:]
        if not key.strip():
            raise UsageError(
                f"{option} cannot be read", expected="KEY=VALUE", received=repr(text),
                next_step=f"For instance {option} {example}.",
            )  # fmt: skip
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
        network = f"network {facts['network']}  " if "network" in facts else ""
        return (
            f"{network}epoch {facts['epoch']:>3}/{facts['epochs']}  loss {facts['loss']:.4f}  "
            f"valid {facts['score']:.4f}  {facts['rows_per_second']:>9,} rows/s  "
            f"at most {_clock(facts['seconds_left'])} left"
        )
    if event == "note":
        return f"note: {facts['text']}"
    if event == "memory":
        of = f" of {size(facts['free'])} that are free" if facts["free"] is not None else ""
        return f"memory: about {size(facts['estimated'])}{of}"
    if event == "asking":
        return f"asking {facts['number']} of {facts['of']}: {str(facts['challenge']).replace('_', ' ')}"
    if event == "found":
        seconds = f" in {facts['seconds']} s" if "seconds" in facts else " (from the interrupted audit)"
        return f"found {str(facts['challenge']).replace('_', ' ')}: {facts['verdict']}{seconds}"
    if event in ("trying", "proving"):
        what = "candidate" if event == "trying" else "seed"
        named = f": {facts['remedy']}" if "remedy" in facts else ""
        return f"{event} {what} {facts[what]} of {facts['of']}{named}"
    if event == "trial":
        return _trial(facts)
    if event == "other seeds":
        return f"training recipe {facts['number']} of the best {facts['of']} again with {facts['seeds']} other seeds"
    if event == "pairs":
        return f"proving: the tuned recipe and the default one with {facts['seeds']} more seeds"
    said = [f"{value:,} {name}" if isinstance(value, int) else f"{name} {value}" for name, value in facts.items()]
    return f"{event}: {', '.join(said)}"


def _trial(facts: dict[str, Any]) -> str:
    """One attempt of a search: its score, or why there is none."""
    head = f"trial {facts['number']:>3}  "
    if facts["state"] != "done":
        return head + ("failed: " if facts["state"] == "failed" else "") + one_line(str(facts["why"]))
    return (
        head + f"{facts['score']:.5g} in {facts['epochs']} epochs, {facts['seconds']:.1f} s  best {facts['best']:.5g}"
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"


def figures(metrics: Sequence[Estimate]) -> dict[str, dict[str, float | int]]:
    """Estimates as ``--json`` gives them."""
    return {m.name: {"value": m.value, "low": m.low, "high": m.high, "n": m.n} for m in metrics}


def emit(facts: dict[str, Any]) -> None:
    """Print one JSON object."""
    print(json.dumps(facts, allow_nan=False, default=str))
