"""``vouch fit``: raw data to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vouch.cli.common import Device, Json, Many, Quiet, Reporter, emit, figures, names, pairs

if TYPE_CHECKING:
    from vouch.api import Bundle


def fit(
    data: Annotated[str, typer.Argument(help="File, glob or folder.")],
    target: Annotated[str | None, typer.Option(help="Column to predict; class folders need none.")] = None,
    task: Annotated[str | None, typer.Option(help="binary, multiclass, multilabel or regression.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder to write; NAME.vouch when not given.")] = None,
    test: Annotated[str | None, typer.Option(help="Data to seal for the final figures.")] = None,
    group: Annotated[str | None, typer.Option(help="Column that says which rows belong together.")] = None,
    time: Annotated[str | None, typer.Option(help="Column that orders the rows.")] = None,
    sensitive: Annotated[Many, typer.Option(help="Columns by which harm is measured, A,B.")] = [],  # noqa: B006
    type_: Annotated[Many, typer.Option("--type", help="Kind of a column, COL=KIND.")] = [],  # noqa: B006
    drop: Annotated[Many, typer.Option(help="Columns to leave out, A,B.")] = [],  # noqa: B006
    columns: Annotated[str | None, typer.Option(help="Names for data without a header, A,B.")] = None,
    budget: Annotated[str | None, typer.Option(help="Time to spend: 90s, 5m, 1h.")] = None,
    recipe: Annotated[str | None, typer.Option(help="TOML or JSON file, or a bundle.")] = None,
    set_: Annotated[Many, typer.Option("--set", help="A recipe key, KEY=VALUE.")] = [],  # noqa: B006
    seed: Annotated[int | None, typer.Option(help="Fixes everything that is drawn at random.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    device: Device = "auto",
) -> None:
    """Train a deep network on raw data and measure it on sealed rows."""
    from vouch import api

    place = Path(out) if out else default_out(data)
    bundle = api.fit(
        data, target, task=task, out=place, test=test, group=group, time=time, sensitive=names(sensitive),
        types=pairs(type_, "--type"), drop=names(drop), columns=names([columns]) if columns else None, budget=budget,
        recipe=recipe, settings=pairs(set_, "--set"), seed=seed, resume=resume, device=device, progress=Reporter(quiet),
    )  # fmt: skip
    if json:
        emit(facts(bundle, place))
    else:
        print(summary(bundle, place))


def default_out(data: str) -> Path:
    """Where a bundle goes when nothing is said: the data's name, in the current folder."""
    stem = Path(data.rstrip("/*")).name.split(".")[0] or "model"
    return Path(f"{stem.strip('*?') or 'model'}.vouch")


def facts(bundle: Bundle, place: Path) -> dict[str, Any]:
    """A bundle as ``--json`` gives it."""
    split = bundle.split
    dropped = sum(note.count for note in bundle.run.notes if note.kind == "dropped")
    return {
        "bundle": str(place),
        "task": bundle.schema.task,
        "target": bundle.schema.target.name,
        "rows": {"train": len(split.train), "valid": len(split.valid), "test": len(split.test), "dropped": dropped},
        "metrics": figures(bundle.evidence.metrics),
        "baselines": {name: figures(metrics) for name, metrics in bundle.evidence.baselines.items()},
        "verdict": bundle.evidence.verdict,
        "notes": [note.text for note in bundle.run.notes],
        "seconds": round(sum(bundle.run.seconds.values()), 3),
    }


def summary(bundle: Bundle, place: Path) -> str:
    """A bundle for a reader at the terminal."""
    split, schema = bundle.split, bundle.schema
    lines = [f"{schema.task} of '{schema.target.name}' ({schema.task_why})", ""]
    lines += [f"  {c.name:<24.24} {c.kind:<10} {c.role:<8} {c.why}" for c in schema.columns]
    lines += ["", *(f"  {note.kind}: {note.text}" for note in bundle.run.notes)]
    lines += ["", f"rows: {len(split.train):,} train, {len(split.valid):,} valid, {len(split.test):,} test; {split.why}"]
    lines += ["", _table(bundle), "", bundle.evidence.verdict, *bundle.evidence.notes]
    lines += ["", f"bundle {place}", f"report {place / 'report.html'}"]
    return "\n".join(lines)


def _table(bundle: Bundle) -> str:
    shown = [metric for metric in bundle.evidence.metrics if "[" not in metric.name]
    methods = {name: {m.name: m for m in metrics} for name, metrics in bundle.evidence.baselines.items()}
    head = f"{'on sealed rows':<22} {'network':>10} {'95 % interval':>23}" + "".join(f"{name:>22}" for name in methods)
    rows = [head]
    for metric in shown:
        row = f"{metric.name:<22} {metric.value:>10.5g} {f'[{metric.low:.5g}, {metric.high:.5g}]':>23}"
        beside = (found.get(metric.name) for found in methods.values())
        rows.append(row + "".join(f"{one.value:>22.5g}" if one else f"{'-':>22}" for one in beside))
    return "\n".join(rows)
