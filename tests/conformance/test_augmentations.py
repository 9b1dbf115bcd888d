"""Every random change that a recipe may name does to training rows what it says, and trains; off, it is not there."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

import vouch
from helpers import FAST, rows
from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Column
from vouch.errors import UsageError
from vouch.modalities import ALL, Category, Date, Image, Number, Text
from vouch.training.settings import _AUGMENT, override

ROWS = 400
Promise = Callable[[Tensor, Tensor], None]


def within(share: float, of: int, expected: float) -> None:
    """A count of independent events lies within five standard deviations of what is expected of it."""
    assert abs(share - expected) <= 5 * math.sqrt(expected * (1 - expected) / of), (share, expected, of)


def mirrored(side: int, before: Tensor, after: Tensor) -> None:
    """Half are mirror images, the others as they were, and bytes stay bytes."""
    turned, same = ((after == one).flatten(1).all(1) for one in (before.flip(side), before))
    assert after.dtype == before.dtype
    assert (turned | same).all()
    within(float((turned & ~same).float().mean()), ROWS, 0.5)


def moved(before: Tensor, after: Tensor) -> None:
    """Each is moved by whole pixels along either side: up to two, which is 12.5 % of a tiny picture's 12."""
    middle = after[:, :, 2:10, 2:10]
    steps = range(-2, 3)
    places = [before[:, :, 2 + y : 10 + y, 2 + x : 10 + x] for y in steps for x in steps]
    found = torch.stack([(middle == one).flatten(1).all(1) for one in places]).float()
    assert (found.sum(0) == 1).all()
    for one in found:
        within(float(one.mean()), ROWS, 1 / 25)


def enlarged(before: Tensor, after: Tensor) -> None:
    """A part fills the picture, so that a ramp rises more slowly: over sqrt(0.7) to 1 of its height."""
    slope = steepness(after, 3) / steepness(before, 3)
    assert ((slope > 0.6) & (slope <= 1.001)).all()
    assert 0.8 < slope.mean() < 0.97


def turned(before: Tensor, after: Tensor) -> None:
    """A ramp to the right also rises a little down or up, by the tangent of at most 10 degrees."""
    tangent = steepness(after, 2) / steepness(after, 3)
    assert tangent.abs().max() <= math.tan(math.radians(10)) + 1e-3
    assert tangent.abs().mean() > 0.05
    within(float((tangent > 0).float().mean()), ROWS, 0.5)
    assert (steepness(before, 2) == 0).all()


def sheared(before: Tensor, after: Tensor) -> None:
    """Scaled by at most exp(0.15), sheared by at most 0.15, and moved: the three together, each on its own."""
    scale = steepness(after, 3) / steepness(before, 3)
    shear = steepness(after, 2) / steepness(after, 3)
    middle = (after[:, :, 5:7, 5:7].mean((1, 2, 3)) - before[:, :, 5:7, 5:7].float().mean((1, 2, 3))) / 16
    assert math.exp(-0.151) <= scale.min() < 0.9 < 1.1 < scale.max() <= math.exp(0.151)
    assert 0.1 < shear.abs().max() <= 0.151
    assert 1 < middle.abs().max() <= 12 * 0.15 + 1e-3
    assert torch.corrcoef(torch.stack([scale, shear, middle])).triu(1).abs().max() < 0.2


def steepness(pictures: Tensor, side: int) -> Tensor:
    """How a picture rises along a side around its middle, a step (B,)."""
    return pictures[:, :, 4:8, 4:8].float().diff(dim=side).mean((1, 2, 3))


def recoloured(before: Tensor, after: Tensor) -> None:
    """The order of the pixels stays; contrast changes by at most 30 %, brightness by 0.3 standard deviations."""
    spread, mean = torch.std_mean(before.float(), (1, 2, 3))
    own_spread, own_mean = torch.std_mean(after, (1, 2, 3))
    first, second = (one.flatten(1).argsort(dim=1, stable=True) for one in (before, after))
    assert torch.equal(first, second)
    assert 0.69 < (own_spread / spread).min() < 0.8
    assert 1.2 < (own_spread / spread).max() < 1.31
    assert ((own_mean - mean) / spread).abs().max() <= 0.301


def erased(before: Tensor, after: Tensor) -> None:
    """Pixels of one square are the mean, at most 40 % of each side; the others are as they were."""
    changed = after != before
    mean = before.float().mean((2, 3), keepdim=True).expand(before.shape)
    torch.testing.assert_close(after[changed], mean[changed])
    assert changed.flatten(1).sum(1).max() <= 25
    assert changed.any(2).sum(2).max() <= 5
    assert 0.05 < changed.float().mean() < 0.16


def augmented(before: Tensor, after: Tensor) -> None:
    """All stay on the scale of bytes. Three of 14 draws leave small grey noise as it is: none, colour, equalise.

    To stretch the contrast changes little as well where black and white occur.
    """
    assert after.min() >= 0
    assert after.max() <= 255.001
    untouched = float(((after - before).abs().flatten(1).amax(1) < 1).float().mean())
    assert 3 * 3 / 196 - 0.03 < untouched < 4 * 4 / 196 + 0.03


def lengths(ids: Tensor) -> Tensor:
    """Pieces in each text (B,), after a look at the padding: it stands at the end, and nowhere else."""
    present = ids > 0
    assert (present.int().diff(dim=1) <= 0).all(), "padding stands before a piece"
    return present.sum(1)


def dropped(before: Tensor, after: Tensor) -> None:
    """One piece in ten is gone, the others are in their order, and no text is empty that was not."""
    was, left = lengths(before), lengths(after)
    long = was > 3
    total = int(was[long].sum())
    within(float((was - left)[long].sum()) / total, total, 0.1)
    assert ((left > 0) == (was > 0)).all()
    assert all(is_within(a[a > 0].tolist(), b[b > 0].tolist()) for a, b in zip(after, before, strict=True))


def is_within(some: list[int], whole: list[int]) -> bool:
    """Whether a list is another one with entries left out."""
    rest = iter(whole)
    return all(one in rest for one in some)


def swapped(before: Tensor, after: Tensor) -> None:
    """The pieces of a text stay, none moves by more than one place, and one pair in ten has changed places."""
    assert torch.equal(lengths(before), lengths(after))
    assert torch.equal(before.sort(1).values, after.sort(1).values)
    padded = torch.nn.functional.pad(before, (1, 1))
    assert ((after == before) | (after == padded[:, :-2]) | (after == padded[:, 2:])).all()
    long = lengths(before) == before.shape[1]
    pairs = int(long.sum()) * (before.shape[1] // 2)
    within(float((after != before)[long].sum()) / 2 / pairs, pairs, 0.1 * (1 - alike(before)))


def replaced(before: Tensor, after: Tensor) -> None:
    """One piece in ten is another one; common pieces come in as often as they are common."""
    assert torch.equal(lengths(before), lengths(after))
    present = before > 0
    within(float((after != before)[present].float().mean()), int(present.sum()), 0.1 * (1 - alike(before)))
    new = after[after != before]
    for piece, share in zip(*shares(before), strict=True):
        own = (1 - alike(before)) ** -1
        within(float((new == piece).float().mean()), len(new), float(share * (1 - share) * own))


def shares(ids: Tensor) -> tuple[Tensor, Tensor]:
    """The pieces that occur, and how much of all pieces each is."""
    pieces, counts = ids[ids > 0].unique(return_counts=True)
    return pieces, counts / counts.sum()


def alike(ids: Tensor) -> float:
    """How often two pieces drawn at random are the same."""
    return float(shares(ids)[1].square().sum())


def noisy(before: Tensor, after: Tensor) -> None:
    """Noise of a tenth, of mean 0, within the range of scaled numbers; what is missing stays missing."""
    assert torch.equal(before.isnan(), after.isnan())
    assert after.nan_to_num().abs().max() <= 3
    inner = before.abs() < 2.5
    noise = (after - before)[inner]
    assert abs(float(noise.mean())) < 5 * 0.1 / math.sqrt(len(noise))
    assert float(noise.std()) == pytest.approx(0.1, rel=5 / math.sqrt(2 * len(noise)))


def exchanged(before: Tensor, after: Tensor) -> None:
    """Every value is one of its column's; how common each is stays; as many cells differ as another row may differ."""
    for old, new in zip(before.nan_to_num(nan=-9.0).T, after.nan_to_num(nan=-9.0).T, strict=True):
        values, counts = old.unique(return_counts=True)
        same = float((counts / len(old)).square().sum())
        assert torch.isin(new, values).all()
        within(float((old != new).float().mean()), len(old), 0.1 * (1 - same))
        for value, count in zip(values, counts, strict=True):
            # Of one cell in ten, drawn evenly from the column: more or less by chance alone.
            spread = math.sqrt(2 * 0.1 * float(count) * (1 - float(count) / len(old)))
            assert abs(float((new == value).sum() - count)) <= 5 * spread + 1


PROMISES: dict[str, Promise] = {
    "shift": moved,
    "flip": partial(mirrored, 3),
    "vertical_flip": partial(mirrored, 2),
    "crop": enlarged,
    "rotation": turned,
    "affine": sheared,
    "colour": recoloured,
    "erase": erased,
    "randaugment": augmented,
    "token_dropout": dropped,
    "token_swap": swapped,
    "token_noise": replaced,
    "column_noise": noisy,
    "column_swap": exchanged,
}
# Pictures in which a change of place can be told: a ramp to the right. In noise, a move can be told from any other.
RAMPS = ("crop", "rotation", "affine")


def noise() -> pl.Series:
    pixels = np.random.default_rng(0).integers(0, 256, (ROWS, 12, 12), dtype=np.uint8)
    return pl.Series("x", pixels, dtype=pl.Array(pl.UInt8, (12, 12)))


def ramps() -> pl.Series:
    pixels = np.broadcast_to(np.arange(12, dtype=np.uint8) * 16, (ROWS, 12, 12))
    return pl.Series("x", pixels, dtype=pl.Array(pl.UInt8, (12, 12)))


def sentences() -> pl.Series:
    """Texts of one to twelve words, some of them common, and one missing."""
    rng = np.random.default_rng(0)
    words, weights = ["the", "cat", "sat", "on", "a", "mat", "dog"], np.array([6, 5, 4, 3, 2, 1, 1]) / 22
    cells = [" ".join(rng.choice(words, n, p=weights)) for n in rng.choice([1, 4, 9, 12, 12], ROWS)]
    return pl.Series("x", [None, *cells[1:]])


def numbers() -> pl.Series:
    drawn = np.random.default_rng(0).normal(size=ROWS).round(1)
    return pl.Series("x", [None if i % 9 == 0 else float(one) for i, one in enumerate(drawn)])


def colours() -> pl.Series:
    drawn = np.random.default_rng(0).choice(["red", "green", "blue"], ROWS, p=[0.6, 0.3, 0.1])
    return pl.Series("x", [None if i % 9 == 0 else str(one) for i, one in enumerate(drawn)])


def days() -> pl.Series:
    some = pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 2, 20), "1d", eager=True)
    return some.sample(ROWS, with_replacement=True, seed=0).alias("x")


COLUMNS: dict[type, Callable[[str], pl.Series]] = {
    Number: lambda _: numbers(),
    Category: lambda _: colours(),
    Date: lambda _: days(),
    Text: lambda _: sentences(),
    Image: lambda name: ramps() if name in RAMPS else noise(),
}
EVERY = [(modality, name) for modality in ALL for name in modality.augmentations]
IDS = [f"{modality.kind}-{name}" for modality, name in EVERY]


def test_a_recipe_may_name_what_some_column_knows_and_auto() -> None:
    assert set(_AUGMENT) == {"auto", *(name for _, name in EVERY)}


@pytest.mark.parametrize(("modality", "name"), EVERY, ids=IDS)
def test_every_change_keeps_its_promise(modality: Any, name: str) -> None:
    assert name in PROMISES, f"{name} is a change that a recipe may name: say here what it promises."
    recipe, raw = Recipe(augment=(name,)), COLUMNS[type(modality)](name)
    plain = Column("x", modality.kind, "feature", "given", options={"height": 12, "width": 12, "channels": 1})
    frame = modality.receive(raw, plain, None).alias("x").to_frame()
    encoder = modality.fit(frame, [plain], recipe, None)
    encoded = encoder.encode(frame)
    PROMISES[name](encoded, encoder.augment(encoded.clone(), recipe, torch.Generator().manual_seed(0)))


def pictures(n: int = 120) -> dict[str, np.ndarray]:
    """Squares of noise, bright on the left or on the right."""
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=n)
    cells = rng.integers(0, 120, size=(n, 12, 12), dtype=np.uint8)
    for i, one in enumerate(side):
        cells[i, :, 6 * one : 6 * one + 6] += 100
    return {"x": cells, "y": np.where(side == 1, "right", "left")}


def messages(n: int = 160) -> pl.DataFrame:
    """Short texts of two kinds."""
    rng = np.random.default_rng(0)
    labels = rng.choice(["ham", "spam"], n)
    words = {"ham": ["see", "you", "at", "home", "soon"], "spam": ["win", "free", "cash", "at", "home"]}
    return pl.DataFrame({"x": [" ".join(rng.choice(words[one], 7)) for one in labels], "y": labels})


def coded(n: int = 200) -> pl.DataFrame:
    """Two columns of codes, of which the first tells a little."""
    rng = np.random.default_rng(0)
    codes = rng.integers(12, size=(n, 2))
    labels = np.where(codes[:, 0] + rng.normal(size=n) * 3 > 6, "yes", "no")
    return pl.DataFrame({"x": [f"a{one}" for one in codes[:, 0]], "z": [f"b{one}" for one in codes[:, 1]], "y": labels})


DATA: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "image": (pictures, {"epochs": 1, "image_width": 16, "network": "cnn"}),
    "text": (messages, {"epochs": 1, "members": 2}),
    "number": (lambda: rows().select("size", "y"), FAST),
    "category": (coded, FAST),
    "date": (lambda: rows().select("day", "y"), FAST),
}


def weights(bundle: vouch.Bundle) -> Tensor:
    return torch.cat([one.detach().flatten() for one in bundle.network.parameters()])


def trained(kind: str, augment: str) -> Tensor:
    data, settings = DATA[kind]
    return weights(vouch.fit(data(), "y", settings={**settings, "augment": augment}))


@cache
def without(kind: str) -> Tensor:
    """The weights of a network whose rows were never given to any change."""
    modality = next(one for one in ALL if one.kind == kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modality.encoder, "augment", lambda _, batch, *__: batch)
        return trained(kind, "")


@pytest.mark.parametrize("kind", DATA)
def test_with_no_change_named_training_is_that_of_untouched_rows_to_the_bit(kind: str) -> None:
    assert torch.equal(trained(kind, ""), without(kind))


@pytest.mark.parametrize("kind", [kind for kind in DATA if kind != "image"])
def test_left_to_the_data_nothing_but_pictures_is_changed(kind: str) -> None:
    assert torch.equal(trained(kind, "auto"), without(kind))


@pytest.mark.parametrize(("modality", "name"), EVERY, ids=IDS)
def test_with_a_change_named_training_takes_another_course(modality: Any, name: str) -> None:
    assert not torch.equal(trained(modality.kind, name), without(modality.kind))


def test_of_several_kinds_each_takes_the_names_that_it_knows() -> None:
    fitted = vouch.fit(rows(), "y", settings={**FAST, "augment": "column_noise,column_swap"})
    assert fitted.recipe.augment == ("column_noise", "column_swap")


def test_a_misspelt_change_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="Did you mean 'token_dropout'"):
        override(Recipe(), {"augment": "token_dropuot"})


@pytest.mark.parametrize("name", ["token_noise", "flip"])
def test_a_change_that_no_column_knows_is_refused_before_training(name: str) -> None:
    with pytest.raises(UsageError, match=f"no use for '{name}'.*column_noise.*number, category, date"):
        vouch.fit(rows(), "y", settings={**FAST, "augment": name})
