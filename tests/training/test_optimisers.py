"""Every optimiser in OPTIMIZERS takes the steps that its source describes; one without an independent twin fails."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from training.jobs import RECIPE, TASK, job, network, unjudged, weights
from vouch.contracts.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Muon, RMSprop, ScheduleFree
from vouch.training.loop import train
from vouch.training.optimise import make_optimizer
from vouch.training.schedule_free import ScheduleFreeAdamW

DECAY, RATE = 0.1, 0.02
DECAYING = ("trunk.layers.0.weight", "trunk.layers.3.weight", "head.weight")
Step = Callable[[], None]


def groups(net: nn.Module, decay: float = DECAY) -> list[dict[str, Any]]:
    """All weights of the small network, of which only the matrices decay."""
    named = dict(net.named_parameters())
    return [
        {"params": [named[name] for name in DECAYING], "weight_decay": decay},
        {"params": [weight for name, weight in named.items() if name not in DECAYING], "weight_decay": 0.0},
    ]


def muon(net: nn.Module, chosen: Muon) -> list[torch.optim.Optimizer]:
    """Torch's own Muon on the hidden matrices, and its Adam on the rest."""
    named = dict(net.named_parameters())
    hidden = [named.pop(name) for name in DECAYING[:2]]
    return [
        torch.optim.Muon(hidden, lr=RATE / 0.13, weight_decay=DECAY, momentum=chosen.momentum),
        torch.optim.Adam(named.values(), lr=RATE, betas=(0.9, 0.99), foreach=False),
    ]


class PaperScheduleFree(torch.optim.Optimizer):
    """Algorithm 1 of Defazio et al. (2024) with AdamW, letter by letter, in float64 and numpy."""

    def __init__(self, groups: list[dict[str, Any]], chosen: ScheduleFree, rates: list[float]) -> None:
        super().__init__(groups, {"lr": RATE})
        self.chosen, self.rates, self.t = chosen, rates, 0
        self.kept: dict[Tensor, dict[str, npt.NDArray[np.float64]]] = {}

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        del closure
        self.t += 1
        b1, b2 = self.chosen.beta1, self.chosen.beta2
        rates = [r * math.sqrt(1 - b2**t) for t, r in enumerate(self.rates[: self.t], 1)]
        share = rates[-1] ** 2 / sum(rate**2 for rate in rates)
        for group in self.param_groups:
            for weight in group["params"]:
                y, g = weight.double().numpy().copy(), weight.grad.double().numpy()
                s = self.kept.setdefault(weight, {"z": y.copy(), "x": y.copy(), "v": np.zeros_like(y)})
                s["v"] = b2 * s["v"] + (1 - b2) * g**2
                step = g / (np.sqrt(s["v"]) + self.chosen.epsilon) + group["weight_decay"] * y
                s["z"] = s["z"] - rates[-1] * step
                s["x"] = (1 - share) * s["x"] + share * s["z"]
                weight.copy_(torch.from_numpy((1 - b1) * s["z"] + b1 * s["x"]))


TWINS: dict[Any, Callable[[nn.Module, Any], list[torch.optim.Optimizer]]] = {
    AdamW: lambda net, one: [
        torch.optim.AdamW(groups(net), lr=RATE, betas=(one.beta1, one.beta2), eps=one.epsilon, foreach=False)
    ],
    Adam: lambda net, one: [
        torch.optim.Adam(groups(net), lr=RATE, betas=(one.beta1, one.beta2), eps=one.epsilon, foreach=False)
    ],
    SGD: lambda net, one: [
        torch.optim.SGD(groups(net), lr=RATE, momentum=one.momentum, nesterov=one.nesterov, foreach=False)
    ],
    RMSprop: lambda net, one: [
        torch.optim.RMSprop(
            groups(net), lr=RATE, alpha=one.decay, momentum=one.momentum, eps=one.epsilon, foreach=False
        )
    ],
    Adagrad: lambda net, one: [torch.optim.Adagrad(groups(net), lr=RATE, eps=one.epsilon, foreach=False)],
    Muon: muon,
    ScheduleFree: lambda net, one: [PaperScheduleFree(groups(net), one, [RATE] * 100)],
}
# Another value of each setting, with which training must take another way.
OTHERS = {
    "beta1": 0.5, "beta2": 0.9, "epsilon": 0.1, "momentum": 0.5, "decay": 0.5, "nesterov": False,
}  # fmt: skip
SETTINGS = [(one, field.name) for one in OPTIMIZERS for field in fields(one) if field.name != "name"]


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_every_optimiser_has_a_twin_and_a_line_on_when_to_use_it(kind: Any) -> None:
    assert kind in TWINS, f"{kind.__name__} is in OPTIMIZERS: give it an independent twin in this file."
    assert kind.when
    assert {name for one, name in SETTINGS if one is kind} <= OTHERS.keys()


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_it_lowers_a_quadratic(kind: Any) -> None:
    net = nn.Linear(2, 1, bias=False)
    nn.init.constant_(net.weight, 1.0)
    curvature = torch.tensor([1.0, 10.0])
    recipe = replace(RECIPE, optimizer=kind(), learning_rate=1e-2)
    optimizer = make_optimizer(net, recipe)

    def height() -> Tensor:
        held = optimizer.averaged().get(net.weight) if isinstance(optimizer, ScheduleFreeAdamW) else None
        return (curvature * (net.weight if held is None else held).detach().square()).sum()

    first = float(height())
    for _ in range(100):
        optimizer.zero_grad()
        (curvature * net.weight.square()).sum().backward()
        optimizer.step()
    assert float(height()) < 0.7 * first


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("other", [False, True], ids=["usual", "other settings"])
def test_the_loop_takes_the_steps_of_its_twin(kind: Any, other: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # Torch's Muon makes its steps orthogonal in bfloat16; without that rounding, it takes ours.
    monkeypatch.setattr(Tensor, "bfloat16", Tensor.double)
    chosen = kind(**{name: OTHERS[name] for one, name in SETTINGS if one is kind}) if other else kind()
    # One step in each epoch, so that the order of the rows makes no difference.
    recipe = replace(RECIPE, optimizer=chosen, learning_rate=RATE, weight_decay=DECAY, batch_size=80, epochs=12)
    ours = unjudged(job(recipe))
    train(ours)
    net = network(recipe)
    twins = TWINS[kind](net, chosen)
    for _ in range(recipe.epochs):
        net.zero_grad()
        TASK.loss(net(ours.inputs[0][:80]), ours.target[:80]).mean().backward()
        for twin in twins:
            twin.step()
    if isinstance(twins[0], PaperScheduleFree):
        for weight in net.parameters():
            weight.data = torch.from_numpy(twins[0].kept[weight]["x"]).float()
    expected = torch.cat([weight.detach().flatten() for weight in net.parameters()])
    assert torch.allclose(weights(ours), expected, atol=2e-5, rtol=1e-4)
    assert not torch.allclose(weights(ours), weights(job(recipe)), atol=1e-3)


def test_a_warm_up_counts_little_in_the_schedule_free_average() -> None:
    weight = torch.tensor([1.0], requires_grad=True)
    rates = [0.01, 0.02, 0.05, 0.1, 0.1]
    ours = ScheduleFreeAdamW([{"params": [weight], "weight_decay": 0.0}], lr=0.1)
    twin_weight = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    twin = PaperScheduleFree([{"params": [twin_weight], "weight_decay": 0.0}], ScheduleFree(), rates)
    for rate in rates:
        ours.param_groups[0]["lr"] = rate
        for one, optimizer in ((weight, ours), (twin_weight, twin)):
            optimizer.zero_grad()
            one.square().sum().backward()
            optimizer.step()
    assert float(weight.detach()) == pytest.approx(float(twin_weight.detach()), rel=1e-5)
    assert float(ours.averaged()[weight]) == pytest.approx(float(twin.kept[twin_weight]["x"][0]), rel=1e-5)


@pytest.mark.parametrize(("kind", "name"), SETTINGS, ids=lambda one: getattr(one, "__name__", one))
def test_each_setting_changes_training(kind: Any, name: str) -> None:
    recipe = replace(RECIPE, optimizer=kind(), learning_rate=RATE)
    usual, other = unjudged(job(recipe)), unjudged(job(replace(recipe, optimizer=kind(**{name: OTHERS[name]}))))
    train(usual)
    train(other)
    assert not torch.allclose(weights(usual), weights(other), atol=1e-6)


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_weight_decay_pulls_the_matrices_alone_and_0_is_exact(kind: Any) -> None:
    recipe = replace(RECIPE, optimizer=kind(), learning_rate=RATE)
    plain, off, on = (
        unjudged(job(one)) for one in (recipe, replace(recipe, weight_decay=0.0), replace(recipe, weight_decay=1.0))
    )
    for one in (plain, off, on):
        train(one)
    assert torch.equal(weights(plain), weights(off))
    hidden = DECAYING[:2] if kind is Muon else DECAYING
    pulled, free = ([one.network.state_dict()[name] for name in hidden] for one in (on, plain))
    assert sum(float(weight.norm()) for weight in pulled) < sum(float(weight.norm()) for weight in free)
    groups = make_optimizer(on.network, on.recipe).param_groups
    decayed = {id(weight) for group in groups if group["weight_decay"] for weight in group["params"]}
    assert decayed == {id(weight) for name, weight in on.network.named_parameters() if name in hidden}


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_a_run_that_stopped_between_two_steps_goes_on_with_the_same_bits(kind: Any, tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimizer=kind(), dropout=0.3, clip=1.0, warmup=0.3, weight_decay=0.01)
    whole = job(recipe)
    train(whole)
    kept = job(recipe, tmp_path / "checkpoint")
    made = 0

    def stop_in_epoch_2(batch: list[Tensor], _: torch.Generator) -> list[Tensor]:
        nonlocal made
        made += 1
        if made == 8:
            raise KeyboardInterrupt
        return batch

    with pytest.raises(KeyboardInterrupt):
        train(replace(kept, augment=stop_in_epoch_2))
    resumed = job(recipe, tmp_path / "checkpoint")
    told: list[float] = []
    train(replace(resumed, augment=lambda batch, _: told.append(len(batch[0])) or batch))
    assert len(told) == 20 - 7
    assert torch.equal(weights(whole), weights(resumed))
