"""The contributions of columns to the answers to many rows, one dot for each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from vouch.contracts.explaining import Explanation
from vouch.contracts.finding import Figure
from vouch.explainers.swarm import FEWEST_ROWS, MOST_ROWS, Column, beeswarm, weightiest
from vouch.report.held import thin
from vouch.wording import clean, count

_WIDTH = 440


def contributions(explanations: Sequence[Explanation]) -> Figure | None:
    """Dots for the columns that move the answer most; none of fewer than twenty rows, nor of words and patches.

    Of several answers that are explained, such as the likeliest class of each row, the one of most rows is taken; of
    more than two hundred rows as many are drawn, evenly spread.

    Args:
        explanations: of rows, in any order.
    """
    plain = [one for one in explanations if all(share.part == share.column for share in one.shares)]
    if not plain:
        return None
    answer, rows = Counter(one.answer for one in plain).most_common(1)[0]
    if rows < FEWEST_ROWS:
        return None
    same = [one for one in plain if one.answer == answer]
    drawn = [same[k] for k in thin(len(same), MOST_ROWS)]
    columns = _columns(drawn)
    shown = weightiest(columns)
    says = _says(len(drawn), rows, clean(answer, 60), shown, len(columns))
    spec = beeswarm(says, shown, f"Contribution to {clean(answer, 60)}", _WIDTH)
    return Figure("contributions", "What moves the answer, row by row", says, spec)


def _columns(explanations: Sequence[Explanation]) -> list[Column]:
    shares = [{share.column: share for share in one.shares} for one in explanations]
    return [
        Column(
            name, np.array([row[name].value for row in shares]),
            np.array([np.nan if (level := row[name].level) is None else level for row in shares]),
        )
        for name in sorted(shares[0])
    ]  # fmt: skip


def _says(drawn: int, rows: int, answer: str, shown: Sequence[Column], columns: int) -> str:
    of = f"one of {rows} rows" if drawn == rows else f"one of {drawn} of {rows} rows"
    some = f"the {len(shown)} of {columns} columns" if len(shown) < columns else count(columns, "column")
    return (
        f"Each dot is {of}: right of the line the column raises {answer}, left of it lowers it. The colour says how "
        f"high the value of the cell is among these rows; grey are categories, and what is missing. Shown are {some}, "
        f"those that move the answer most on average first, “{clean(shown[0].name, 40)}” above all."
    )
