"""``vouch fit``: raw data to a bundle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vouch.cli.common import Reporter, about_data, about_start, emit, every_verb, figures, fit_options
from vouch.errors import one_line

if TYPE_CHECKING:
    from vouch.api import Bundle
    from vouch.contracts.finding import Estimate
    from vouch.contracts.proof import Proof


@click.command()
@click.argument("data")
@about_data
@about_start
@click.option("--unlabelled", help="Data without the target, to be learned from as well.")
@click.option("--no-proof", is_flag=True, help="Do not train from scratch to prove what --from was worth.")
@click.option("--out", help="Folder to write; NAME.vouch when not given.")
@click.option("--workers", type=int, help="Processes on this machine that train together.")
@click.option("--cluster", metavar="ADDRESS", help="Ray cluster on which they run.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint.")
@click.option("--log", multiple=True, metavar="KIND:PLACE", help="Log to tensorboard:DIR, mlflow:URI or jsonl:FILE.")
@every_verb
def fit(data: str, target: str | None, out: str | None, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Train a deep network on raw DATA (file, glob or folder) and measure it on sealed rows."""
    from vouch import api

    place = Path(out) if out else default_out(data)
    own = {key: asked[key] for key in ("start", "backbone", "unlabelled", "workers", "cluster")}
    options = {**fit_options(asked), **own, "proof": not asked["no_proof"]}
    try:
        bundle = api.fit(
            data, target, out=place, resume=asked["resume"], log=asked["log"], progress=Reporter(quiet), **options
        )
    except KeyboardInterrupt:
        if api.resumable(place):
            print("vouch: the same command with --resume goes on from the last checkpoint", file=sys.stderr)
        raise
    if as_json:
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
        "out_of_fold": figures(bundle.evidence.out_of_fold),
        "memory": {name: bundle.run.memory.get(name) for name in ("estimated_bytes", "measured_peak_bytes")},
        "verdict": bundle.evidence.verdict,
        **({"transfer": _transfer(bundle)} if bundle.start is not None else {}),
        "notes": [*(note.text for note in bundle.run.notes), *bundle.evidence.notes],
        "seconds": round(sum(bundle.run.seconds.values()), 3),
    }


def summary(bundle: Bundle, place: Path) -> str:
    """A bundle for a reader at the terminal."""
    split, schema = bundle.split, bundle.schema
    lines = [one_line(f"{schema.task} of '{schema.target.name}' ({schema.task_why})"), ""]
    lines += [f"  {one_line(c.name):<24.24} {c.kind:<10} {c.role:<8} {one_line(c.why)}" for c in schema.columns]
    lines += ["", *(f"  {note.kind}: {note.text}" for note in bundle.run.notes)]
    lines += [
        "",
        f"rows: {len(split.train):,} train, {len(split.valid):,} valid, {len(split.test):,} test; {split.why}",
    ]
    lines += ["", _table(bundle), "", *(one_line(said) for said in (bundle.evidence.verdict, *bundle.evidence.notes))]
    lines += [one_line(found.headline) for found in _proofs(bundle)]
    lines += ["", f"bundle {place}", f"report {place / 'report.html'}"]
    return "\n".join(lines)


def _interval(metric: Estimate) -> str:
    return f"[{metric.low:.5g}, {metric.high:.5g}]"


def _transfer(bundle: Bundle) -> dict[str, Any]:
    """What starting from other weights was worth; nulls where it was not proved."""
    start = bundle.start
    assert start is not None
    told = {"source": start.name, "digest": start.digest, "how": start.how}
    empty = dict.fromkeys(("metric", "difference", "low", "high", "verdict", "headline"))
    for found in _proofs(bundle):
        moved = found.differences[0]
        ends = {"difference": moved.value, "low": moved.low, "high": moved.high}
        return {**told, "metric": moved.name, **ends, "verdict": found.verdict, "headline": found.headline}
    return {**told, **empty}


def _proofs(bundle: Bundle) -> list[Proof]:
    """The proof of what starting from other weights was worth, if there is one."""
    from vouch.contracts.proof import TRANSFER

    return [] if bundle.audit is None else [one for one in bundle.audit.proofs if one.challenge == TRANSFER]


def _table(bundle: Bundle) -> str:
    shown = [metric for metric in bundle.evidence.metrics if "[" not in metric.name]
    methods = {name: {m.name: m for m in metrics} for name, metrics in bundle.evidence.baselines.items()}
    folded = {metric.name: metric for metric in bundle.evidence.out_of_fold}
    beyond = f"{'out of fold':>12} {'95 % interval':>23}" if folded else ""
    head = f"{'on sealed rows':<22} {'network':>10} {'95 % interval':>23}{beyond}"
    rows = [head + "".join(f"{name:>22}" for name in methods)]
    for metric in shown:
        row = f"{metric.name:<22} {metric.value:>10.5g} {_interval(metric):>23}"
        if metric.name in folded:
            row += f"{folded[metric.name].value:>12.5g} {_interval(folded[metric.name]):>23}"
        beside = (found.get(metric.name) for found in methods.values())
        rows.append(row + "".join(f"{one.value:>22.5g}" if one else f"{'-':>22}" for one in beside))
    return "\n".join(rows)
