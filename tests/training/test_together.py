"""Networks that train as one end with what each would end with alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from training.jobs import RECIPE, Numbers, job, network, weights
from vouch.contracts.optimizers import OPTIMIZERS, SGD
from vouch.contracts.recipe import Recipe
from vouch.contracts.schedules import SCHEDULES, Plateau
from vouch.errors import TrainingError
from vouch.nets.bag import TextCNN
from vouch.nets.cnn import CNN
from vouch.nets.ensemble import ParameterSharingEnsemble
from vouch.nets.network import Network, Straight
from vouch.nets.transformer import SequenceEncoder
from vouch.objectives import make_objective
from vouch.tasks import Classification
from vouch.training.loop import Job, train
from vouch.training.state import Epoch
from vouch.training.together import can_batch, mean_history, train_together

FULL = replace(RECIPE, dropout=0.3, clip=1.0, weight_decay=0.01, averaging=0.9, warmup=0.2, epochs=5)


def several(
    recipe: Recipe, count: int = 3, change: Callable[[Job, int], Job] = lambda one, _: one, **more: Any
) -> list[Job]:
    """Runs with seeds and training rows of their own, of different number."""
    jobs = []
    for number in range(count):
        rows = torch.arange(80)[torch.arange(80) % (count + 2) != number]
        own = replace(recipe, seed=recipe.seed + number, focal=0.0)
        one = replace(job(own, rows=rows[: len(rows) - number], **more), recipe=replace(own, focal=recipe.focal))
        jobs.append(change(one, number))
    steps = max(one.steps_in_epoch for one in jobs)
    return [replace(one, steps=steps) for one in jobs]


def trained(jobs: Sequence[Job]) -> list[list[Epoch]]:
    """As the verbs do it."""
    return train_together(jobs) if can_batch(jobs) else [train(one) for one in jobs]


def assert_alike(together: Sequence[Job], alone: Sequence[Job], tolerance: float = 2e-4) -> None:
    histories = trained(together), [train(one) for one in alone]
    for ours, theirs in zip(*histories, strict=True):
        assert len(ours) == len(theirs)
        assert [one.loss for one in ours] == pytest.approx([one.loss for one in theirs], rel=1e-3, abs=1e-5)
        assert [one.score for one in ours] == pytest.approx([one.score for one in theirs], rel=1e-3, abs=1e-5)
    for one, other in zip(together, alone, strict=True):
        pairs = zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
        for ours, theirs in pairs:
            assert torch.allclose(ours, theirs, atol=tolerance, rtol=1e-3)


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_every_optimiser_gives_what_it_gives_alone(kind: Any) -> None:
    recipe = replace(FULL, optimizer=kind(), learning_rate=2e-3)
    together = several(recipe)
    assert can_batch(together)
    assert_alike(together, several(recipe))


@pytest.mark.parametrize("kind", [one for one in SCHEDULES if one is not Plateau], ids=lambda kind: kind.__name__)
def test_every_schedule_with_one_rate_for_all_gives_what_it_gives_alone(kind: Any) -> None:
    recipe = replace(FULL, schedule=kind())
    together = several(recipe)
    assert can_batch(together)
    assert_alike(together, several(recipe))


@pytest.mark.parametrize(
    "change",
    [
        {"l1": 1e-3},
        {"mixup": 0.4},
        {"swa": 0.5},
        {"averaging": 0.0},
        {"clip": 0.05},
        {"batch_size": 7},
        {"patience": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_regulariser_gives_what_it_gives_alone(change: dict[str, Any]) -> None:
    recipe = replace(FULL, **change)
    together = several(recipe)
    assert can_batch(together)
    assert_alike(together, several(recipe))


def classes(recipe: Recipe, net: Callable[[], nn.Module], inputs: Tensor, weighted: bool = False) -> list[Job]:
    """Runs that learn three classes."""
    task = Classification(("a", "b", "c"))
    wanted = torch.randint(3, (100,), generator=torch.Generator().manual_seed(3))

    def judge(network: nn.Module) -> float:
        network.eval()
        with torch.no_grad():
            return float(task.loss(network(inputs[80:]), wanted[80:], 0.0).mean())

    def change(one: Job, number: int) -> Job:
        torch.manual_seed(number)
        counts = torch.rand(100) if weighted else None
        objective = make_objective(task, one.recipe, wanted[one.rows])
        return replace(
            one, network=net(), inputs=[inputs], target=wanted, objective=objective, evaluate=judge, weights=counts
        )

    return several(recipe, 3, change)


@pytest.mark.parametrize("change", [{}, {"focal": 2.0}, {"label_smoothing": 0.1}, {"mixup": 1.0}], ids=lambda c: str(c))
@pytest.mark.parametrize("weighted", [False, True])
def test_objectives_of_classes_give_what_they_give_alone(change: dict[str, Any], weighted: bool) -> None:
    recipe = replace(FULL, epochs=3, **change)
    x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))

    def made() -> list[Job]:
        return classes(
            recipe, lambda: Network([Numbers()], ParameterSharingEnsemble(3, 4, 8, 2, 0.3), 3), x, weighted
        )  # fmt: skip

    assert can_batch(made())
    assert_alike(made(), made())


@pytest.mark.parametrize("net", ["textcnn", "transformer", "groups"])
def test_nets_of_texts_and_pictures_give_what_they_give_alone(net: str) -> None:
    drawing = torch.Generator().manual_seed(0)
    texts = torch.randint(1, 30, (100, 6), generator=drawing) * (
        torch.arange(6) < torch.randint(1, 7, (100, 1), generator=drawing)
    )
    pictures = torch.randn(100, 1, 8, 8, generator=drawing)
    made: dict[str, Callable[[], Network]] = {
        "textcnn": lambda: Network([TextCNN(30, 8, members=2)], Straight([32], 2, 0.1), 3),
        "transformer": lambda: Network([SequenceEncoder(30, 6, 16, depth=1, dropout=0.2)], Straight([16], 1, 0.1), 3),
        "groups": lambda: Network([CNN(1, (8, 8), 16, "group")], Straight([32], 1, 0.1), 3),
    }
    inputs = pictures if net == "groups" else texts
    # Adam would take full steps along gradients that are nothing but rounding, such as those of the keys' bias.
    recipe = replace(FULL, epochs=2, optimizer=SGD())
    assert can_batch(classes(recipe, made[net], inputs))
    assert_alike(classes(recipe, made[net], inputs), classes(recipe, made[net], inputs))


SCORES = ([3.0, 2.0, 1.0, 4.0, 4.0, 4.0], [1.0, 2.0, 2.0], [5.0, 4.0, 3.0, 2.0, 1.0, 0.5])


def judged_by(scores: Sequence[Iterator[float]]) -> Callable[[Job, int], Job]:
    """Each network is given the scores of its number, one after the other."""
    return lambda one, number: replace(one, evaluate=lambda _: next(scores[number]))


def test_networks_that_stop_early_leave_the_batch_at_different_epochs() -> None:
    recipe = replace(FULL, epochs=6, patience=2)
    together, alone, once_more = (several(recipe, 3, judged_by([*map(iter, SCORES)])) for _ in range(3))
    assert_alike(together, alone)
    assert [len(history) for history in train_together(once_more)] == [5, 3, 6]


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("epoch", [0, 3, 5], ids=["all", "one has left", "two have left"])
def test_a_batch_that_was_interrupted_in_mid_epoch_ends_with_the_same_bits(
    kind: Any, epoch: int, tmp_path: Path
) -> None:
    recipe = replace(FULL, optimizer=kind(), patience=2, epochs=6)
    whole = several(recipe, 3, judged_by([*map(iter, SCORES)]))
    train_together(whole)
    scores = [*map(iter, SCORES)]
    stopped, seen = several(recipe, 3, judged_by(scores), folder=tmp_path / "checkpoint"), 0

    def stop(batch: list[Tensor], _: torch.Generator) -> list[Tensor]:
        nonlocal seen
        seen += 1
        if seen == 3 + epoch * stopped[2].steps_in_epoch:
            raise KeyboardInterrupt
        return batch

    with pytest.raises(KeyboardInterrupt):
        train_together([*stopped[:2], replace(stopped[2], augment=stop)])
    resumed = several(recipe, 3, judged_by(scores), folder=tmp_path / "checkpoint")
    train_together(resumed)
    for one, other in zip(whole, resumed, strict=True):
        pairs = zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_a_batch_that_was_interrupted_after_its_end_is_not_trained_again(tmp_path: Path) -> None:
    done = several(FULL, folder=tmp_path / "checkpoint")
    histories = train_together(done)

    def refuse(*_: object) -> list[Tensor]:
        raise AssertionError("a step was taken")

    again = [replace(one, augment=refuse) for one in several(FULL, folder=tmp_path / "checkpoint")]
    assert train_together(again) == histories
    for one, other in zip(done, again, strict=True):
        assert torch.equal(weights(one), weights(other))


def test_a_checkpoint_of_fewer_networks_is_refused(tmp_path: Path) -> None:
    train_together(several(replace(FULL, epochs=1), 2, folder=tmp_path / "checkpoint"))
    with pytest.raises(TrainingError, match="cannot be resumed"):
        train_together(several(FULL, 3, folder=tmp_path / "checkpoint"))


def norms() -> Network:
    """A network whose rows look at each other."""
    return Network([CNN(1, (8, 8), 16)], Straight([32], 1, 0.0), 1)


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": Plateau()}, {"gradient_noise": 0.1}, {"accumulation": 2}, {"precision": "bfloat16"},
        {"recompute": True}, {"cutmix": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_what_cannot_be_batched_is_trained_in_turn(change: dict[str, Any]) -> None:
    jobs = several(replace(FULL, epochs=2, **change))
    assert not can_batch(jobs)
    assert [len(history) for history in trained(jobs)] == [2, 2, 2]


def test_running_statistics_large_nets_and_different_steps_are_not_batched() -> None:
    small = several(FULL, 2)
    assert can_batch(small)
    assert not can_batch(several(FULL, 2, net=norms))
    assert not can_batch(several(replace(FULL, batch_size=100_000), 2, net=lambda: network(FULL, width=64)))
    assert not can_batch([small[0], replace(small[1], steps=small[0].steps_in_epoch + 1)])
    assert not can_batch([small[0], replace(small[1], recipe=replace(small[1].recipe, learning_rate=0.1))])


def test_one_network_alone_is_not_batched() -> None:
    assert not can_batch([job(FULL)])


def test_a_loss_that_is_not_a_number_is_refused_in_a_batch_too() -> None:
    spoiled = several(FULL)
    spoiled[0].inputs[0][5] = float("nan")
    with pytest.raises(TrainingError, match="learning_rate"):
        train_together(spoiled)


def test_progress_tells_the_mean_of_the_networks_that_are_trained() -> None:
    told: list[dict[str, Any]] = []
    histories = train_together(several(FULL, progress=lambda _, /, **facts: told.append(facts)))
    mean = mean_history(histories)
    assert [one["epoch"] for one in told] == [1, 2, 3, 4, 5]
    assert [one["loss"] for one in told] == pytest.approx([one.loss for one in mean])
    assert [one["score"] for one in told] == pytest.approx([one.score for one in mean])
