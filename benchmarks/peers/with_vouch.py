"""The work, done by the loop behind ``vouch fit``: the best weights are kept, which the others do not do."""

from __future__ import annotations

import copy
import time

import torch
from torch import Tensor, nn

from benchmarks.peers import nets
from benchmarks.peers.work import Array, Report, Work, answer, mean_loss
from vouch.contracts.recipe import Recipe
from vouch.modalities.image.modality import PictureEmbedding
from vouch.nets.network import Network, Straight, outputs_of
from vouch.objectives import make_objective
from vouch.tasks import Classification
from vouch.training.checkpoint import Checkpoints
from vouch.training.loop import Job, train


def network_for(work: Work) -> Network:
    """The body where Vouch has its embedders, and Vouch's own head; pictures are laid out as Vouch does it."""
    body = nets.body(work.net, work.sizes, work.seed)
    embedder: nn.Module = body
    if work.net == "resnet":
        embedder = PictureEmbedding(body, torch.zeros(1), torch.ones(1), mirror=False)  # type: ignore[arg-type]
    return Network([embedder], Straight([body.features], 1, 0.0), work.classes)


def do(work: Work, arrays: dict[str, Array]) -> Report:
    """Train for all epochs; after each the validation score is measured."""
    rows, held = len(arrays["x_train"]), torch.from_numpy(arrays["x_valid"])
    recipe = Recipe(
        seed=work.seed, epochs=work.epochs + 1, batch_size=work.batch_size, learning_rate=work.learning_rate,
        weight_decay=0.0, clip=0.0, averaging=0.0, patience=0,
    )  # fmt: skip
    task = Classification(tuple(map(str, range(work.classes))))
    x, wanted = torch.from_numpy(arrays["x_train"]), torch.from_numpy(arrays["y_train"])
    network, ends, steps, last = network_for(work), [], [0], {}

    def evaluate(network: nn.Module) -> float:
        return task.score(task.decode(outputs_of(network, [held])), arrays["y_valid"])

    def augment(batch: list[Tensor], generator: torch.Generator) -> list[Tensor]:
        del generator
        steps[0] += 1
        return batch

    def progress(event: str, /, **facts: float | int | str | None) -> None:
        del event, facts
        ends.append(time.perf_counter())
        if len(ends) == recipe.epochs:
            last.update(copy.deepcopy(network.state_dict()))

    objective = make_objective(task, recipe, wanted)
    # Texts end at different places; where a batch of them is cut is part of the loop.
    lengths = {0: (x > 0).sum(1)} if work.net == "transformer" else {}
    train(Job(
        network, [x], wanted, torch.arange(rows), objective, augment, evaluate, recipe, Checkpoints(None), progress,
        lengths=lengths,
    ))  # fmt: skip
    network.load_state_dict(last)  # the others are measured as they ended, not as they were best
    parameters = sum(p.numel() for p in network.parameters())
    loss = mean_loss(outputs_of(network, [x])[:, 0].numpy(), arrays["y_train"])
    return Report(ends, steps[0], parameters, loss, "vouch")


if __name__ == "__main__":
    answer(do)
