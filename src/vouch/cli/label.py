"""``vouch label``: the rows that are worth a label next."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vouch.cli.common import emit, every_verb


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--rows", default=100, show_default=True, help="How many rows to rank.")
@click.option("--out", "-o", help="File to write: .csv, .parquet or .jsonl.")
@every_verb
def label(model: str, data: str, rows: int, out: str | None, as_json: bool, quiet: bool, device: str) -> None:
    """Rank the rows of DATA without a label by how much MODEL would learn from it."""
    from vouch import api

    if out:
        api.check_table(Path(out))
        api.check_apart([out], [data, model])
    frame, notes = api.label_with_notes(api.load(model), data, rows=rows, device=device)
    if notes and not quiet:
        print(*(f"{note.kind}: {note.text}" for note in notes), sep="\n", file=sys.stderr)
    if out:
        api.write_table(frame, Path(out))
    if as_json:
        shown = {} if out else {"ranked": frame.to_dicts()}
        emit({"rows": frame.height, "out": out, "notes": [note.text for note in notes], **shown})
    elif not out:
        print(frame.write_csv(), end="")
