"""``vouch predict``: new rows to predictions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vouch.cli.common import Device, Json, Quiet, emit


def predict(
    model: Annotated[str, typer.Argument(help="The bundle, NAME.vouch.")],
    data: Annotated[str, typer.Argument(help="File, glob or folder.")],
    out: Annotated[str | None, typer.Option("--out", "-o", help="File to write: .csv, .parquet or .jsonl.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    device: Device = "auto",
) -> None:
    """Predict new rows; columns may be missing, extra or in another order."""
    from vouch import api

    frame, notes = api.predict_with_notes(api.load(model), data, device=device)
    if not quiet:
        print(*(f"{note.kind}: {note.text}" for note in notes), sep="\n", file=sys.stderr)
    if out:
        api.write_table(frame, Path(out))
    if json:
        shown = {} if out else {"predictions": frame.to_dicts()}
        emit({"rows": frame.height, "out": out, "notes": [note.text for note in notes], **shown})
    elif not out:
        print(frame.write_csv(), end="")
