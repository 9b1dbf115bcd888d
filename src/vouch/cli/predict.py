"""``vouch predict``: new rows to predictions."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vouch.cli.common import emit, every_verb


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--out", "-o", help="File to write: .csv, .parquet or .jsonl.")
@click.option("--cluster", metavar="ADDRESS", help="Ray cluster that predicts in parts.")
@every_verb
def predict(
    model: str, data: str, out: str | None, cluster: str | None, as_json: bool, quiet: bool, device: str
) -> None:
    """Predict the rows of DATA with MODEL; columns may be missing, extra or in another order."""
    from vouch import api

    if out:
        api.check_table(Path(out))
        api.check_apart([out], [data, model])
    frame, notes = api.predict_with_notes(api.load(model), data, device=device, cluster=cluster)
    if notes and not quiet:
        print(*(f"{note.kind}: {note.text}" for note in notes), sep="\n", file=sys.stderr)
    if out:
        api.write_table(frame, Path(out))
    if as_json:
        shown = {} if out else {"predictions": frame.to_dicts()}
        emit({"rows": frame.height, "out": out, "notes": [note.text for note in notes], **shown})
    elif not out:
        print(frame.write_csv(), end="")
