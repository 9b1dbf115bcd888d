"""The work, done by Lightning: DataLoaders over a TensorDataset, without logger, checkpoints and progress bar."""

from __future__ import annotations

import time

import lightning  # pyright: ignore[reportMissingImports]
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.peers import nets
from benchmarks.peers.work import Array, Report, Work, answer, mean_loss


class Model(lightning.LightningModule):
    """The net, as Lightning wants it."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.net = nets.classifier(work.net, work.sizes, work.classes, work.seed)
        self.work = work

    def training_step(self, batch: tuple[Tensor, Tensor], number: int) -> Tensor:
        """The loss of a batch."""
        del number
        loss = F.cross_entropy(self.net(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], number: int) -> None:
        """The validation loss of a batch."""
        del number
        self.log("valid_loss", F.cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        fused = True if self.work.fused else None
        return torch.optim.AdamW(self.parameters(), lr=self.work.learning_rate, weight_decay=0.0, fused=fused)


class Ends(lightning.Callback):
    """When each epoch was over, its validation included."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """One more is over."""
        del trainer, module
        self.ends.append(time.perf_counter())


def do(work: Work, arrays: dict[str, Array]) -> Report:
    """Train for all epochs."""
    x, wanted, held, truth = (torch.from_numpy(arrays[name]) for name in ("x_train", "y_train", "x_valid", "y_valid"))
    model, ends = Model(work), Ends()
    trainer = lightning.Trainer(
        accelerator="cpu", devices=1, max_epochs=work.epochs + 1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0, callbacks=[ends],
    )  # fmt: skip
    trainer.fit(
        model,
        DataLoader(TensorDataset(x, wanted), work.batch_size, shuffle=True),
        DataLoader(TensorDataset(held, truth), work.batch_size),
    )
    model.eval()
    with torch.inference_mode():
        logits = torch.cat([model.net(part) for part in x.split(work.batch_size)])
    parameters = sum(p.numel() for p in model.parameters())
    loss = mean_loss(logits.numpy(), arrays["y_train"])
    return Report(ends.ends, trainer.global_step, parameters, loss, f"lightning {lightning.__version__}")


if __name__ == "__main__":
    answer(do)
