"""Random changes to pictures are reproducible, bounded and chosen from the training rows."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits, load_sample_images
from torch import Generator, Tensor

from vouch.modalities.image.augment import (
    USUAL,
    Augmentation,
    augment,
    choose,
    erase,
    flip,
    jitter,
    mirror_keeps_class,
    shift,
)

EVERYTHING = Augmentation(shift=0.1, flip=True, crop=0.5, rotation=10.0, colour=0.3, erase=0.25)


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def bytes_like(rows: int = 64, channels: int = 3, side: int = 16) -> Tensor:
    return torch.randint(0, 256, (rows, channels, side, side), dtype=torch.uint8, generator=generator(9))


@cache
def letters(rows: int = 600) -> tuple[Tensor, Tensor]:
    """Capital letters of several sizes and places, a little turned."""
    draw = np.random.default_rng(0)
    pictures, labels = [], []
    for row in range(rows):
        canvas = Image.new("L", (28, 28))
        place = (int(draw.integers(2, 9)), int(draw.integers(-2, 4)))
        font = ImageFont.load_default(int(draw.integers(16, 24)))
        ImageDraw.Draw(canvas).text(place, chr(65 + row % 26), fill=255, font=font)
        pictures.append(np.asarray(canvas.rotate(draw.uniform(-12, 12))))
        labels.append(row % 26)
    return torch.from_numpy(np.stack(pictures))[:, None], torch.tensor(labels)


@cache
def patches(rows: int = 300, side: int = 64) -> tuple[Tensor, Tensor]:
    """Squares cut from two colour photos."""
    draw = np.random.default_rng(0)
    photos = load_sample_images().images
    cut = []
    for row in range(rows):
        photo = photos[row % 2]
        top, left = (int(draw.integers(0, edge - side)) for edge in photo.shape[:2])
        cut.append(photo[top : top + side, left : left + side])
    return torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2), torch.arange(rows) % 2


def test_nothing_asked_changes_nothing() -> None:
    batch = bytes_like()
    assert augment(batch, Augmentation(), generator()) is batch


def test_the_same_generator_state_gives_the_same_bits_and_another_does_not() -> None:
    batch = bytes_like()
    first, again, other = (augment(batch, EVERYTHING, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_change_keeps_the_shape_and_leaves_the_input_alone() -> None:
    batch = bytes_like()
    kept = batch.clone()
    changed = augment(batch, EVERYTHING, generator())
    assert changed.shape == batch.shape
    assert torch.isfinite(changed).all()
    assert torch.equal(batch, kept)


def test_flip_and_shift_keep_bytes() -> None:
    assert augment(bytes_like(), Augmentation(flip=True, shift=0.1), generator()).dtype == torch.uint8


def test_flip_mirrors_about_half_of_the_pictures_and_no_other() -> None:
    batch = bytes_like(rows=400)
    changed = flip(batch, generator())
    mirrored = (changed == batch.flip(3)).flatten(1).all(1)
    untouched = (changed == batch).flatten(1).all(1)
    assert (mirrored | untouched).all()
    assert 160 < int(mirrored.sum()) < 240


def test_shift_moves_each_picture_by_whole_pixels_within_the_share() -> None:
    side, most = 16, 2
    ramp = torch.arange(side).float().expand(1, 1, side, side).repeat(300, 1, 1, 1)
    moved = shift(ramp, most / side, generator())[:, 0, 5, 8] - ramp[:, 0, 5, 8]
    assert sorted(moved.unique().tolist()) == [-2, -1, 0, 1, 2]


def test_shift_fills_the_rim_as_numpy_reflects() -> None:
    batch = torch.randn(40, 2, 9, 7, generator=generator())
    moved = shift(batch, 0.2, generator(3))
    padded = np.pad(batch.numpy(), ((0, 0), (0, 0), (2, 2), (1, 1)), mode="reflect")
    for picture, source in zip(moved.numpy(), padded, strict=True):
        windows = [source[:, y : y + 9, x : x + 7] for y in range(5) for x in range(3)]
        assert any(np.array_equal(picture, window) for window in windows)


@pytest.mark.parametrize("shape", [(3, 1, 1, 1), (3, 3, 1, 5), (3, 1, 2, 2)])
def test_the_smallest_pictures_survive_every_change(shape: tuple[int, ...]) -> None:
    assert augment(torch.rand(shape), EVERYTHING, generator()).shape == shape


def test_a_crop_that_keeps_all_is_the_picture_and_no_turn_leaves_its_scale() -> None:
    batch = torch.rand(20, 3, 32, 32, generator=generator())
    changed = augment(batch, Augmentation(crop=0.3, rotation=15.0), generator())
    assert changed.min() >= 0
    assert changed.max() <= 1
    tiny_turn = augment(batch, Augmentation(rotation=1e-6), generator())
    torch.testing.assert_close(tiny_turn, batch, rtol=0, atol=1e-3)


def test_a_turn_of_an_oblong_picture_does_not_stretch_it() -> None:
    batch = torch.zeros(64, 1, 21, 41)
    batch[:, :, 6:15, 16:25] = 1.0
    changed = augment(batch, Augmentation(rotation=20.0), generator())[:, 0]
    y, x = torch.arange(21) - 10.0, torch.arange(41) - 20.0
    tall, wide = (changed * y[:, None] ** 2).sum((1, 2)), (changed * x**2).sum((1, 2))
    torch.testing.assert_close(tall, wide, rtol=0.02, atol=0)


def test_jitter_does_not_depend_on_the_scale_of_the_values() -> None:
    batch = torch.rand(8, 3, 6, 6, generator=generator())
    scaled = jitter(batch * 255, 0.3, generator(4)) / 255
    torch.testing.assert_close(scaled, jitter(batch, 0.3, generator(4)), rtol=0, atol=1e-5)


def test_grey_pictures_are_jittered_without_colour() -> None:
    batch = torch.rand(8, 1, 6, 6, generator=generator())
    ranks = batch.flatten(1).argsort(1)
    assert torch.equal(jitter(batch, 0.3, generator()).flatten(1).argsort(1), ranks)


def test_erase_covers_at_most_its_square_and_puts_the_mean_there() -> None:
    batch = torch.randn(200, 2, 16, 16, generator=generator())
    changed = erase(batch, 0.25, generator())
    touched = (changed != batch).any(1).flatten(1).sum(1)
    assert int(touched.max()) == 16
    torch.testing.assert_close(changed[changed != batch].sort().values.unique(), batch.mean((2, 3)).flatten().unique())


def test_digits_and_letters_are_not_mirrored() -> None:
    pixels, digits = load_digits(return_X_y=True)
    assert not choose(torch.from_numpy(pixels).view(-1, 1, 8, 8), torch.from_numpy(digits)).flip
    assert not mirror_keeps_class(*letters())
    assert not mirror_keeps_class(letters()[0])


def test_arrows_that_point_left_or_right_are_not_mirrored() -> None:
    draw = np.random.default_rng(0)
    pictures = torch.from_numpy(draw.integers(0, 40, (200, 1, 32, 32)))
    for row in range(200):
        top, left = (int(x) for x in draw.integers(4, 14, 2))
        half = torch.ones(12, 12).triu()
        pictures[row, 0, top : top + 12, left : left + 12] += (200 * (half.flip(1) if row % 2 else half)).long()
    assert not mirror_keeps_class(pictures, torch.arange(200) % 2)


def test_photos_are_mirrored_cropped_and_coloured() -> None:
    pictures, labels = patches()
    chosen = choose(pictures, labels)
    assert {"flip", "crop", "colour"} <= set(chosen.names())
    assert mirror_keeps_class(pictures)


def test_a_target_that_is_no_class_is_not_looked_at() -> None:
    pictures, labels = letters()
    for target in (labels.float(), torch.nn.functional.one_hot(labels).float(), None):
        assert not mirror_keeps_class(pictures, target)


def test_only_the_named_changes_stay() -> None:
    assert EVERYTHING.only({"flip", "erase"}) == Augmentation(flip=True, erase=0.25)
    assert EVERYTHING.only(set()).names() == ()


def test_a_named_change_is_made_even_where_the_pictures_would_not_have_chosen_it() -> None:
    chosen = Augmentation(shift=0.125)
    assert chosen.only({"erase"}) == Augmentation(erase=USUAL.erase)
    assert chosen.only({"shift", "flip"}) == Augmentation(shift=0.125, flip=True)
