"""``vouch predict``: new rows to predictions."""

from __future__ import annotations

import click

from vouch.cli.common import every_verb
from vouch.cli.table import Table


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

    table = Table("predictions", out, as_json, quiet)
    table.check([data, model])
    frame, notes = api.predict_with_notes(api.load(model), data, device=device, cluster=cluster)
    table.leave(frame, notes)
