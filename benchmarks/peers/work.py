"""What everybody is told and what everybody tells, as files, since each one runs in an environment of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
PARTS = ("x_train", "y_train", "x_valid", "y_valid")


@dataclass(frozen=True)
class Work:
    """What to train on what, and for how long.

    Args:
        net: "mlp", "resnet" or "transformer".
        sizes: what the net's body is made with.
        classes: how many there are (K).
        epochs: that are timed; one more goes before.
        batch_size: rows in one step, and when measuring the validation loss.
        learning_rate: of AdamW, without weight decay.
        fused: AdamW in one kernel where that is a setting of torch's; by default it is not.
        seed: of the weights and of the order of rows.
    """

    net: str
    sizes: Mapping[str, int]
    classes: int
    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    fused: bool = False
    seed: int = 0

    def write(self, folder: Path, arrays: Mapping[str, Array]) -> None:
        """Leave the work in a folder."""
        for name in PARTS:
            np.save(folder / f"{name}.npy", arrays[name], allow_pickle=False)
        (folder / "work.json").write_text(json.dumps(asdict(self)))


@dataclass(frozen=True)
class Report:
    """What training came to.

    Args:
        ends: when each epoch was over, in seconds.
        steps: that were taken in all.
        parameters: numbers that were trained.
        loss: mean cross-entropy of the training rows afterwards, in nats.
        version: of what trained.
    """

    ends: list[float]
    steps: int
    parameters: int
    loss: float
    version: str

    @property
    def seconds(self) -> float:
        """Time of all epochs but the first."""
        return self.ends[-1] - self.ends[0]


def answer(do: Callable[[Work, dict[str, Array]], Report]) -> None:
    """Read the work in the folder that is named, do it, and print the report."""
    folder = Path(sys.argv[1])
    arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in PARTS}
    print(json.dumps(asdict(do(Work(**json.loads((folder / "work.json").read_text())), arrays))))


def read_report(printed: str) -> Report:
    """The report in the last line of what was printed."""
    return Report(**json.loads(printed.strip().splitlines()[-1]))


def mean_loss(logits: Array, wanted: Array) -> float:
    """Mean cross-entropy (nats) of logits (B, K) against classes (B,)."""
    high = np.asarray(logits, np.float64)
    high = high - high.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(high).sum(axis=1)) - high[np.arange(len(high)), wanted]))
