"""The rows that checks point at, as a table to review by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from vouch.challenges.data_quality.looking import PARTS, parts
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Finding


def export_rows(said: Check | Finding, case: Case) -> pl.DataFrame:
    """Every suspected row of a check, or of all checks of a finding, with its cells.

    Args:
        said: a check, or a finding.
        case: what it was said of.

    Returns:
        One row for each suspect: check, row (in the cleaned data), line (in the data as it was read, from 0), split,
        score, reason, then the cells; pictures are their path, or left out.
    """
    checks: Sequence[Check] = said.checks if isinstance(said, Finding) else (said,)
    rows = np.array([row for check in checks for row in check.suspects.rows], dtype=np.int64)
    lines, part = case.dataset.lines, parts(case)[rows]
    told = {
        "check": pl.Series([c.name for c in checks for _ in c.suspects.rows], dtype=pl.String),
        "row": pl.Series(rows, dtype=pl.Int64),
        "line": pl.Series(rows, dtype=pl.Int64) if lines is None else lines.gather(rows).cast(pl.Int64),
        "split": pl.Series([PARTS[at] for at in part], dtype=pl.String),
        "score": pl.Series([score for c in checks for score in c.suspects.scores], dtype=pl.Float64),
        "reason": pl.Series([reason for c in checks for reason in c.suspects.reasons], dtype=pl.String),
    }
    columns = [series.alias(name) for name, series in told.items()]
    for series in _cells(case, rows, told["line"]):
        taken = {column.name for column in columns}
        name = series.name
        while name in taken:
            name += "_"
        columns.append(series.alias(name))
    return pl.DataFrame(columns)


def _cells(case: Case, rows: np.ndarray, lines: pl.Series) -> list[pl.Series]:
    """The canonical cells of some rows; where those are bytes, the raw path, if there is one."""
    out = []
    for name in case.dataset.frame.columns:
        series = case.dataset.frame[name]
        if series.dtype == pl.Binary or series.dtype.is_nested():
            raw = case.raw.frame[name] if name in case.raw.frame.columns else series
            if raw.dtype != pl.String:
                continue
            out.append(raw.gather(lines).alias(name))
        else:
            out.append(series.gather(rows))
    return out
