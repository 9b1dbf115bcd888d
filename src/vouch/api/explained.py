"""Explanations as files: a page, JSON, or a tidy table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from vouch.api.outputs import check_table, check_text, write_table, write_text
from vouch.contracts.explaining import Explained, Explanation
from vouch.contracts.synthesis import Synthesis
from vouch.report.explained import explained_page
from vouch.report.synthesis import anchor

_TEXTS = (".html", ".json")


def check_explained(path: Path) -> None:
    """Make sure that explanations can be written to a place, before time is spent on them.

    Raises:
        UsageError: its ending is none of .html, .json, .csv, .parquet and .jsonl.
        OutputError: the place cannot be written.
    """
    if path.suffix.lower() in _TEXTS:
        check_text(path)
    else:
        check_table(path)


def write_explained(found: Explained, path: Path, title: str) -> Path:
    """Write explanations as the ending says: whole, or not at all.

    Args:
        found: explanations of some rows.
        path: where to; .html is a page, .json what ``--json`` prints, anything else a tidy table.
        title: what was explained, for the page.

    Raises:
        UsageError: its ending is none that can be written.
        OutputError: the place cannot be written.
    """
    ending = path.suffix.lower()
    if ending == ".html":
        return write_text(explained_page(found, title), path)
    if ending == ".json":
        return write_text(json.dumps(explained_facts(found), ensure_ascii=False, indent=1), path)
    return write_table(explained_table(found), path)


def explained_table(found: Explained) -> pl.DataFrame:
    """One row for each part of each explained row: "row", "part", "column", "cell", "value", "error"."""
    shares = [(one, share) for one in found.explanations for share in one.shares]
    return pl.DataFrame({
        "row": pl.Series([one.row for one, _ in shares], dtype=pl.Int64),
        "answer": pl.Series([one.answer for one, _ in shares], dtype=pl.String),
        "part": pl.Series([share.part for _, share in shares], dtype=pl.String),
        "column": pl.Series([share.column for _, share in shares], dtype=pl.String),
        "cell": pl.Series([_written(share.cell) for _, share in shares], dtype=pl.String),
        "value": pl.Series([share.value for _, share in shares], dtype=pl.Float64),
        "standard_error": pl.Series([share.error for _, share in shares], dtype=pl.Float64),
    })  # fmt: skip


def explained_facts(found: Explained, page: str = "") -> dict[str, Any]:
    """Explanations as ``vouch explain --json`` gives them.

    Args:
        found: explanations of some rows.
        page: on which they are shown as well, if there is one.
    """
    return {
        "method": found.method,
        "says": found.says,
        "background": found.background,
        "notes": list(found.notes),
        "faithfulness": {one.name: {"value": one.value, "low": _finite(one.low), "high": _finite(one.high), "n": one.n}
                         for one in found.faithfulness},
        "explanations": [
            {
                "row": one.row, "prediction": one.prediction, "answer": one.answer, "value": one.value,
                "base_value": one.base_value, "attributions": {share.part: share.value for share in one.shares},
                "standard_errors": {share.part: share.error for share in one.shares},
                **_beside(one),
            }
            for one in found.explanations
        ],
        **({} if found.synthesis is None else {"synthesis": _inside(found.synthesis, page)}),
    }  # fmt: skip


def _beside(one: Explanation) -> dict[str, Any]:
    """What else was asked for of a row."""
    facts: dict[str, Any] = {}
    if (turned := one.what_if) is not None:
        facts["what_if"] = {
            "changes": [{"part": change.part, "before": _written(change.before), "after": _written(change.after)}
                        for change in turned.changes],
            "prediction": turned.prediction or None, "answer": turned.answer or None, "value": turned.value,
            "like": turned.like if turned.like >= 0 else None,
        }  # fmt: skip
    if one.alike:
        facts["alike"] = [
            {"row": row.row, "target": row.target, "cosine": row.cosine, "influence": row.influence}
            for row in one.alike
        ]  # fmt: skip
    return facts


def _inside(seen: Synthesis, page: str) -> dict[str, Any]:
    """What was seen inside the network, in numbers, and where the pictures are."""
    return {
        "steps": seen.steps, "output": seen.output, "rows": seen.rows, "training_rows": seen.training,
        "notes": list(seen.notes),
        "pictures": [
            {
                "of": one.of, "name": one.name, "column": one.column, "value": one.value, "start": one.start,
                "probability": one.probability, "weight": one.weight, "exceeds": one.exceeds,
                "exceeds_shown": one.exceeds_shown / len(one.real),
                "real": [{"row": row.row, "target": row.target or None, "value": row.value} for row in one.real],
                "picture": f"{page}#{anchor(number)}" if page else None,
            }
            for number, one in enumerate(seen.pictures)
        ],
    }  # fmt: skip


def _written(cell: str) -> str:
    """What stands in a cell; a picture is not written out."""
    return "" if cell.startswith("data:") else cell


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None
