"""Small networks that were trained on clean data, and the same cases with other rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

import vouch
from benchmarks.plants.media import PICTURES, TEXTS
from benchmarks.plants.plant import rng_of
from benchmarks.plants.tables import HOUSES, LOANS, PATIENTS, Spots, houses, loans, patients
from vouch.api.casing import LiveCase
from vouch.testing import case_for

TABLES: dict[str, tuple[Callable[[np.random.Generator, int], pl.DataFrame], Spots]] = {
    "loans": (loans, LOANS), "patients": (patients, PATIENTS), "houses": (houses, HOUSES),
}  # fmt: skip
# Twice a check's own trainings; the clock of a case that is kept runs on while others are asked.
_TRAININGS, _SECONDS = 3.0, 1e6
_QUICK = {"epochs": 2, "members": 2, "width": 32}
_KINDS = {"code": "category", "branch": "category", "doctor": "category", "seller": "category"}


@lru_cache(maxsize=24)
def table(name: str, seed: int, rows: int = 500) -> LiveCase:
    """A table and a network that was trained on it for two epochs."""
    made = TABLES[name][0](rng_of(seed, name), rows)
    return fitted(made, seed)


@lru_cache(maxsize=12)
def texts(name: str, seed: int, rows: int = 500) -> LiveCase:
    """Texts of two classes, and a network of words."""
    rng = rng_of(seed, name)
    classes = rng.integers(0, 2, rows)
    said = TEXTS[name](rng, classes)
    return fitted({"text": said, "target": np.array(["one", "two"])[classes].tolist()}, seed)


@lru_cache(maxsize=12)
def pictures(name: str, seed: int, rows: int = 500) -> LiveCase:
    """Pictures of two classes, and a convolutional network."""
    rng = rng_of(seed, name)
    classes = rng.integers(0, 2, rows)
    drawn = PICTURES[name](rng, classes)
    settings = {"epochs": 1, "image_width": 8, "network": "cnn"}
    return fitted({"image": drawn, "target": np.array(["one", "two"])[classes].tolist()}, seed, settings)


def fitted(data: object, seed: int, settings: dict[str, Any] | None = None, **options: Any) -> LiveCase:
    """The case of a network that is trained on this data."""
    columns = data.columns if isinstance(data, pl.DataFrame) else data
    kinds = {name: kind for name, kind in _KINDS.items() if name in columns}  # type: ignore[operator]
    quick = {**_QUICK, **(settings or {})}
    bundle = vouch.fit(data, "target", settings=quick, seed=seed, types=kinds, fewest_rows=30, device="cpu", **options)
    return case_for(bundle, _TRAININGS, _SECONDS).under("data_quality")


def edited(case: LiveCase, frame: pl.DataFrame, raw: pl.DataFrame | None = None) -> LiveCase:
    """The same network and split with other rows; nothing that was computed is kept."""
    if raw is None:
        same = [name for name in case.raw.frame.columns if name not in frame.columns]
        raw = pl.DataFrame([*frame, *(case.raw.frame[name] for name in same)])
    return replace(
        case, dataset=replace(case.dataset, frame=frame), raw=replace(case.raw, frame=raw),
        means=replace(case.means, memo={}),
    )  # fmt: skip


def pixels(case: LiveCase) -> npt.NDArray[np.uint8]:
    """The pictures of a case (B, H, W, C), to be painted on."""
    options = case.bundle.schema.column("image").options
    shape = tuple(int(str(options[key])) for key in ("height", "width", "channels"))
    joined = b"".join(case.dataset.frame["image"].to_list())
    return np.frombuffer(joined, np.uint8).reshape(-1, *shape).copy()


def repainted(case: LiveCase, drawn: npt.NDArray[np.uint8]) -> LiveCase:
    """The case with other pictures."""
    cells = pl.Series("image", [one.tobytes() for one in drawn], dtype=pl.Binary)
    return edited(case, case.dataset.frame.with_columns(cells), case.raw.frame)


def copied(case: LiveCase, rows: npt.NDArray[np.int64], originals: npt.NDArray[np.int64]) -> LiveCase:
    """The case in which some rows are copies of others, in every column."""
    at = np.arange(case.dataset.frame.height)
    at[rows] = originals
    return edited(case, case.dataset.frame[at])


def apart(rng: np.random.Generator, n: int, share: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """So many rows, and as many others."""
    order, k = rng.permutation(n), round(share * n)
    return order[:k], order[k : 2 * k]
