"""Each change of RandAugment against Pillow, and the draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from sklearn.datasets import load_sample_images
from torch import Generator, Tensor

from vouch.modalities.image.moves import resample
from vouch.modalities.image.randaugment import MOVES, STRENGTH, VALUES, _where, draw, moves, randaugment

# What Pillow does for an amount, as the paper's settings have it.
PILLOW = {
    "autocontrast": lambda picture, _: ImageOps.autocontrast(picture),
    "equalise": lambda picture, _: ImageOps.equalize(picture),
    "posterise": lambda picture, amount: ImageOps.posterize(picture, 8 - round(4 * abs(amount))),
    "solarise": lambda picture, amount: ImageOps.solarize(picture, math.ceil(255 * (1 - abs(amount)))),
    "colour": lambda picture, amount: ImageEnhance.Color(picture).enhance(1 + 0.9 * amount),
    "contrast": lambda picture, amount: ImageEnhance.Contrast(picture).enhance(1 + 0.9 * amount),
    "brightness": lambda picture, amount: ImageEnhance.Brightness(picture).enhance(1 + 0.9 * amount),
    "sharpness": lambda picture, amount: ImageEnhance.Sharpness(picture).enhance(1 + 0.9 * amount),
}


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def photos() -> list[np.ndarray]:
    """Parts of two photos, dull ones too, (H, W, C)."""
    found = [photo[100:148, 200:264] for photo in load_sample_images().images]
    return [*found, *(one // 2 + 30 for one in found)]


def tensor(pictures: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


def test_every_change_of_value_is_compared_with_pillow() -> None:
    assert set(VALUES) == set(PILLOW)


@pytest.mark.parametrize("amount", [-0.3, 0.3, 0.9])
@pytest.mark.parametrize("name", VALUES)
def test_a_change_of_value_is_that_of_pillow(name: str, amount: float) -> None:
    x = tensor(photos()).float() / 255
    ours = VALUES[name](x, torch.full((len(x), 1, 1, 1), amount)) * 255
    theirs = tensor([np.asarray(PILLOW[name](Image.fromarray(one), amount)) for one in photos()]).float()
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))  # Pillow does not smooth the rim
    # Pillow rounds to whole levels, and the mean before it is used.
    assert float((ours - theirs)[inner].abs().max()) <= 1.6


@pytest.mark.parametrize(
    ("name", "across", "down"),
    [
        ("shear_across", (1, 0.3, 0), (0, 1, 0)),
        ("shear_down", (1, 0, 0), (0.3, 1, 0)),
        ("move_across", (1, 0, 0.45 * 64), (0, 1, 0)),
        ("move_down", (1, 0, 0), (0, 1, 0.45 * 48)),
        ("rotate", (math.cos(math.pi / 6), -0.5, 0), (0.5, math.cos(math.pi / 6), 0)),
    ],
)
def test_a_move_at_full_strength_is_that_of_pillow(
    name: str, across: tuple[float, ...], down: tuple[float, ...]
) -> None:
    photo = photos()[0]
    x = tensor([photo])
    drawn = torch.tensor([MOVES.index(name)])
    ours = resample(x.float(), moves(x, drawn, torch.ones(1))[:, :2])[0].permute(1, 2, 0).numpy()
    # Pillow counts from the corner, we from the middle.
    middle = np.array([32.0, 24.0])
    linear = np.array([across[:2], down[:2]])
    offset = middle - linear @ middle + np.array([across[2], down[2]])
    data = [*linear[0], offset[0], *linear[1], offset[1]]
    theirs = np.asarray(
        Image.fromarray(photo).transform((64, 48), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    )
    inside = np.asarray(
        Image.new("L", (64, 48), 255).transform((64, 48), Image.Transform.AFFINE, data, Image.Resampling.NEAREST)
    )
    kept = (inside == 255) & np.roll(inside, 1, 0).astype(bool) & np.roll(inside, -1, 0).astype(bool)
    kept &= np.roll(inside, 1, 1).astype(bool) & np.roll(inside, -1, 1).astype(bool)
    assert kept.mean() > 0.4
    assert np.abs(ours - theirs)[kept].max() <= 1.1


def test_every_change_is_drawn_about_equally_often_and_in_both_directions() -> None:
    drawn, amount = draw(torch.zeros(14_000, 1, 1, 1), generator())
    counts = drawn.bincount()
    assert len(counts) == len(VALUES) + len(MOVES) + 1 == 14
    assert ((counts - 1000).abs() < 5 * math.sqrt(1000)).all()
    assert sorted(amount.unique().tolist()) == pytest.approx([-STRENGTH, STRENGTH])
    assert abs(float((amount > 0).float().mean()) - 0.5) < 5 * 0.5 / math.sqrt(14_000)


def test_the_same_generator_state_gives_the_same_bits_and_another_does_not() -> None:
    x = tensor(photos())
    first, again, other = (randaugment(x, 2, generator(seed), (0, 255)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", VALUES)
def test_a_picture_is_changed_among_others_as_it_is_alone(name: str) -> None:
    x = tensor(photos()).float() / 255
    amount = torch.tensor([0.3, -0.3, 0.3, -0.3]).view(4, 1, 1, 1)
    together = VALUES[name](x, amount)
    alone = torch.cat([VALUES[name](x[i : i + 1], amount[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-6)
    chosen = torch.tensor([True, False, True, False])
    found = _where(chosen, VALUES[name], x, amount)
    torch.testing.assert_close(found[chosen], together[chosen], rtol=0, atol=1e-6)
    assert torch.equal(found[~chosen], x[~chosen])


def test_no_change_leaves_the_picture() -> None:
    x = tensor(photos())
    torch.testing.assert_close(randaugment(x, 0, generator()), x.float(), rtol=0, atol=1e-4)


def test_floats_on_another_scale_are_changed_like_bytes() -> None:
    x = tensor(photos())
    scaled = randaugment(x / 255 * 4 - 1, 3, generator(3), (-1.0, 3.0))
    torch.testing.assert_close((scaled + 1) / 4 * 255, randaugment(x, 3, generator(3)), rtol=0, atol=0.6)


@pytest.mark.parametrize("shape", [(5, 1, 1, 1), (5, 3, 1, 6), (5, 4, 2, 2)])
def test_the_smallest_pictures_survive(shape: tuple[int, ...]) -> None:
    changed = randaugment(torch.full(shape, 7, dtype=torch.uint8), 4, generator())
    assert changed.shape == shape
    assert changed.isfinite().all()
