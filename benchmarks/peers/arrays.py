"""The rows that everybody trains on: real data as plain arrays, encoded before any clock runs."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.peers.work import Array, Work
from vouch.modalities.text.tokenise import learn_tokeniser

DATA = Path(os.environ.get("VOUCH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
NUMBERS = [0, 2, 4, 10, 11, 12]
Made = tuple[Work, dict[str, Array]]


def table_1e3(rows: int | None = None) -> Made:
    """1,000 rows of Adult: numbers to one scale, a column for each category."""
    with gzip.open(DATA / "adult/adult-train.csv.gz") as file:
        frame = pl.read_csv(file.read(), has_header=False)
    size = rows or 1_000
    frame = frame.sample(size * 5 // 4, seed=0)
    wanted, told = frame[:, -1], frame[:, :-1]
    numbers = told[:, NUMBERS].select(pl.all().cast(pl.String).str.strip_chars().cast(pl.Float64))
    kinds = told.drop(numbers.columns).to_dummies()
    x = np.hstack([_scaled(numbers.to_numpy(), size), kinds.to_numpy().astype(np.float32)])
    return _work(x, wanted.rank("dense").to_numpy() - 1, size, Work("mlp", {"columns": x.shape[1]}, 2, 10, 32))


def table_1e5(rows: int | None = None) -> Made:
    """100,000 card transactions, each with what it is like beside earlier ones."""
    frame = pl.read_parquet(DATA / "fraud-handbook/transactions_2018-07-25_2018-08-14.parquet")
    size = rows or 100_000
    frame = frame.sample(size * 11 // 10, seed=0)
    told = frame.select(pl.exclude("^TX_FRAUD.*$", "^.*_ID$", "TX_DATETIME"))
    x = _scaled(told.to_numpy(), size)
    return _work(x, frame["TX_FRAUD"].to_numpy(), size, Work("mlp", {"columns": x.shape[1]}, 2, 2, 512))


def pictures(rows: int | None = None) -> Made:
    """2,560 pictures of Fashion-MNIST."""
    size = rows or 2_560
    many = size * 6 // 5
    folder = DATA / "fashion-mnist"
    raw, labels = (
        np.frombuffer(gzip.decompress((folder / f"train-{name}-ubyte.gz").read_bytes()), np.uint8, offset=offset)
        for name, offset in (("images-idx3", 16), ("labels-idx1", 8))
    )
    x = (raw[: many * 784].reshape(many, 1, 28, 28) / np.float32(255) - np.float32(0.286)) / np.float32(0.353)
    return _work(x, labels[:many], size, Work("resnet", {"channels": 1}, 10, 4, 128))


def texts(rows: int | None = None) -> Made:
    """2,560 news of AG News, cut into pieces by Vouch's tokeniser."""
    size = rows or 2_560
    with gzip.open(DATA / "ag-news/train-subset.csv.gz") as file:
        frame = pl.read_csv(file.read(), has_header=False, new_columns=["class", "title", "description"])
    every = frame.select(pl.concat_str("title", "description", separator=" "))[:, 0].to_list()
    tokeniser = learn_tokeniser(every, vocabulary=16_000)
    some = frame.with_row_index().sample(size * 6 // 5, seed=0)
    x = tokeniser.encode([every[i] for i in some["index"]]).numpy().astype(np.int64)
    sizes = {"vocabulary": tokeniser.vocabulary, "tokens": x.shape[1]}
    return _work(x, some["class"].to_numpy() - 1, size, Work("transformer", sizes, 4, 2, 64))


SETS: dict[str, Callable[[int | None], Made]] = {
    "table-1e3": table_1e3, "table-1e5": table_1e5, "pictures": pictures, "texts": texts,
}  # fmt: skip


def _scaled(values: npt.NDArray[np.generic], rows: int) -> npt.NDArray[np.float32]:
    """Each column with mean 0 and standard deviation 1 over the training rows."""
    x = values.astype(np.float64)
    spread = x[:rows].std(axis=0)
    return ((x - x[:rows].mean(axis=0)) / np.where(spread > 0, spread, 1)).astype(np.float32)


def _work(x: Array, wanted: Array, rows: int, work: Work) -> Made:
    """The first rows train, the others validate."""
    y = wanted.astype(np.int64)
    return work, {"x_train": x[:rows], "y_train": y[:rows], "x_valid": x[rows:], "y_valid": y[rows:]}
