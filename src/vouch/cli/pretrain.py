"""``vouch pretrain``: what can be learned without labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vouch.cli.common import Reporter, emit, every_verb, pretrain_options, without_labels
from vouch.cli.fit import default_out
from vouch.errors import one_line

if TYPE_CHECKING:
    from vouch.contracts.pretrained import Pretrained


@click.command()
@click.argument("data")
@without_labels
@click.option("--out", help="Folder to write; NAME-pretrained.vouch when not given.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint.")
@every_verb
def pretrain(data: str, out: str | None, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Learn from DATA without labels what ``fit --from`` can start from."""
    from vouch import api

    place = Path(out) if out else _default_out(data)
    try:
        made = api.pretrain(data, out=place, progress=Reporter(quiet), **pretrain_options(asked))
    except KeyboardInterrupt:
        if api.resumable(place):
            print("vouch: the same command with --resume goes on from the last checkpoint", file=sys.stderr)
        raise
    if as_json:
        emit(facts(made, place))
    else:
        print(summary(made, place))


def facts(made: Pretrained, place: Path) -> dict[str, Any]:
    """What was learned as ``--json`` gives it."""
    best = min(epoch[2] for epoch in made.run.history)
    return {
        "bundle": str(place),
        "objective": made.objective,
        "columns": [column.name for column in made.schema.features],
        "rows": {"train": made.rows[0], "valid": made.rows[1]},
        "epochs": len(made.run.history),
        "loss": best,
        "digest": made.backbone.digest,
        "notes": [note.text for note in made.run.notes],
        "seconds": round(sum(made.run.seconds.values()), 3),
    }


def summary(made: Pretrained, place: Path) -> str:
    """What was learned for a reader at the terminal."""
    first, best = made.run.history[0][2], min(epoch[2] for epoch in made.run.history)
    lines = [f"  {one_line(c.name):<24.24} {c.kind:<10} {c.role:<8} {one_line(c.why)}" for c in made.schema.columns]
    lines += ["", *(f"  {note.kind}: {note.text}" for note in made.run.notes), ""]
    lines += [
        f"learned that {made.objective}",
        f"rows: {made.rows[0]:,} train, {made.rows[1]:,} valid; {len(made.run.history)} epochs",
        f"loss on rows that no gradient has seen: {first:.4g} after the first epoch, {best:.4g} at best",
        "",
        f"bundle {place}",
        f"start from it: vouch fit DATA --target COL --from {place}",
    ]
    return "\n".join(lines)


def _default_out(data: str) -> Path:
    own = default_out(data)
    return own.with_name(f"{own.name.removesuffix('.vouch')}-pretrained.vouch")
