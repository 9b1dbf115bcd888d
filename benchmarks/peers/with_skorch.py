"""The work, done by skorch: its classifier with the iterator and the callbacks that it has by default."""

from __future__ import annotations

import time
from typing import Any

import skorch  # pyright: ignore[reportMissingImports]
import torch
from skorch.callbacks import Callback  # pyright: ignore[reportMissingImports]
from skorch.dataset import Dataset  # pyright: ignore[reportMissingImports]
from skorch.helper import predefined_split  # pyright: ignore[reportMissingImports]

from benchmarks.peers import nets
from benchmarks.peers.work import Array, Report, Work, answer, mean_loss


class Ends(Callback):
    """When each epoch was over, its validation included."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_epoch_end(self, net: skorch.NeuralNet, **_: Any) -> None:
        """One more is over."""
        del net
        self.ends.append(time.perf_counter())


def do(work: Work, arrays: dict[str, Array]) -> Report:
    """Train for all epochs."""
    ends = Ends()
    fused = {"optimizer__fused": True} if work.fused else {}
    net = skorch.NeuralNetClassifier(
        nets.classifier(work.net, work.sizes, work.classes, work.seed),
        criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.AdamW, optimizer__weight_decay=0.0,
        lr=work.learning_rate, batch_size=work.batch_size, max_epochs=work.epochs + 1, iterator_train__shuffle=True,
        train_split=predefined_split(Dataset(arrays["x_valid"], arrays["y_valid"])), verbose=0,
        callbacks=[("ends", ends)], **fused,
    )  # fmt: skip
    net.fit(arrays["x_train"], arrays["y_train"])
    steps = sum(net.history[:, "train_batch_count"])
    parameters = sum(p.numel() for p in net.module_.parameters())
    logits = torch.cat(list(net.forward_iter(arrays["x_train"], training=False)))
    loss = mean_loss(logits.numpy(), arrays["y_train"])
    return Report(ends.ends, steps, parameters, loss, f"skorch {skorch.__version__}")


if __name__ == "__main__":
    answer(do)
