"""The protocols that carry the house: who may be plugged in where, and what each must be able to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, runtime_checkable

from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Column, Recognition

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl
    import torch
    from torch import Tensor, nn

    from vouch.contracts.explaining import Parts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the encoded values of a modality are like; other parts ask for these, never for a modality by name.

    Args:
        continuous: values lie on a scale, so that a small step is meaningful.
        discrete: values are codes out of a finite set.
        spatial: values lie on a grid, so that neighbours belong together.
        ordered: values follow one another, so that their order means something.
        bounded: values have a smallest and a largest possible value.
    """

    continuous: bool = False
    discrete: bool = False
    spatial: bool = False
    ordered: bool = False
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A raw column with what every modality wants to know of it, found once on a sample.

    Args:
        series: all raw cells.
        sample: up to 10 000 non-missing cells, spread evenly.
        distinct: distinct values in the sample.
        root: folder against which relative paths are resolved, if any.
    """

    series: pl.Series
    sample: pl.Series
    distinct: int
    root: Path | None = None


@runtime_checkable
class Encoder(Protocol):
    """What a modality has learned from the training rows of its columns.

    An encoder is a frozen dataclass whose fields are tensors, numbers, strings, booleans or tuples of those: that is
    how it is written without pickle. ``columns`` is the first field.
    """

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are encoded together."""
        ...

    def encode(self, frame: pl.DataFrame) -> Tensor:
        """Canonical columns (B rows) to one tensor whose first dimension is B."""
        ...

    def embed(self, recipe: Recipe) -> nn.Module:
        """A module from the encoded tensor to pooled vectors (B, D), with the attribute ``features`` = D."""
        ...

    def augment(self, batch: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
        """A randomly changed batch of encoded training rows; the same batch when nothing is asked."""
        ...

    def parts(self, row: Tensor) -> Parts:
        """What may be taken out of one encoded row; parts without a blank are the same for all rows."""
        ...


@runtime_checkable
class Ragged(Protocol):
    """An encoder of rows (B, T, ...) that end at different places: its net says the same without what is behind."""

    def lengths(self, encoded: Tensor) -> Tensor:
        """How far each row reaches (B,), 0 where it is empty, int64."""
        ...


@runtime_checkable
class Redrawing(Protocol):
    """An encoder whose encoded rows, whole numbers on a grid (B, C, H, W), can be brought back to canonical cells."""

    def cells(self, encoded: Tensor) -> list[object]:
        """One canonical cell for each encoded row, as ``Modality.show`` takes it."""
        ...


@runtime_checkable
class Modality(Protocol):
    """One kind of column: how to recognise it, read it, and learn its encoder.

    ``kind`` is its name; ``joint`` says that all columns of the kind are encoded in one tensor; ``drops_unreadable``
    that a row whose cell cannot be read is left out, instead of taken as missing; ``augmentations`` are the random
    changes to training rows that a recipe may name; ``encoder`` is the class that ``fit`` returns, by which a bundle
    finds its way back.
    """

    kind: ClassVar[str]
    joint: ClassVar[bool]
    drops_unreadable: ClassVar[bool]
    capabilities: ClassVar[Capabilities]
    augmentations: ClassVar[tuple[str, ...]]

    @property
    def encoder(self) -> type:
        """The class that ``fit`` returns."""
        ...

    def recognise(self, column: RawColumn) -> Recognition | None:
        """How sure this modality is that the raw column is its own; None when it cannot read it at all."""
        ...

    def receive(self, series: pl.Series, column: Column, root: Path | None) -> pl.Series:
        """Raw cells, from a file, a frame or a request, to canonical ones; what cannot be read becomes null."""
        ...

    def show(self, cell: object, column: Column) -> str:
        """One canonical cell for a reader: short text, or a picture as a ``data:image/png`` address."""
        ...

    def fit(self, frame: pl.DataFrame, columns: Sequence[Column], recipe: Recipe, target: Tensor | None) -> Encoder:
        """Learn the encoder from canonical training rows of these columns, and their classes where there are any."""
        ...


class Target(Protocol):
    """What a task has learned from the target column: classes, or centre and scale."""

    @property
    def name(self) -> str:
        """binary, multiclass, multilabel or regression."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes or labels (K); none for a quantity."""
        ...

    @property
    def outputs(self) -> int:
        """How many numbers the head gives for one row (K)."""
        ...

    def encode(self, series: pl.Series) -> Tensor:
        """Canonical target cells to a tensor (B,) or (B, K)."""
        ...

    def loss(self, output: Tensor, target: Tensor, smoothing: float) -> Tensor:
        """Loss of each row (B,) of outputs (B, M, K) against targets: the mean of what each member M would lose."""
        ...

    def decode(self, output: Tensor) -> npt.NDArray[np.float64]:
        """Outputs (B, M, K) to what is reported: probabilities (B, K), or values (B,)."""
        ...

    def answer(self, output: Tensor) -> Tensor:
        """The same as a tensor with a gradient: probabilities (B, K), or values (B, 1)."""
        ...

    def truth(self, series: pl.Series) -> npt.NDArray[Any]:
        """Canonical target cells as the metrics want them."""
        ...

    def score(self, decoded: npt.NDArray[np.float64], truth: npt.NDArray[Any]) -> float:
        """The figure by which training chooses; lower is better."""
        ...

    def losses(self, decoded: npt.NDArray[np.float64], truth: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """How wrong each row is (B,): negative log-likelihood in nats, or the absolute error in the target's unit."""
        ...

    def frame(self, decoded: npt.NDArray[np.float64]) -> pl.DataFrame:
        """What is reported as columns: "prediction", and probabilities where there are any."""
        ...


class Objective(Protocol):
    """What one training step minimises; one may stand around another, and hand it other inputs or another network."""

    def __call__(
        self, network: nn.Module, inputs: Sequence[Tensor], wanted: Tensor, weights: Tensor | None = None, /
    ) -> Tensor:
        """Loss of one batch, a scalar with a gradient.

        Args:
            network: from inputs to outputs (B, M, K).
            inputs: encoded inputs of the batch, first dimension B.
            wanted: encoded targets (B, ...).
            weights: how much each row counts (B,); the loss is a mean under them. All count alike when not given.
        """
        ...


class Progress(Protocol):
    """Where a long job tells how far it is; the command line prints it to standard error."""

    def __call__(self, event: str, /, **facts: float | int | str | None) -> None:
        """Report one event, such as ``progress("epoch", epoch=3, loss=0.31)``."""
        ...


def by_kind(items: Sequence[T], kind: str, attribute: str = "kind") -> T:
    """The item of that kind out of an ``ALL`` tuple.

    Raises:
        KeyError: none is of that kind.
    """
    found: Mapping[str, T] = {getattr(item, attribute): item for item in items}
    return found[kind]
