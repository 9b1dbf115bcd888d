"""What the columns contributed to the answers to sealed rows, a dot for each row."""

from __future__ import annotations

import numpy as np

from vouch.challenges.black_box.attributed import Asked, Floats, Rows, Tried
from vouch.contracts.case import Case
from vouch.contracts.finding import Figure
from vouch.explainers.swarm import FEWEST_ROWS, Column, beeswarm, levels, weightiest
from vouch.wording import clean

# As many dots as an audit has room for.
_COLUMNS = 5


def row_by_row(case: Case, some: Asked, one: Tried) -> tuple[Figure, ...]:
    """The contributions of the columns that move answers most; nothing of words, of patches, or of too few rows.

    Args:
        case: whose rows they are.
        some: questions about sealed rows.
        one: what a method says of them.
    """
    if len(some.questions) != 1 or any(parts.blank is not None for parts in some.questions[0].parts):
        return ()
    question, found = some.questions[0], one.found[0]
    # Contributions to different answers are not of one scale: those to the answer that most rows are asked about stay.
    wanted = int(np.bincount(question.wanted).argmax())
    mine = question.wanted == wanted
    if mine.sum() < FEWEST_ROWS:
        return ()
    values, rows = found.values[mine], some.rows[mine]
    columns = [Column(name, values[:, k], _levels(case, name, rows)) for k, name in enumerate(question.names)]
    shown, classes = weightiest(columns, _COLUMNS), case.bundle.task.classes
    answer = (
        f"the probability of {clean(classes[wanted], 40)}" if classes else clean(case.bundle.schema.target.name, 40)
    )
    says = (
        f"Each dot is one of {len(rows)} sealed rows: right of the line the column raises {answer}, left of it lowers "
        f"it, by '{one.method.name}'. The colour says how high the value of the cell is among these rows; grey are "
        f"categories, and what is missing. “{clean(shown[0].name, 40)}” moves the answer most on average."
    )
    spec = beeswarm(says, shown, f"Contribution to {answer}")
    return (Figure("row_by_row", "What moves the answer, row by row", says, spec),)


def _levels(case: Case, name: str, rows: Rows) -> Floats:
    """How high the values of a column are; NaN where they have no order."""
    for block in case.blocks:
        if block.capabilities.continuous and name in (column.name for column in block.columns):
            series = case.dataset.frame[name][rows]
            return levels(series.to_physical().cast(float).fill_null(np.nan).to_numpy())
    return np.full(len(rows), np.nan)
