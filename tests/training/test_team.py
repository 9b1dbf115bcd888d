"""A team takes the steps that one process takes: the same loss curve, the same weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import torch._dynamo  # what divides weights takes seconds to import: once here, not once in every process
import torch.distributed.fsdp
from torch import Tensor, nn

from training.teams import team_of
from vouch.contracts.optimizers import SGD, Adagrad, Adam, AdamW, Muon, RMSprop, ScheduleFree
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Objective
from vouch.errors import TrainingError, UsageError
from vouch.modalities.image.augment import Augmentation, augment
from vouch.nets.bag import TextCNN
from vouch.nets.ensemble import ParameterSharingEnsemble
from vouch.nets.network import Network, outputs_of
from vouch.nets.resnet import ResNet
from vouch.nets.shared_norm import share_norms
from vouch.nets.transformer import SequenceEncoder
from vouch.objectives import L1, Mixing, Supervised
from vouch.tasks import Regression
from vouch.training.checkpoint import Checkpoints
from vouch.training.divide import divided
from vouch.training.loop import Job, train
from vouch.training.sharding import is_sharded, needed_by, whole
from vouch.training.team import ALONE, Relieved, Team

TASK = Regression(0.0, 1.0, -3.0, 3.0)
# With larger steps Adam blows the last bits of gradients that are nearly 0 up to what can be seen.
RECIPE = Recipe(epochs=4, batch_size=16, patience=0, learning_rate=1e-3, averaging=0.9)
ROWS, HELD = 83, 21
Curve = tuple[list[float], list[float], list[Tensor]]


class Same(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features

    def forward(self, x: Tensor) -> Tensor:
        return x


def numbers() -> tuple[Network, list[Tensor]]:
    trunk = ParameterSharingEnsemble(3, members=4, width=16, depth=2, dropout=0.3)
    return Network([Same(3)], trunk, 1), [torch.randn(ROWS + HELD, 3)]


def texts() -> tuple[Network, list[Tensor]]:
    embedders = [TextCNN(50, 8, dropout=0.3), SequenceEncoder(50, 6, 16, 1, dropout=0.2)]
    features = sum(int(one.features) for one in embedders)
    pieces = torch.randint(0, 50, (ROWS + HELD, 6))
    return Network(embedders, ParameterSharingEnsemble(features, 2, 8, 1, 0.1), 1), [pieces, pieces]


def pictures() -> tuple[Network, list[Tensor]]:
    return Network([ResNet(1, (8, 8), 16)], ParameterSharingEnsemble(32, 2, 8, 1, 0.1), 1), [
        torch.randn(ROWS + HELD, 1, 8, 8)
    ]


def job(
    make: Callable[[], tuple[Network, list[Tensor]]], recipe: Recipe = RECIPE, team: Team = ALONE,
    folder: Path | None = None, objective: Objective | None = None,
) -> Job:  # fmt: skip
    torch.manual_seed(0)
    network, inputs = make()
    for part in network.modules():
        if hasattr(part, "recompute"):
            part.recompute = recipe.recompute  # pyright: ignore[reportArgumentType]
    sums = torch.stack([x.float().flatten(1).mean(1) for x in inputs]).sum(0)
    y = (sums - sums.mean()) / sums.std()
    held = [x[ROWS:] for x in inputs]

    def changed(batch: list[Tensor], generator: torch.Generator) -> list[Tensor]:
        return [augment(x, Augmentation(flip=True, shift=0.1), generator) if x.ndim == 4 else x for x in batch]

    def score(outputs: Tensor) -> float:
        return float(TASK.loss(outputs, y[ROWS:], 0.0).mean())

    one = Job(
        network, inputs, y, torch.arange(ROWS), objective or Supervised(TASK), changed,
        partial(team.scored, inputs=held, score=score), recipe, Checkpoints(folder, every=0.0), silent,
    )  # fmt: skip
    alone = replace(one, evaluate=lambda network: score(outputs_of(network, held)))
    return alone if team.size == 1 else divided(one, team)


def silent(*_: object, **__: object) -> None:
    return None


def curve(one: Job) -> Curve:
    history = train(one)
    weights = [value.clone() for value in whole(one.network.state_dict()).values()]
    return [epoch.loss for epoch in history], [epoch.score for epoch in history], weights


def in_team(
    size: int, folder: Path, *args: object, **more: object
) -> list[tuple[list[float], list[float], list[Tensor]]]:
    return team_of(size, folder, lambda _: curve(job(*args, **more, team=Team.here())))  # type: ignore[arg-type]


def check_alike(
    found: list[tuple[list[float], list[float], list[Tensor]]], alone: Job, tolerance: float = 1e-4
) -> None:
    losses, scores, _ = curve(alone)
    for their_losses, their_scores, theirs in found:
        assert their_losses == pytest.approx(losses, abs=tolerance)
        assert their_scores == pytest.approx(scores, abs=tolerance)
        assert all(torch.equal(one, other) for one, other in zip(theirs, found[0][2], strict=True))


@pytest.mark.parametrize("make", [numbers, texts, pictures])
def test_two_workers_have_the_loss_curve_of_one_process(tmp_path: Path, make: Callable[..., object]) -> None:
    check_alike(in_team(2, tmp_path, make), job(make))  # type: ignore[arg-type]


def test_three_workers_with_uneven_parts_have_it_too(tmp_path: Path) -> None:
    recipe = replace(RECIPE, batch_size=10, accumulation=2)
    check_alike(in_team(3, tmp_path, numbers, recipe), job(numbers, recipe))


OTHERS = [
    replace(RECIPE, optimizer=Muon(), gradient_noise=0.05, averaging=0.0, swa=0.5),
    replace(RECIPE, optimizer=ScheduleFree(), averaging=0.0),
    replace(RECIPE, recompute=True),
]


@pytest.mark.parametrize("recipe", OTHERS)
def test_whatever_the_recipe_says_of_steps_is_the_same_in_a_team(tmp_path: Path, recipe: Recipe) -> None:
    check_alike(in_team(2, tmp_path, texts, recipe), job(texts, recipe))


def test_weights_of_rows_and_penalties_count_once(tmp_path: Path) -> None:
    def weighted(team: Team) -> Job:
        one = job(numbers, objective=L1(Supervised(TASK), 1e-3))
        one = replace(one, weights=torch.rand(ROWS + HELD, generator=torch.Generator().manual_seed(1)))
        return one if team.size == 1 else divided(one, team)

    check_alike(team_of(2, tmp_path, lambda _: curve(weighted(Team.here()))), weighted(ALONE))


def test_mixed_rows_have_partners_in_their_own_part_and_learn_about_as_well(tmp_path: Path) -> None:
    found = in_team(2, tmp_path, numbers, objective=Mixing(Supervised(TASK), mixup=0.2))
    losses, scores, _ = curve(job(numbers, objective=Mixing(Supervised(TASK), mixup=0.2)))
    assert found[0][1] == found[1][1]
    assert found[0][1][-1] == pytest.approx(scores[-1], rel=0.3)
    assert found[0][0][-1] < found[0][0][0]
    assert losses[-1] < losses[0]


def test_narrow_gradients_are_off_by_default_and_learn_about_as_well(tmp_path: Path) -> None:
    assert Recipe().gradient_sharing == "float32"
    losses, _, weights = curve(job(numbers))
    recipe = replace(RECIPE, gradient_sharing="bfloat16")
    found = in_team(2, tmp_path, numbers, recipe)
    assert found[0][0] == pytest.approx(losses, rel=0.05)
    assert not all(torch.allclose(one, other, atol=1e-5) for one, other in zip(found[0][2], weights, strict=True))


SHARDED = [replace(RECIPE, shard="on", optimizer=kind()) for kind in (AdamW, Adam, SGD, RMSprop, Adagrad)]


@pytest.mark.parametrize("recipe", [*SHARDED, replace(SHARDED[0], swa=0.5, clip=0.1, accumulation=2)])
def test_divided_weights_give_the_same_curve(tmp_path: Path, recipe: Recipe) -> None:
    def sharded(_: int) -> object:
        one = job(texts, recipe, Team.here())
        found = curve(one)
        assert is_sharded(one.network)
        held = sum(weight.to_local().numel() for weight in one.network.parameters())  # type: ignore[operator]
        assert held < 0.6 * sum(weight.numel() for weight in one.network.parameters())
        return found

    check_alike(team_of(2, tmp_path, sharded), job(texts, recipe))  # type: ignore[arg-type]


def test_divided_pictures_share_their_statistics(tmp_path: Path) -> None:
    recipe = replace(RECIPE, shard="on")
    check_alike(in_team(2, tmp_path, pictures, recipe), job(pictures, recipe))


@pytest.mark.parametrize("changes", [{"optimizer": Muon()}, {"optimizer": ScheduleFree()}, {"gradient_noise": 0.1}])
def test_what_needs_whole_weights_cannot_be_divided(tmp_path: Path, changes: dict[str, object]) -> None:
    def refused(_: int) -> bool:
        with pytest.raises(UsageError, match="cannot be divided"):
            train(job(numbers, replace(RECIPE, shard="on", **changes), Team.here()))  # type: ignore[arg-type]
        return True

    assert team_of(2, tmp_path, refused) == [True, True]


def test_weights_are_divided_by_themselves_where_they_do_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need = needed_by(job(texts).network, RECIPE)

    def is_divided(room: float) -> bool:
        monkeypatch.setattr("vouch.training.sharding.room_on", lambda _: room)
        one = job(texts, RECIPE, Team.here())
        one.team.begin(one.network, one.recipe, one.device)
        return is_sharded(one.network)

    assert team_of(2, tmp_path, lambda _: (is_divided(need), is_divided(need - 1))) == [(False, True)] * 2


CHANGES = [((2, 2), "off"), ((2, 3), "off"), ((3, 1), "off"), ((1, 2), "off"), ((2, 3), "on"), ((2, 1), "on")]


@pytest.mark.parametrize(("sizes", "shard"), CHANGES)
def test_any_number_of_workers_resumes_what_another_number_began(
    tmp_path: Path, sizes: tuple[int, int], shard: str
) -> None:  # fmt: skip
    recipe = replace(RECIPE, shard=shard)
    whole_run = curve(job(texts, recipe))

    def begin(team: Team) -> bool:
        told = []

        def stop(*_: object, **facts: int) -> None:
            told.append(facts["epoch"])
            if len(told) == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(replace(job(texts, recipe, team, tmp_path / "checkpoint" if team.first else None), progress=stop))
        return True

    def go_on(team: Team) -> object:
        return curve(job(texts, recipe, team, tmp_path / "checkpoint" if team.first else None))

    for number, (size, work) in enumerate(zip(sizes, (begin, go_on), strict=True)):
        place = tmp_path / str(number)
        place.mkdir()
        found = [work(ALONE)] if size == 1 else team_of(size, place, lambda _, work=work: work(Team.here()))
    for losses, scores, _ in found:  # type: ignore[misc]
        assert losses == pytest.approx(whole_run[0], abs=1e-4)
        assert scores == pytest.approx(whole_run[1], abs=1e-4)


def test_the_same_number_of_workers_ends_with_the_same_bits(tmp_path: Path) -> None:
    first, second = ((tmp_path / name) for name in ("first", "second"))
    first.mkdir()
    second.mkdir()
    one, other = in_team(2, first, texts), in_team(2, second, texts)
    assert one[0][0] == other[0][0]
    assert all(torch.equal(a, b) for a, b in zip(one[0][2], other[0][2], strict=True))


def test_more_workers_than_rows_in_a_batch_are_refused(tmp_path: Path) -> None:
    def refused(_: int) -> bool:
        with pytest.raises(UsageError, match="more workers than rows in a batch"):
            job(numbers, replace(RECIPE, batch_size=1), Team.here())
        return True

    assert team_of(2, tmp_path, refused) == [True, True]


def test_other_data_in_one_process_is_refused_by_all(tmp_path: Path) -> None:
    def refused(rank: int) -> bool:
        Team.here().check_data("a" * 64)
        with pytest.raises(TrainingError, match="the same data"):
            Team.here().check_data(f"{rank}" * 64)
        return True

    assert team_of(2, tmp_path, refused) == [True, True]


@pytest.mark.parametrize("rows", [1, 2, 5, 2051])
def test_outputs_come_back_in_the_order_of_the_rows(tmp_path: Path, rows: int) -> None:
    torch.manual_seed(0)
    network, x = numbers()[0], torch.randn(rows, 3)
    expected = outputs_of(network, [x])
    found = team_of(3, tmp_path, lambda _: Team.here().outputs(network, [x]))
    assert found[1] is None
    torch.testing.assert_close(found[0], expected)


def test_outputs_of_some_rows_come_back_in_their_order(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, x, rows = numbers()[0], torch.randn(100, 3), torch.randperm(100)[:41]
    found = team_of(2, tmp_path, lambda _: Team.here().outputs(network, [x], rows))
    torch.testing.assert_close(found[0], outputs_of(network, [x[rows]]))


def test_statistics_and_gradients_of_a_divided_batch_are_those_of_the_whole(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x, target = torch.randn(7, 3, 4, 5) * 3 + 100, torch.randn(7, 3, 4, 5)

    def learned(net: nn.Sequential, own: slice) -> list[Tensor]:
        taken = x[own].clone().requires_grad_()
        (net(taken) * target[own]).sum().backward()
        grads = [weight.grad for weight in net.parameters()]
        buffers = [value.clone() for value in net.buffers()]
        return [one for one in (*buffers, *grads, taken.grad) if one is not None]

    def net() -> nn.Sequential:
        torch.manual_seed(1)
        return nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.Tanh(), nn.BatchNorm2d(3), nn.Tanh())

    def member(_: int) -> list[Tensor]:
        shared = net()
        share_norms(shared)
        return learned(shared, Team.here().part(7))

    alone = learned(net(), slice(None))
    found = team_of(2, tmp_path, member)
    buffers, weights = 6, 6
    for number, value in enumerate(alone[:-1]):
        theirs = found[0][number] if number < buffers else found[0][number] + found[1][number]
        torch.testing.assert_close(theirs.to(value.dtype), value, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(torch.cat([one[-1] for one in found]), alone[-1], atol=1e-4, rtol=1e-3)
    assert len(alone) == buffers + weights + 1


def test_all_but_the_first_are_relieved() -> None:
    Team(0, 2).relieve()
    with pytest.raises(Relieved):
        Team(1, 2).relieve()


def test_a_process_alone_is_its_own_team_and_keeps_its_network_as_it_is() -> None:
    assert Team.here() is ALONE
    network = pictures()[0]
    before = [type(part) for part in network.modules()]
    ALONE.begin(network, RECIPE, torch.device("cpu"))
    assert [type(part) for part in network.modules()] == before
    assert ALONE.part(5) == slice(0, 5)
