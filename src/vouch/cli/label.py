"""``vouch label``: the rows that are worth a label next."""

from __future__ import annotations

import click

from vouch.cli.common import every_verb
from vouch.cli.table import Table


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--rows", default=100, show_default=True, help="How many rows to rank.")
@click.option("--out", "-o", help="File to write: .csv, .parquet or .jsonl.")
@every_verb
def label(model: str, data: str, rows: int, out: str | None, as_json: bool, quiet: bool, device: str) -> None:
    """Rank the rows of DATA without a label by how much MODEL would learn from it."""
    from vouch import api

    table = Table("ranked", out, as_json, quiet)
    table.check([data, model])
    frame, notes = api.label_with_notes(api.load(model), data, rows=rows, device=device)
    table.leave(frame, notes)
