"""How alike explanations of a network are to those of another one that knows nothing of what it has learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vouch.challenges.black_box.attributed import Floats, asked, attributed, best
from vouch.challenges.judging import not_asked, too_few
from vouch.contracts.case import Case
from vouch.contracts.explaining import Attribution, Explainer
from vouch.contracts.finding import Check, Estimate, Table, Threshold
from vouch.explainers.faithfulness import rank_correlation
from vouch.statistics.simultaneous import Together, several_means

Bools = npt.NDArray[np.bool_]
FEWEST = 20
# Of fewer parts an order means nothing, whichever network is asked.
FEWEST_PARTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """How alike the ranks of contributions are, the mean over sealed rows, for every method.

    Args:
        methods: that apply.
        chosen: the one that was best on validation rows.
        found: a figure for each of them.
    """

    methods: Sequence[Explainer]
    chosen: Explainer
    found: Together

    def estimate(self, name: str) -> Estimate:
        """The figure of the chosen method."""
        place = list(self.methods).index(self.chosen)
        value, (low, high) = self.found.value[place], self.found.alone[:, place]
        return Estimate(
            f"{name}[{self.chosen.name}]", float(value), float(low), float(high), int(self.found.n[place]),
            higher_is_better=False, method="t",
        )  # fmt: skip

    def table(self, title: str, threshold: Threshold, blind: str) -> Table:
        """All methods, those with the least likeness first; those that surely fail are called blind."""
        found = self.found
        cells = tuple(
            (self.methods[k].name, *(round(float(x[k]), 3) for x in (found.value, found.low, found.high)),
             blind if found.low[k] > threshold.fail else "")
            for k in np.argsort(found.value, kind="stable")
        )  # fmt: skip
        return Table(title, ("method", "likeness", "from", "to", ""), cells)


def unranked(case: Case, name: str, ranked: Bools) -> Check | None:
    """Why nothing can be said of ranks, if so.

    Args:
        case: the network and its data.
        name: of the check.
        ranked: which of the sealed rows have parts enough for an order to mean anything (n,).
    """
    if not ranked.any() or not asked(case, "valid").questions:
        return not_asked(name, "the network is told too few things for their order to mean anything")
    if ranked.sum() < FEWEST:
        return too_few(name, int(ranked.sum()), "sealed rows", FEWEST)
    return None


def compared(
    case: Case, methods: Sequence[Explainer], after: Sequence[Sequence[Attribution]], ranked: Bools
) -> Likeness:
    """Compare what methods say of the sealed rows with what they say where another network answers.

    Args:
        case: the network and its data.
        methods: those that apply to it.
        after: what each of them says to the same questions of the other network.
        ranked: which of the sealed rows count (n,).
    """
    before = [attributed(case, "test", method).found for method in methods]
    likes = np.stack([_likeness(*pair) for pair in zip(before, after, strict=True)], axis=1)
    # Contributions that are all alike have no ranks that could have stayed.
    members = np.broadcast_to(ranked[:, None], likes.shape)
    found = several_means(np.nan_to_num(likes, nan=0.0), members, asked(case, "test").together(case))
    return Likeness(methods, best(case, methods), found)


def _likeness(before: Sequence[Attribution], after: Sequence[Attribution]) -> Floats:
    """How alike the ranks are, of each row (n,)."""
    pairs = zip(before, after, strict=True)
    return np.concatenate([rank_correlation(one.values, other.values) for one, other in pairs])
