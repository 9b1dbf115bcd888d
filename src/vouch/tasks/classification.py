"""One class out of two or more."""

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
from vouch.errors import TargetError

_MOST_CLASSES = 1000
_FEW_NUMBERS = 10


@dataclass(frozen=True, slots=True)
class Classification:
    """The classes that the training rows hold, in sorted order; of two, the second is the positive one.

    Args:
        classes: names of the classes (K).

    Example:
        >>> task = Classification.fit(pl.Series(["no", "yes", "no"]))
        >>> task.name, task.encode(pl.Series(["yes", "no"])).tolist()
        ('binary', [1, 0])
    """

    names: ClassVar[tuple[str, ...]] = ("binary", "multiclass")
    kind: ClassVar[str] = "category"
    classes: tuple[str, ...]

    @staticmethod
    def recognise(series: pl.Series) -> Recognition | None:
        """Take text, booleans, and numbers of which there are few different whole ones."""
        distinct = series.drop_nulls().n_unique()
        name = "binary" if distinct == 2 else "multiclass"
        if series.dtype.is_numeric():
            whole = bool((series.cast(pl.Float64).drop_nulls() % 1 == 0).all())
            sure = 0.9 if whole and distinct <= _FEW_NUMBERS else 0.3 if distinct <= _MOST_CLASSES else 0.0
            return Recognition(name, sure, f"{distinct} distinct whole numbers" if whole else f"{distinct} numbers")
        sure = 0.9 if distinct <= _MOST_CLASSES else 0.0
        return Recognition(name, sure, f"{distinct} distinct values")

    @classmethod
    def fit(cls, series: pl.Series) -> Classification:
        """Find the classes in the canonical training targets; numbers sort as numbers.

        Raises:
            TargetError: there is one class only.
        """
        values = series.drop_nulls().unique().to_list()
        if len(values) < 2:
            raise TargetError(
                "the training rows hold one class only", where=f"column '{series.name}'", received=repr(values)[:60],
                next_step="Split the data so that every class is among the training rows.",
            )  # fmt: skip
        return cls(tuple(sorted(values, key=_natural)))

    @property
    def name(self) -> str:
        """ "binary" for two classes, else "multiclass"."""
        return "binary" if len(self.classes) == 2 else "multiclass"

    @property
    def outputs(self) -> int:
        """One logit for each class."""
        return len(self.classes)

    def encode(self, series: pl.Series) -> Tensor:
        """Class names to int64 codes (B,); -1 for a class that training never saw."""
        codes = pl.Series(range(len(self.classes)), dtype=pl.Int64)
        known = series.replace_strict(pl.Series(self.classes, dtype=pl.String), codes, default=-1)
        return torch.from_numpy(known.to_numpy().copy())

    def truth(self, series: pl.Series) -> npt.NDArray[np.int64]:
        """Class names as the metrics want them: codes (B,)."""
        return self.encode(series).numpy()

    def loss(self, output: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
        """Cross-entropy of each row (B,), averaged over members."""
        if output.shape[1] == 1:
            return F.cross_entropy(output.squeeze(1), target, label_smoothing=smoothing, reduction="none")
        wanted = target.repeat_interleave(output.shape[1])
        rows = F.cross_entropy(output.flatten(0, 1), wanted, label_smoothing=smoothing, reduction="none")
        return rows.view(output.shape[:2]).mean(dim=1)

    def decode(self, output: Tensor) -> npt.NDArray[np.float64]:
        """Logits (B, M, K) to probabilities (B, K), averaged over members."""
        return self.answer(output.double()).numpy()

    def answer(self, output: Tensor) -> Tensor:
        """Logits (B, M, K) to probabilities (B, K), with a gradient."""
        return output.softmax(dim=-1).mean(dim=1)

    def score(self, decoded: npt.NDArray[np.float64], truth: npt.NDArray[Any]) -> float:
        """Mean negative log-likelihood in nats, by which training chooses; lower is better."""
        return float(self.losses(decoded, truth).mean())

    def losses(self, decoded: npt.NDArray[np.float64], truth: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Negative log-likelihood of each row in nats (B,); a class that training never saw had no likelihood."""
        likelihood = np.where(truth >= 0, decoded[np.arange(len(truth)), truth], 0.0)
        return -np.log(np.clip(likelihood, 1e-12, None))

    def frame(self, decoded: npt.NDArray[np.float64]) -> pl.DataFrame:
        """Probabilities (B, K) as columns: the prediction, then one probability for each class."""
        labels = np.array(self.classes, dtype=object)[decoded.argmax(axis=1)]
        columns = {f"probability[{name}]": decoded[:, k] for k, name in enumerate(self.classes)}
        return pl.DataFrame({"prediction": pl.Series(labels.tolist(), dtype=pl.String), **columns})


def _natural(value: str) -> tuple[int, float, str]:
    try:
        return (0, float(value), value)
    except ValueError:
        return (1, 0.0, value)
