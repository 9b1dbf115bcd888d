"""A quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from torch import Tensor

from vouch.contracts.schema import Recognition
from vouch.errors import TargetError

_LARGEST = 1e100


@dataclass(frozen=True, slots=True)
class Regression:
    """Centre and scale of the training targets, so that the network predicts numbers around zero.

    Args:
        centre: mean of the training targets, in their unit.
        scale: standard deviation of the training targets, in their unit.
        low: smallest training target.
        high: largest training target.

    Example:
        >>> task = Regression.fit(pl.Series([1.0, 3.0]))
        >>> task.centre, task.encode(pl.Series([3.0])).tolist()
        (2.0, [1.0])
    """

    names: ClassVar[tuple[str, ...]] = ("regression",)
    kind: ClassVar[str] = "number"
    centre: float
    scale: float
    low: float
    high: float

    @staticmethod
    def recognise(series: pl.Series) -> Recognition | None:
        """Take numbers; the fewer different ones, the less sure."""
        if not series.dtype.is_numeric():
            return None
        distinct = series.drop_nulls().n_unique()
        return Recognition("regression", 0.8 if distinct > 2 else 0.1, f"{distinct} distinct numbers")

    @classmethod
    def fit(cls, series: pl.Series) -> Regression:
        """Find centre and scale of the canonical training targets.

        Raises:
            TargetError: the values are so large that their squares cannot be added.
        """
        values = series.drop_nulls().cast(pl.Float64).to_numpy()
        low, high = float(values.min()), float(values.max())
        if max(-low, high) > _LARGEST:
            raise TargetError(
                "the values of the target are too large", where=f"column '{series.name}'",
                expected=f"at most {_LARGEST:g}", received=f"{low:g} to {high:g}",
                next_step="Give the target in a larger unit, or its logarithm.",
            )  # fmt: skip
        return cls(float(values.mean()), float(values.std()) or 1.0, low, high)

    @property
    def name(self) -> str:
        """ "regression"."""
        return self.names[0]

    @property
    def classes(self) -> tuple[str, ...]:
        """There are none."""
        return ()

    @property
    def outputs(self) -> int:
        """One number."""
        return 1

    def encode(self, series: pl.Series) -> Tensor:
        """Targets in their unit to standardised float32 (B,)."""
        values = (series.cast(pl.Float64).to_numpy() - self.centre) / self.scale
        return torch.from_numpy(values.astype(np.float32))

    def truth(self, series: pl.Series) -> npt.NDArray[np.float64]:
        """Targets as the metrics want them: in their unit (B,)."""
        return series.cast(pl.Float64).to_numpy()

    def loss(self, output: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
        """Squared error of each row (B,), averaged over members; smoothing does not apply."""
        del smoothing
        return (output[..., 0] - target.unsqueeze(1)).square().mean(dim=1)

    def decode(self, output: Tensor) -> npt.NDArray[np.float64]:
        """Outputs (B, M, 1) to values in the target's unit (B,), averaged over members."""
        return self.answer(output.double())[:, 0].numpy()

    def answer(self, output: Tensor) -> Tensor:
        """Outputs (B, M, 1) to values in the target's unit (B, 1), with a gradient."""
        return output.mean(dim=1) * self.scale + self.centre

    def score(self, decoded: npt.NDArray[np.float64], truth: npt.NDArray[Any]) -> float:
        """Root of the mean squared error, by which training chooses; lower is better."""
        return float(np.sqrt(np.square(decoded - truth).mean()))

    def losses(self, decoded: npt.NDArray[np.float64], truth: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Absolute error of each row in the target's unit (B,)."""
        return np.abs(decoded - truth)

    def frame(self, decoded: npt.NDArray[np.float64]) -> pl.DataFrame:
        """Values (B,) as the column "prediction"."""
        return pl.DataFrame({"prediction": decoded})
