"""Whether sealed rows look like the rows that the network learned from, in the network's own eyes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from vouch.challenges.judging import FEWEST_ROWS, judge, together_of, too_few
from vouch.charts import curves as curve_chart
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Estimate, Figure, Suspects, Threshold
from vouch.statistics.simultaneous import several_shares
from vouch.wording import count, number

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

STRANGE = Threshold(
    "unfamiliar_share", warn=0.03, fail=0.10,
    why="one row in a hundred is beyond by construction; at 0.10 one answer in ten is given on strange ground",
)  # fmt: skip
_BEYOND = 0.01
_COMPARED, _MOST_MEASURED = 50, 1_000
_MOST_REFERENCE, _MOST_SUSPECTS = 5_000, 10_000
_NEIGHBOURS = 10
_CHUNK = 1024
_LEAST_SPREAD = 1e-6
_POINTS = 60


def out_of_distribution(case: Case) -> Check:
    """Do more of the sealed rows lie far from all training rows than chance allows?

    The score of a row is the distance to its tenth-nearest training row (Sun and others, "Out-of-Distribution Detection
    with Deep Nearest Neighbors", 2022) among the network's own vectors, whitened: those before its trunk or those
    before its head, whichever are the stranger, since a trunk may let go of what makes a row foreign. What is far is
    learned from the validation rows, which the network was not trained on either: one in a hundred of them lies beyond.
    The p-value is exact for rows that are exchangeable.

    Promises to find: 10 % of 500 sealed rows from elsewhere, where the network's vectors tell them apart, beside
    500 validation rows.
    """
    name = "out_of_distribution"
    valid, test = case.scored("valid"), case.scored("test")
    smaller, what = min((len(valid.rows), "validation rows"), (len(test.rows), "sealed rows"))
    if smaller < FEWEST_ROWS:
        return too_few(name, smaller, what)
    train = case.split.train
    if len(train) > _MOST_REFERENCE:
        train = np.sort(case.random(name).choice(train, _MOST_REFERENCE, replace=False))
    usual, seen = _strangest(case, train, (valid.rows, test.rows))
    rank = math.ceil((len(usual) + 1) * (1 - _BEYOND))
    if rank > len(usual):
        return too_few(name, len(usual), "validation rows")
    limit = float(np.sort(usual)[rank - 1])
    beyond = seen > limit
    value, low, high = several_shares(beyond, np.ones((len(beyond), 1), bool), together_of(case, test)).largest()
    share = Estimate("unfamiliar_share", value, low, high, len(beyond), "", False, method="wilson")
    p = None
    if case.groups is None:
        from scipy.stats import betabinom

        p = float(betabinom.sf(beyond.sum() - 1, len(beyond), len(usual) + 1 - rank, rank))
    threshold = case.threshold(STRANGE, name)
    found = judge(share, threshold, p)
    headline = (
        f"{count(int(beyond.sum()), 'sealed row')} of {len(beyond):,} ({number(value)}) lie farther from the training "
        f"rows than {number(1 - _BEYOND)} of the validation rows do."
    )
    order = np.argsort(-seen, kind="stable")[: min(int(beyond.sum()), _MOST_SUSPECTS)]
    far = tuple(f"{seen[i] / limit:.2f} times as far as is usual" for i in order)
    suspects = Suspects(tuple(test.rows[order].tolist()), tuple(seen[order].tolist()), far)
    figure = _distances(usual, seen, headline)
    return Check(
        name, found.verdict, headline, found.reason, (share,), threshold, p, suspects=suspects, figures=(figure,)
    )


def _strangest(case: Case, train: Rows, parts: Sequence[Rows]) -> list[Floats]:
    """The larger of two distances for rows of each part, each in units of what is rare among training rows."""
    found = []
    for before in _views(case, train):
        known = case.embeddings(train, before)
        few = known[:: max(1, len(known) // _MOST_MEASURED)]
        rare = max(float(np.quantile(strangeness(known, few), 1 - _BEYOND)), 1e-12)
        found.append([strangeness(known, case.embeddings(rows, before)) / rare for rows in parts])
    return [np.max(several, axis=0) for several in zip(*found, strict=True)]


def _views(case: Case, train: Rows) -> tuple[Literal["trunk", "head"], ...]:
    """Both places to look, or one where no trunk stands between them: then they hold the same numbers."""
    trunk, head = (np.sort(case.embeddings(train[:_COMPARED], before), axis=1) for before in ("trunk", "head"))
    same = trunk.shape == head.shape and np.allclose(trunk, head, atol=1e-5)
    return ("head",) if same else ("trunk", "head")


def strangeness(known: Floats, seen: Floats) -> Floats:
    """Distance of rows (n,) to their tenth-nearest known row, after whitening by the known rows.

    Args:
        known: vectors of the rows that are familiar (N, D).
        seen: vectors of the rows in question (n, D).

    Example:
        >>> known = np.random.default_rng(0).normal(size=(200, 3))
        >>> near, far = strangeness(known, np.array([[0.0, 0.0, 0.0], [9.0, 9.0, 9.0]]))
        >>> bool(far > 5 * near)
        True
    """
    centre = known.mean(axis=0)
    spread, axes = np.linalg.eigh((known - centre).T @ (known - centre) / len(known))
    # Directions without spread hold rounding only, and would be blown up by whitening.
    kept = spread > _LEAST_SPREAD * max(float(spread[-1]), 1e-24)
    whiten = (axes[:, kept] / np.sqrt(spread[kept])).astype(np.float32)
    base, rows = ((part - centre).astype(np.float32) @ whiten for part in (known, seen))
    nearest = min(_NEIGHBOURS, len(base)) - 1
    length = np.square(base).sum(axis=1)
    out = np.empty(len(rows))
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        squared = length - 2 * part @ base.T + np.square(part).sum(axis=1, keepdims=True)
        out[start : start + _CHUNK] = np.sqrt(np.maximum(np.partition(squared, nearest, axis=1)[:, nearest], 0))
    return out


def _distances(usual: Floats, seen: Floats, says: str) -> Figure:
    """Shares of rows that lie beyond each distance."""
    top = float(max(usual.max(), seen.max()))
    at = np.linspace(0, top, _POINTS)
    lines = {"validation rows": usual, "sealed rows": seen}
    rows = [{"x": float(x), "y": float((line > x).mean()), "line": name} for name, line in lines.items() for x in at]
    spec = curve_chart(
        says,
        rows,
        "Distance to the tenth-nearest training row, over what 1 in 100 of these exceed",
        "Share of rows beyond",
    )
    return Figure("out_of_distribution", "Distance of rows from the training rows", says, spec)
