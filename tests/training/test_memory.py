"""What a run is said to need is about what it takes, and is asked for before it starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from training.jobs import RECIPE, job, weights
from vouch.contracts.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, RMSprop, ScheduleFree
from vouch.errors import OutOfMemoryError
from vouch.nets.cnn import CNN
from vouch.nets.mlp import MLP
from vouch.nets.network import Network, Straight
from vouch.training import meter as meters
from vouch.training.loop import Job, begun, train, train_epoch
from vouch.training.memory import fitting, halved, measured, memory_of
from vouch.training.meter import Meter, free_bytes
from vouch.training.state import moments_of
from vouch.training.together import train_together


def size_of(tensors: Any) -> int:
    return sum(x.numel() * x.element_size() for x in tensors)


def large(batch: int = 4096, width: int = 1024, rows: int = 8192) -> Job:
    """A run whose inner values take a few hundred megabytes."""
    recipe = replace(RECIPE, batch_size=batch, epochs=1)
    one = job(recipe)
    x, net = torch.randn(rows, 3), Network([Same()], MLP(3, width, 4, 0.0), 1)
    return replace(
        one, network=net, inputs=[x], target=x.sum(1), rows=torch.arange(rows), evaluate=lambda _: 0.0
    )  # fmt: skip


class Same(nn.Module):
    features = 3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_moments_are_counted_to_the_byte(kind: Any) -> None:
    plain = job(replace(RECIPE, optimizer=kind()))
    memory = memory_of([plain], 20)
    state = begun(plain)
    train_epoch(plain, state)
    moments = size_of(value for value in moments_of(state.optimizer).values() if value.ndim)
    assert memory.kept == moments + size_of(state.best.values()) + size_of(state.average.values())


@pytest.mark.parametrize(
    ("optimizer", "moments"),
    [(SGD(momentum=0.0, nesterov=False), 0), (SGD(), 1), (Adagrad(), 1), (RMSprop(momentum=0.5), 2), (Adam(), 2),
     (AdamW(), 2), (ScheduleFree(), 3)],
    ids=lambda one: getattr(one, "name", one),
)  # fmt: skip
def test_moments_follow_from_the_settings(optimizer: Any, moments: int) -> None:
    plain = job(replace(RECIPE, optimizer=optimizer))
    own = size_of(plain.network.parameters())
    assert memory_of([plain], 20).kept == (2 + moments) * own


def test_what_is_resident_is_counted_to_the_byte() -> None:
    plain = job()
    expected = size_of([*plain.inputs, plain.target, *plain.network.state_dict().values()])
    assert memory_of([plain], 20).resident == expected


def test_a_step_is_told_by_the_inner_values_of_a_batch() -> None:
    net = large(rows=4096)
    step = memory_of([net], 0).step
    layer = 4096 * 1024 * 4
    # Each of four layers keeps what goes in and what comes out, and gradients are as large as the weights.
    assert 4 * layer < step < 12 * layer + size_of(net.network.parameters())
    half = memory_of([replace(net, recipe=replace(net.recipe, batch_size=2048))], 0).step
    assert half < 0.62 * step


def test_parts_of_a_batch_recomputing_and_narrower_numbers_need_less() -> None:
    def step(**changes: Any) -> int:
        recipe = replace(RECIPE, batch_size=64, **changes)
        one = job(recipe, net=lambda: Network([CNN(1, (28, 28), 16)], Straight([64], 1, 0.0), 1))
        for part in one.network.modules():
            if hasattr(part, "recompute"):
                part.recompute = recipe.recompute  # pyright: ignore[reportArgumentType]
        return memory_of([replace(one, inputs=[torch.randn(100, 1, 28, 28)])], 20).step

    assert step(accumulation=4) < 0.5 * step()
    assert step(recompute=True) < 0.9 * step()


def test_networks_that_train_as_one_need_the_memory_of_all() -> None:
    one = memory_of([job()], 20)
    five = memory_of([job(replace(RECIPE, seed=seed)) for seed in range(5)], 20)
    assert five.step == pytest.approx(5 * one.step, rel=0.01)
    assert five.kept == 5 * one.kept
    in_turn = memory_of([job(replace(RECIPE, seed=seed, gradient_noise=0.1)) for seed in range(5)], 20)
    assert in_turn.step == one.step
    assert in_turn.kept == one.kept


def test_the_estimate_changes_nothing() -> None:
    one = job(net=lambda: Network([CNN(1, (8, 8), 16)], Straight([32], 1, 0.0), 1))
    one = replace(one, inputs=[torch.randn(100, 1, 8, 8)])
    before = {name: value.clone() for name, value in one.network.state_dict().items()}
    state = torch.random.get_rng_state()
    memory_of([one], 20)
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in one.network.state_dict().items())
    assert all(weight.grad is None for weight in one.network.parameters())


def test_the_estimate_is_about_what_the_process_grows_by() -> None:
    train(large(rows=4096))
    one = large(rows=16384)
    memory = memory_of([one], 0)
    assert memory.more > 200e6
    with Meter(torch.device("cpu")) as meter:
        train(one)
    assert meter.growth is not None
    assert 0.5 < memory.more / meter.growth < 2.0


def test_enough_memory_leaves_the_recipe_as_it_is() -> None:
    one = job()
    assert fitting(measured([one], 20), 10**9)[0] == 1
    assert fitting(measured([one], 20), None)[0] == 1


def test_little_memory_passes_batches_in_parts_that_fit() -> None:
    one = large(rows=4096)
    whole = memory_of([one], 0)
    parts, memory = fitting(measured([one], 0), round(0.55 * whole.more))
    assert parts == 4
    assert memory.more < 0.55 * whole.more
    assert memory == memory_of([replace(one, recipe=replace(one.recipe, accumulation=parts))], 0)


def test_networks_that_do_not_fit_together_are_trained_in_turn() -> None:
    recipe = replace(RECIPE, batch_size=512)
    several = [replace(large(rows=512, width=64), recipe=replace(recipe, seed=n)) for n in range(3)]
    parts, memory = fitting(measured(several, 0), round(0.6 * memory_of(several, 0).more))
    assert parts == 2
    assert memory.step < memory_of(several, 0).step / 3


def test_too_little_memory_for_single_rows_is_refused_with_what_is_needed() -> None:
    with pytest.raises(OutOfMemoryError, match=r"does not fit into the memory: expected .*B free, got 1 kB"):
        fitting(measured([large(rows=512)], 0), 1000)


def test_parts_are_halved_down_to_single_rows() -> None:
    recipe = replace(RECIPE, batch_size=24)
    found = []
    while (smaller := halved(recipe)) != recipe:
        recipe = smaller
        found.append(recipe.accumulation)
    assert found == [2, 4, 8, 16, 24]


def test_free_memory_is_the_least_of_what_machine_and_container_leave(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write = [
        ("machine", "MemTotal: 9000 kB\nMemAvailable: 5000 kB\nHugePages_Total: 0\n"),
        ("own", "0::/mine\n"),
        ("groups/mine/memory.max", "4000000\n"), ("groups/mine/memory.current", "3500000\n"),
        ("groups/mine/memory.stat", "anon 1\ninactive_file 700000\n"),
    ]  # fmt: skip
    for name, text in write:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(meters, "_MACHINE", tmp_path / "machine")
    monkeypatch.setattr(meters, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(meters, "_GROUPS", tmp_path / "groups")
    cpu = torch.device("cpu")
    assert free_bytes(cpu) == 1_200_000
    (tmp_path / "groups/mine/memory.max").write_text("max\n")
    assert free_bytes(cpu) == 5_120_000
    (tmp_path / "own").write_text("6:cpu,memory:/other\n")
    for name, number in (("limit_in_bytes", 900), ("usage_in_bytes", 200)):
        file = tmp_path / "groups/memory" / f"memory.{name}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{number}\n")
    assert free_bytes(cpu) == 700
    (tmp_path / "own").unlink()
    (tmp_path / "machine").unlink()
    assert free_bytes(cpu) is None


def test_a_meter_sees_what_comes_and_goes() -> None:
    with Meter(torch.device("cpu")) as meter:
        for _ in range(8):
            torch.ones(40_000_000).sum()
    assert meter.growth is not None
    assert 100e6 < meter.growth < 400e6


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes."),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_when_memory_runs_out_in_the_first_epoch_the_network_is_as_it_was(error: BaseException) -> None:
    one = job(replace(RECIPE, averaging=0.9))
    before, steps = weights(one), 0

    def fail(*arguments: Any) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise error
        return one.objective(*arguments)

    with pytest.raises(OutOfMemoryError, match="accumulation") as caught:
        train(replace(one, objective=fail))
    assert caught.value.again
    assert torch.equal(before, weights(one))
    assert all(weight.grad is None for weight in one.network.parameters())


def test_when_memory_runs_out_later_the_run_cannot_start_again() -> None:
    steps = 0

    def fail(*arguments: Any) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == 8:
            raise MemoryError
        return one.objective(*arguments)

    one = job()
    with pytest.raises(OutOfMemoryError) as caught:
        train(replace(one, objective=fail))
    assert not caught.value.again


def test_another_error_passes_untouched() -> None:
    def fail(*_: Any) -> torch.Tensor:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        train(replace(job(), objective=fail))


def test_networks_of_a_batch_get_their_first_weights_back() -> None:
    jobs = [job(replace(RECIPE, seed=seed)) for seed in range(3)]
    before, steps = [weights(one) for one in jobs], 0

    def fail(batch: Any, _: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 5:
            raise MemoryError
        return batch

    with pytest.raises(OutOfMemoryError) as caught:
        train_together([replace(one, augment=fail) for one in jobs])
    assert caught.value.again
    assert all(torch.equal(weights(one), first) for one, first in zip(jobs, before, strict=True))
