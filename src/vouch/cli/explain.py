"""``vouch explain``: why a network answers rows as it does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vouch.cli.common import emit, every_verb

if TYPE_CHECKING:
    from vouch.contracts.explaining import Explained, Explanation

_SHOWN = 8


@click.command()
@click.argument("model")
@click.argument("data")
@click.option("--rows", default="0:10", show_default=True, help="Rows to explain, from 0: 0:10, or 3,7.")
@click.option("--method", help="How: shapley, ...; the one that passes its tests best when left out.")
@click.option("--class", "output", help="Class whose probability is explained.")
@click.option("--seed", default=0, help="Fixes everything that is drawn at random.")
@click.option("--out", "-o", help="File to write: .html, .json, or a table as .csv, .parquet or .jsonl.")
@every_verb
def explain(model: str, data: str, as_json: bool, quiet: bool, device: str, out: str | None, **asked: Any) -> None:
    """Say which columns, words or patches of DATA moved the answers of MODEL, and by how much."""
    from vouch import api

    api.device_of(device)
    if out:
        api.check_explained(Path(out))
        api.check_apart([out], [data, model])
    found, notes = api.explain_with_notes(api.load(model), data, **asked)
    if notes and not quiet:
        print(*(f"{note.kind}: {note.text}" for note in notes), sep="\n", file=sys.stderr)
    if out:
        api.write_explained(found, Path(out))
    if as_json:
        emit(facts(found))
    elif not out:
        print(told(found))


def facts(found: Explained) -> dict[str, Any]:
    """Explanations as ``--json`` gives them."""
    return {
        "method": found.method,
        "says": found.says,
        "notes": list(found.notes),
        "faithfulness": {one.name: one.value for one in found.faithfulness},
        "explanations": [
            {
                "row": one.row, "prediction": one.prediction, "answer": one.answer, "value": one.value,
                "base_value": one.base_value, "attributions": {share.part: share.value for share in one.shares},
                "standard_errors": {share.part: share.error for share in one.shares},
            }
            for one in found.explanations
        ],
    }  # fmt: skip


def told(found: Explained) -> str:
    """Explanations for a reader at the terminal."""
    return "\n".join([*(line for one in found.explanations for line in _lines(one)), f"{found.method}: {found.says}"])


def _lines(one: Explanation) -> list[str]:
    from vouch.wording import clean, number

    head = f"row {one.row}: {clean(str(one.prediction), 60)}; {clean(one.answer, 60)} {number(one.value)}"
    lines = [f"{head}, {number(one.base_value)} without any part"]
    for share in one.shares[:_SHOWN]:
        cell = f" = {clean(share.cell, 40)}" if share.cell and not share.cell.startswith("data:") else ""
        lines.append(f"  {share.value:+.3g}  {clean(share.part, 60)}{cell}")
    rest = one.shares[_SHOWN:]
    if rest:
        lines.append(f"  {sum(share.value for share in rest):+.3g}  {len(rest)} other parts together")
    return [*lines, ""]
