"""Any number of labels at once, written in one cell: ``red|round`` or ``red, round``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from vouch.contracts.schema import Recognition

_SEPARATORS = ("|", ";", ",")


@dataclass(frozen=True, slots=True)
class Multilabel:
    """The labels that the training rows hold, in sorted order, and the mark between them.

    Args:
        classes: names of the labels (K).
        separator: what stands between two labels of a cell.

    Example:
        >>> task = Multilabel.fit(pl.Series(["a|b", "b", ""]))
        >>> task.encode(pl.Series(["a", "a|b"])).tolist()
        [[1.0, 0.0], [1.0, 1.0]]
    """

    names: ClassVar[tuple[str, ...]] = ("multilabel",)
    kind: ClassVar[str] = "category"
    classes: tuple[str, ...]
    separator: str

    @staticmethod
    def recognise(series: pl.Series) -> Recognition | None:
        """Take text whose cells split into few labels that recombine: more different cells than labels."""
        if series.dtype != pl.String:
            return None
        for separator in ("|", ";"):
            share = float(series.str.contains(separator, literal=True).mean() or 0.0)  # type: ignore[arg-type]
            labels = series.str.split(separator).explode().str.strip_chars().n_unique()
            if share > 0.05 and labels < series.n_unique():
                return Recognition("multilabel", 0.95, f"{labels} labels separated by '{separator}'")
        return Recognition("multilabel", 0.05, "one value in each cell")

    @classmethod
    def fit(cls, series: pl.Series) -> Multilabel:
        """Find the labels in the canonical training targets."""
        cells = series.drop_nulls()
        separator = next((mark for mark in _SEPARATORS if cells.str.contains(mark, literal=True).any()), "|")
        labels = {label.strip() for cell in cells.to_list() for label in cell.split(separator)} - {""}
        return cls(tuple(sorted(labels)), separator)

    @property
    def name(self) -> str:
        """ "multilabel"."""
        return self.names[0]

    @property
    def outputs(self) -> int:
        """One logit for each label."""
        return len(self.classes)

    def encode(self, series: pl.Series) -> Tensor:
        """Cells to float32 (B, K): 1 where the row has the label."""
        return torch.from_numpy(self.truth(series).astype(np.float32))

    def truth(self, series: pl.Series) -> npt.NDArray[np.int64]:
        """Cells as the metrics want them: 0 or 1 for each label (B, K)."""
        place = {label: k for k, label in enumerate(self.classes)}
        out = np.zeros((len(series), len(self.classes)), dtype=np.int64)
        for row, cell in enumerate(series.to_list()):
            for label in (cell or "").split(self.separator):
                if label.strip() in place:
                    out[row, place[label.strip()]] = 1
        return out

    def loss(self, output: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
        """Binary cross-entropy of each row (B,), averaged over members and labels."""
        wanted = (target * (1 - smoothing) + smoothing / 2).unsqueeze(1).expand_as(output)
        return F.binary_cross_entropy_with_logits(output, wanted, reduction="none").mean(dim=(1, 2))

    def decode(self, output: Tensor) -> npt.NDArray[np.float64]:
        """Logits (B, M, K) to probabilities (B, K), averaged over members."""
        return self.answer(output.double()).numpy()

    def answer(self, output: Tensor) -> Tensor:
        """Logits (B, M, K) to probabilities (B, K), with a gradient."""
        return output.sigmoid().mean(dim=1)

    def score(self, decoded: npt.NDArray[np.float64], truth: npt.NDArray[Any]) -> float:
        """Mean negative log-likelihood over rows and labels, by which training chooses; lower is better."""
        return float(self.losses(decoded, truth).mean())

    def losses(self, decoded: npt.NDArray[np.float64], truth: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Negative log-likelihood of each row in nats, averaged over labels (B,)."""
        likelihood = np.where(truth == 1, decoded, 1 - decoded)
        return -np.log(np.clip(likelihood, 1e-12, None)).mean(axis=1)

    def frame(self, decoded: npt.NDArray[np.float64]) -> pl.DataFrame:
        """Probabilities (B, K) as columns: the labels above one half, then one probability for each label."""
        chosen = [self.separator.join(np.array(self.classes, dtype=object)[row >= 0.5]) for row in decoded]
        columns = {f"probability[{name}]": decoded[:, k] for k, name in enumerate(self.classes)}
        return pl.DataFrame({"prediction": pl.Series(chosen, dtype=pl.String), **columns})
