"""What a check says where it cannot, or need not, tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vouch.contracts.finding import Check

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from vouch.contracts.case import Case

FEWEST_ROWS = 100


def too_few(name: str, rows: int, what: str, need: int = FEWEST_ROWS) -> Check:
    """What is said where rows are too few to tell anything."""
    headline = f"Too little is known to tell: {rows:,} {what}, where {need:,} are needed."
    return Check(name, "inconclusive", headline, f"fewer than {need:,} {what}")


def not_asked(name: str, why: str) -> Check:
    """What is said where the question makes no sense."""
    return Check(name, "not applicable", f"Not asked: {why}.", why)


def together_of(case: Case, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.generic] | None:
    """Which of some rows belong together, when the user named a group."""
    return None if case.groups is None else case.groups[rows]
