"""Pictures made to raise a number of a network: they do, and leave the network alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainers import asked as small
from explainers.pictured import KINDS, SIDE, seen_by, sight
from vouch.api.predicting import as_bundle
from vouch.challenges.black_box.randomised import shuffled
from vouch.explainers import synthesis
from vouch.explainers.synthesis import STEPS, Made, Sight, synthesised, units, unseen
from vouch.nets.network import Network, outputs_of, vectors_of


@cache
def made(name: str = "kinds", count: int = 2, seed: int = 0) -> tuple[Made, ...]:
    return synthesised(sight(name, seed=seed), count, STEPS)


def network(one: Sight) -> Network:
    assert isinstance(one.bundle.network, Network)
    return one.bundle.network


def levels(one: Sight, pictures: Tensor) -> np.ndarray:
    """Outputs less the mean of all classes, by another way than the code under test takes."""
    found = outputs_of(network(one), [pictures]).double().numpy().mean(axis=1)
    return found - found.mean(axis=1, keepdims=True)


def test_the_picture_of_a_class_goes_far_beyond_noise_and_the_mean_real_picture() -> None:
    one = sight("kinds")
    wanted = outputs_of(network(one), one.real).mean(1).argmax(1).numpy()
    generator = torch.Generator().manual_seed(1)
    noise = torch.randint(0, 256, (64, 3, SIDE, SIDE), dtype=torch.uint8, generator=generator)
    for number, picture in enumerate(made()[: len(KINDS)]):
        mine = one.real[0][torch.from_numpy(wanted == number)]
        mean = mine.float().mean(0).round().to(torch.uint8)[None]
        reached = levels(one, picture.picture[None])[0, number]
        assert reached == pytest.approx(picture.value, abs=1e-4)
        assert reached > levels(one, noise)[:, number].max() + 1
        assert reached > levels(one, mean)[0, number] + 1
        assert reached > np.median(levels(one, mine)[:, number]) + 1
        assert picture.value > picture.start + 1
        assert picture.probability is not None
        assert picture.probability > 0.9


def test_a_picture_of_a_unit_raises_the_mean_of_its_map() -> None:
    one = sight("kinds")
    embedder = network(one).embedders[0].eval()
    for picture in made()[len(KINDS) :]:
        with torch.no_grad():
            maps, real = (embedder.map(x).mean((2, 3)) for x in (picture.picture[None], one.real[0]))  # type: ignore[operator]
        number = picture.sought.number
        assert picture.value == pytest.approx(float(maps[0, number]), abs=1e-4)
        np.testing.assert_allclose(picture.real, real[:, number], atol=1e-4)
        assert picture.value > picture.real.max()
        assert picture.probability is None


def test_units_are_those_whose_activation_times_slope_is_largest() -> None:
    one = sight("kinds")
    vectors = vectors_of(network(one), one.inputs, "trunk").double().numpy()
    sizes, step = np.zeros(vectors.shape), 1e-2
    for k in range(vectors.shape[1]):
        moved = [vectors + sign * step * np.eye(vectors.shape[1])[k] for sign in (1, -1)]
        with torch.no_grad():
            up, down = (one.bundle.task.answer(network(one).answer(torch.from_numpy(x).float())) for x in moved)
        slope = (up - down).gather(1, torch.from_numpy(one.wanted)[:, None])[:, 0] / (2 * step)
        sizes[:, k] = np.abs(vectors[:, k] * slope.double().numpy())
    found, expected = units(one, 5), sizes.mean(axis=0)
    assert [unit.weight for unit in found] == pytest.approx(np.sort(expected)[::-1][:5].tolist(), rel=0.02)
    assert [unit.weight for unit in found] == pytest.approx([expected[unit.number] for unit in found], rel=0.02)
    assert [picture.sought for picture in made()[len(KINDS) :]] == found[:2]


def test_pictures_are_of_the_weights() -> None:
    one = sight("kinds")
    other = replace(one, bundle=as_bundle(replace(one.bundle, network=shuffled(network(one), 0))))
    for mine, theirs in zip(made(count=0), synthesised(other, 0, STEPS), strict=True):
        apart = (mine.picture.float() - theirs.picture.float()).abs().mean()
        assert apart > 10
        assert levels(one, theirs.picture[None])[0, mine.sought.number] < mine.value - 1


def test_a_seed_gives_the_same_pictures_and_another_one_others() -> None:
    again, others = synthesised(sight("kinds"), 2, STEPS), synthesised(sight("kinds", seed=1), 2, STEPS)
    for first, second, other in zip(made(), again, others, strict=True):
        assert torch.equal(first.picture, second.picture)
        assert not torch.equal(first.picture, other.picture)


def test_a_picture_does_not_depend_on_what_else_is_made() -> None:
    for alone, among in zip(made(count=0), made(), strict=False):
        apart = (alone.picture.float() - among.picture.float()).abs()
        assert alone.value == pytest.approx(among.value, rel=0.05)
        assert apart.mean() < 5


def state(net: nn.Module) -> tuple[dict[str, Tensor], list[bool], list[int], list[bool]]:
    kinds: tuple[Callable[[nn.Module], object], ...] = (
        lambda part: part._forward_hooks, lambda part: part._forward_pre_hooks, lambda part: part._backward_hooks,
    )  # fmt: skip
    hooks = [len(kind(part)) for part in net.modules() for kind in kinds]  # type: ignore[arg-type]
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    return weights, [part.training for part in net.modules()], hooks, [p.grad is None for p in net.parameters()]


@pytest.mark.parametrize("stopped", [0, 1, 7])
def test_the_network_is_left_as_it_was_even_when_it_is_stopped(stopped: int) -> None:
    one = sight("kinds")
    network(one).train()
    before, calls = state(network(one)), [0]

    def stop(*_: object) -> None:
        calls[0] += 1
        if calls[0] == stopped:
            raise KeyboardInterrupt

    handle = network(one).embedders[0].register_forward_pre_hook(stop)
    with suppress(KeyboardInterrupt):
        synthesised(one, 1, 8)
    handle.remove()
    after = state(network(one))
    network(one).eval()
    assert calls[0] > stopped or calls[0] == stopped > 0
    assert all(torch.equal(value, after[0][name]) for name, value in before[0].items())
    assert before[1:] == after[1:]


def test_a_quantity_is_raised_and_lowered() -> None:
    high, low = made("lightness", count=0)
    assert (high.sought.of, low.sought.of) == ("high", "low")
    assert high.value > high.real.mean() > low.value
    assert high.picture.float().mean() > low.picture.float().mean() + 30
    said = outputs_of(network(sight("lightness")), [high.picture[None]])
    assert high.value == pytest.approx(float(sight("lightness").bundle.task.decode(said)[0]), abs=1e-2)


def test_beside_other_columns_pictures_are_put_in_the_rows_that_are_explained() -> None:
    bundle, data = small.bundle("mixed")
    one = seen_by(bundle, data, count=3)
    block = next(k for k, encoder in enumerate(bundle.encoders) if encoder.columns == ("photo",))
    found = synthesised(one, 1, 4)
    assert {picture.sought.block for picture in found} == {block}
    picture = found[1]
    put = [x.clone() for x in one.inputs]
    put[block] = picture.picture.expand(3, -1, -1, -1)
    outputs = outputs_of(bundle.network, put)
    centred = outputs.mean(1) - outputs.mean((1, 2), keepdim=True)[:, 0]
    assert picture.value == pytest.approx(float(centred.mean(0)[picture.sought.number]), abs=1e-4)
    assert picture.probability == pytest.approx(bundle.task.decode(outputs).mean(0)[1], abs=1e-4)
    put[block] = one.real[block][5].expand(3, -1, -1, -1)
    outputs = outputs_of(bundle.network, put)
    centred = outputs.mean(1) - outputs.mean((1, 2), keepdim=True)[:, 0]
    assert picture.real[5] == pytest.approx(float(centred.mean(0)[picture.sought.number]), abs=1e-4)


def test_networks_side_by_side_are_looked_into_together() -> None:
    found = made("several", count=1)
    assert len(found) == len(KINDS) + 1
    assert all(picture.value > picture.start for picture in found)


def test_of_many_classes_the_likeliest_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "MOST_CLASSES", 2)
    one = sight("kinds")
    likely = one.bundle.task.decode(outputs_of(network(one), one.inputs)).mean(0)
    found = [picture.sought.number for picture in synthesised(one, 0, 1)]
    assert found == sorted(np.argsort(-likely)[:2].tolist())


@pytest.mark.parametrize("name", ["table", "text", "transformer"])
def test_without_convolutions_there_is_nothing_to_see(name: str) -> None:
    bundle, data = small.bundle(name)
    assert "convolutional" in unseen(bundle)
    with pytest.raises(ValueError, match="convolutional"):
        synthesised(seen_by(bundle, data), 1, 1)
