"""Slices of the data that might fare worse: values of columns, pairs of them, and regions of the network's vectors.

They are proposed by training and validation rows alone; the sealed rows then say which of them truly do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from vouch.wording import clean

if TYPE_CHECKING:
    from vouch.contracts.case import Case

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

SMALLEST = 0.02
_LARGEST = 0.5
_FEW_VALUES, _QUARTERS, _LONG = 12, 4, 24
_CLUSTERS, _FARTHEST, _AXES, _LEAVES, _MOST_REFERENCE = (8, 16, 32), (0.04, 0.08), 16, 8, 4_000
_LEAST_SPREAD, _CHUNK, _PICTURE = 1e-6, 20_000, 4
_LIFT = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Rows that have something in common.

    Args:
        name: such as "age 17 to 28 and sex = Male".
        members: which of all rows (B,).
        kind: whether they have a value in common, or lie in a range, or in a region of vectors. Of ranges and regions
            some always hold the border between classes, where any network is wrong more often.
        parts: of how many conditions it is made.
        within: rows among which it is compared (B,); all where not given.
        narrow: whether it is compared with rows of which the network is just as sure and with no others.
    """

    name: str
    members: Bools
    kind: Literal["value", "range", "region"]
    parts: int = 1
    within: Bools | None = None
    narrow: bool = False


def by_columns(case: Case, asked: Rows) -> list[tuple[str, Slice]]:
    """Slices by the value of each column, or the quarter that a quantity, a text's length or a picture's light lies in.

    Args:
        case: whose columns are looked at; the target is not.
        asked: rows among which a slice has to be large enough.

    Returns:
        The slices, each with its column.
    """
    hidden = {case.bundle.schema.target.name, case.dataset.part}
    frame = case.dataset.frame
    names = [name for name in frame.columns if name not in hidden and name in _known(case)]
    found = [(name, one) for name in names for one in _of_column(frame[name], case.split.train)]
    for block in case.blocks:
        if block.capabilities.spatial and block.encoded.ndim == _PICTURE:
            name = block.columns[0].name
            light = pl.Series(block.encoded.mean(dim=(1, 2, 3), dtype=torch.float32).double().numpy())
            found += [(name, one) for one in _quarters(f"light of {clean(name, 40)}", light, case.split.train)]
    return [(name, one) for name, one in found if SMALLEST <= one.members[asked].mean() <= 1 - SMALLEST]


def by_vectors(case: Case, asked: Rows, drawn: Bools, wrong: Floats) -> list[Slice]:
    """Slices by the region that the network's vectors lie in, before its trunk and before its head.

    Regions are clusters (k-means), the rows farthest from all others, and leaves of a tree that looks for wrong rows.

    Args:
        case: whose network is asked.
        asked: rows that propose (n,).
        drawn: which of them regions are drawn by (n,).
        wrong: how wrong each of them is (n,).
    """
    every = np.unique(np.concatenate([asked, case.split.test]))
    place = np.searchsorted(every, asked[drawn])
    found: list[Slice] = []
    for before in _places(case, asked):
        vectors = _projected(case, every, asked[drawn], before)
        for what, label, narrow in _regions(vectors, place, wrong[drawn]):
            for k in range(int(label.max(initial=-1)) + 1):
                members = np.zeros(case.dataset.frame.height, bool)
                members[every] = label == k
                name = f"{what.format(k + 1)} of the vectors before the {before}"
                found.append(Slice(name, members, "region", 2, narrow=narrow and before == "head"))
    return [one for one in found if SMALLEST <= one.members[asked[drawn]].mean() <= _LARGEST]


def _regions(vectors: Floats, known: Rows, wrong: Floats) -> Iterator[tuple[str, Rows, bool]]:
    """What regions are called, which of them each row is in, and whether they were drawn around wrong rows."""
    for k in _CLUSTERS:
        yield f"cluster {{}} of {k}", _clusters(vectors[known], k, vectors), False
    far = np.linalg.norm(vectors, axis=1)
    for share in _FARTHEST:
        inside = far > np.quantile(far[known], 1 - share)
        yield f"the {share:.0%} farthest", np.where(inside, 0, -1).astype(np.int64), False
    yield "region {} of a tree", _leaves(vectors[known], wrong, vectors), True


def described(one: Slice, columns: Sequence[tuple[str, Slice]], asked: Rows) -> str:
    """A region in the words of the columns: what is far more frequent in it than elsewhere; else some of its rows."""
    if one.kind != "region":
        return one.name
    inside = one.members[asked]
    best: list[tuple[float, str]] = []
    for _, other in columns:
        mine, usual = other.members[asked][inside].mean(), other.members[asked].mean()
        if mine >= 0.5 and mine >= _LIFT * usual:
            best.append((mine / usual, f"{other.name} ({mine:.0%}, else {usual:.0%})"))
    said = ", ".join(text for _, text in sorted(best, reverse=True)[:2])
    rows = ", ".join(str(row) for row in asked[inside][:3].tolist())
    return f"{one.name}: mostly {said}" if said else f"{one.name}, such as rows {rows}"


def _known(case: Case) -> set[str]:
    """Columns that are there to be looked at: the network's, and those that were named as sensitive."""
    return {column.name for column in case.bundle.schema.features} | set(case.bundle.schema.sensitive)


def _of_column(series: pl.Series, train: Rows) -> list[Slice]:
    name = clean(series.name, 40)
    if series.dtype == pl.Binary or series.dtype.is_nested():
        return []
    missing = series.is_null().to_numpy()
    found = [Slice(f"{name} is missing", missing, "value")] if missing.any() else []
    ordered = series.dtype.is_numeric() or series.dtype.is_temporal()
    if ordered:
        if series.n_unique() > _FEW_VALUES:
            return [*found, *_quarters(name, series, train)]
    elif series.dtype == pl.String and _is_long(series):
        return [*found, *_quarters(f"length of {name}", series.str.len_chars(), train)]
    cells = series.cast(pl.String)
    counts = cells.drop_nulls().value_counts(sort=True, name="rows")
    common = counts.filter(pl.col("rows") >= SMALLEST / 2 * len(series))[cells.name].to_list()
    kind = "range" if ordered else "value"
    for value in common:
        found.append(Slice(f"{name} = {clean(value, 40)}", (cells == value).fill_null(False).to_numpy(), kind))
    return found


def _is_long(series: pl.Series) -> bool:
    typical = series.str.len_chars().median()
    return isinstance(typical, int | float) and typical > _LONG


def _quarters(name: str, series: pl.Series, train: Rows) -> list[Slice]:
    values = series.to_physical().cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    seen = values[train]
    if not np.isfinite(seen).any():
        return []
    edges = np.unique(np.nanquantile(seen, np.linspace(0, 1, _QUARTERS + 1)))
    part = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    heads = [f"{name} {_edge(series, low)} to {_edge(series, high)}" for low, high in pairwise(edges)]
    return [Slice(head, np.isfinite(values) & (part == k), "range") for k, head in enumerate(heads)]


def _edge(series: pl.Series, value: float) -> str:
    if series.dtype.is_temporal():
        return str(pl.Series([round(value)], dtype=pl.Int64).cast(series.dtype)[0])
    return f"{value:.4g}"


def _places(case: Case, rows: Rows) -> tuple[Literal["trunk", "head"], ...]:
    """Where vectors are looked at: one place where no trunk stands between the two."""
    trunk, head = (np.sort(case.embeddings(rows[:50], before), axis=1) for before in ("trunk", "head"))
    same = trunk.shape == head.shape and np.allclose(trunk, head, atol=1e-5)
    return ("head",) if same else ("trunk", "head")


def _projected(case: Case, rows: Rows, known: Rows, before: Literal["trunk", "head"]) -> Floats:
    """Vectors of rows along their main axes, each as wide as the others; axes are learned from some known rows."""
    some = case.embeddings(known[:: max(1, len(known) // _MOST_REFERENCE)], before)
    centre = some.mean(axis=0)
    spread, axes = np.linalg.eigh((some - centre).T @ (some - centre) / max(len(some), 1))
    kept = np.flatnonzero(spread > _LEAST_SPREAD * max(float(spread[-1]), 1e-24))[-_AXES:]
    whiten = axes[:, kept] / np.sqrt(spread[kept])
    parts = (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
    return np.concatenate([(case.embeddings(part, before) - centre) @ whiten for part in parts])


def _clusters(known: Floats, k: int, vectors: Floats) -> Rows:
    from sklearn.cluster import KMeans

    k = min(k, len(known))
    return KMeans(k, n_init=1, random_state=0).fit(known[:_MOST_REFERENCE]).predict(vectors).astype(np.int64)


def _leaves(known: Floats, wrong: Floats, vectors: Floats) -> Rows:
    from sklearn.tree import DecisionTreeRegressor

    fewest = max(int(SMALLEST * len(known)), 1)
    tree = DecisionTreeRegressor(max_leaf_nodes=_LEAVES, min_samples_leaf=fewest, random_state=0)
    tree.fit(known, wrong)
    return np.unique(tree.apply(vectors), return_inverse=True)[1].reshape(-1).astype(np.int64)
