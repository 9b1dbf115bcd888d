"""Compiled steps are the steps that the network takes without; whether they pay off is measured before training."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from cli.running import refused, run, table
from helpers import FAST, rows
from training.jobs import RECIPE, job, network, weights
from vouch.api import training
from vouch.api.preparing import gather, prepare
from vouch.contracts.recipe import Recipe
from vouch.errors import TrainingError
from vouch.training import compiling, probing
from vouch.training.compiling import Compiled
from vouch.training.loop import train
from vouch.training.probing import Gain, gain_of
from vouch.training.together import can_batch

COMPILER = next((name for name in ("c++", "g++", "clang++") if shutil.which(name)), None)
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler is here, which torch.compile needs")
# Torch's compiler uses what torch itself has deprecated.
quiet = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


@needs_compiler
@quiet
def test_compiled_steps_give_what_the_network_gives_without() -> None:
    recipe = replace(RECIPE, epochs=2, batch_size=40, dropout=0.3, clip=1.0)
    plain, quick = job(recipe), job(replace(recipe, compile="on"))
    histories = train(plain), train(quick)
    assert torch.allclose(weights(plain), weights(quick), atol=1e-5)
    for one, other in zip(*histories, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-4)
        assert one.score == pytest.approx(other.score, rel=1e-4)
    assert all(part._compiled_call_impl is None for part in quick.network.modules())


def counted(monkeypatch: pytest.MonkeyPatch) -> list[nn.Module]:
    """Modules that were asked by their compiled code; compiling itself is left out."""
    asked: list[nn.Module] = []

    def instead(part: nn.Module) -> Any:
        def call(*inputs: Any) -> Any:
            asked.append(part)
            return part._call_impl(*inputs)

        return call

    monkeypatch.setattr(compiling, "_compiled", instead)
    return asked


def test_training_alone_is_compiled_not_scoring(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    one = job(replace(RECIPE, compile="on"))
    train(one)
    assert asked == [one.network] * 20


@pytest.mark.parametrize("mode", ["off", "auto"])
def test_off_is_exact_and_compiles_nothing(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    plain, off = job(), job(replace(RECIPE, compile=mode))
    train(plain)
    train(off)
    assert not asked
    assert torch.equal(weights(plain), weights(off))


def test_mixed_rows_pass_through_compiled_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    one = job(replace(RECIPE, compile="on", mixup=0.4, epochs=1))
    train(one)
    assert set(map(type, asked)) == {type(one.network.trunk), type(next(iter(one.network.embedders)))}  # pyright: ignore


def test_what_cannot_be_compiled_is_refused_with_a_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._dynamo.exc import BackendCompilerFailed

    def fail(_: nn.Module) -> Any:
        def call(*_: Any) -> Any:
            raise BackendCompilerFailed(compiling._compiled, RuntimeError("no working C++ compiler"), None)

        return call

    monkeypatch.setattr(compiling, "_compiled", fail)
    one = job(replace(RECIPE, compile="on"))
    with pytest.raises(TrainingError, match=r"cannot be compiled here.*no working C\+\+ compiler.*compile=off"):
        train(one)
    assert one.network._compiled_call_impl is None


def test_outside_the_network_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    net = network()
    with Compiled(net, Recipe(compile="on")).inside():
        net(torch.zeros(2, 3))
    net(torch.zeros(2, 3))
    assert asked == [net]


# Seconds of a probe: first and second pass, without and with compiling. The run has 5 x 1000 steps, the probe 5.
@pytest.mark.parametrize(
    ("plain", "quick", "seconds", "worth", "says"),
    [
        (0.01, None, None, False, ""),
        (0.10, (30.05, 0.05), None, True, "compiled: steps would take 0.50 of the time, compiling 30 s of about 100 s"),
        (0.10, (70.05, 0.05), None, False, "not compiled: steps would take 0.50"),
        (0.10, (10.10, 0.12), None, False, "not compiled: steps would take 1.20"),
        (0.10, (30.05, 0.05), 40.0, False, "not compiled: steps would take 0.50 of the time, compiling 30 s of"),
        (0.10, TrainingError("the network cannot be compiled here", received="no Triton"), None, False, "no Triton"),
    ],
    ids=["too short", "worth it", "too dear", "slower", "within a budget", "impossible"],
)  # fmt: skip
def test_compiling_must_save_more_than_it_takes(
    plain: float, quick: Any, seconds: float | None, worth: bool, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def timed(_: Any, recipe: Recipe) -> tuple[float, float]:
        if recipe.compile == "off":
            return 2 * plain, plain
        if isinstance(quick, TrainingError):
            raise quick
        assert quick is not None, "it was compiled to find out that it does not pay off"
        return quick

    monkeypatch.setattr(probing, "_timed", timed)
    one = job(replace(RECIPE, compile="auto", epochs=1000))
    found = gain_of(one, seconds)
    assert found.worth == worth
    assert says in found.says


def test_a_trial_leaves_the_run_as_it_was() -> None:
    one = job(replace(RECIPE, compile="auto", epochs=3))
    before, state = weights(one), torch.random.get_rng_state()
    assert gain_of(one) == Gain(False)
    assert torch.equal(before, weights(one))
    assert torch.equal(state, torch.random.get_rng_state())


def ready_with(**settings: Any) -> Any:
    dataset, schema = gather(rows(100), "y", {})
    return prepare(dataset, schema, {"settings": {**FAST, **settings}, "device": "cpu"})


def test_on_a_processor_auto_means_off() -> None:
    assert training.settled(ready_with(compile="auto"), None).recipe.compile == "off"
    assert training.settled(ready_with(compile="on"), None).recipe.compile == "on"


@pytest.mark.parametrize(("worth", "kept"), [(True, "on"), (False, "off")])
def test_the_decision_is_kept_in_the_recipe_and_told(worth: bool, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_never_compiled", lambda _: False)
    monkeypatch.setattr(training, "gain_of", lambda *_: Gain(worth, "as measured"))
    told: list[Any] = []
    found = training.settled(
        ready_with(compile="auto"), None, lambda event, /, **facts: told.append((event, facts.get("text")))
    )
    assert found.recipe.compile == kept
    assert ("note", "as measured") in told


def test_what_trains_as_one_is_not_compiled() -> None:
    ready = ready_with(networks=3, compile="auto")
    assert training._never_compiled(ready)
    assert can_batch(training.jobs_of(training.settled(ready, None), None, training.silent))


def test_what_is_computed_twice_cannot_be_compiled(capsys, tmp_path) -> None:
    path = table(tmp_path / "a.csv")
    options = ("--set", "compile=on", "--set", "recompute=true")
    assert "not computed twice" in refused(run(capsys, "fit", path, "--target", "y", *options), "V100")
