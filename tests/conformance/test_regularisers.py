"""Every recipe key that regularises changes training in the direction it says; off, it is not there to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn

import vouch
from helpers import FAST, rows
from vouch.contracts.recipe import Recipe
from vouch.errors import UsageError
from vouch.nets.depth import Repeated
from vouch.tasks import Classification
from vouch.training.settings import override

# Keys that say what is learned from, how large a net is, how a step is made, or what counts as an error.
NO_REGULARISERS = {
    "seed", "valid_fraction", "test_fraction", "network", "epochs", "batch_size", "accumulation", "learning_rate",
    "optimizer", "schedule", "warmup", "clip", "averaging", "swa", "precision", "recompute", "compile", "members",
    "networks", "folds", "activation", "width", "depth", "number_embedding", "category_embedding", "image_width",
    "vocabulary", "max_tokens", "text_width", "focal", "logit_adjustment", "fairness_within",
    "shard", "gradient_sharing",
    "start", "probe", "unfreezing", "layer_decay", "hidden",  # each is tried where networks start from another
    "consistency",  # tried where rows have no label
    "augment",  # each of its names is tried by test_augmentations.py
}  # fmt: skip
Direction = Callable[[vouch.Bundle, vouch.Bundle], None]


@dataclass(frozen=True)
class Example:
    """How to see what a key does.

    Args:
        data: to be fitted.
        settings: beside the key.
        on: a strength at which the effect is plain.
        off: the value that says no.
        removed: where the mechanism is, and what stands there when it is taken out; none where only time stops it.
        direction: what must be so of a network without it and one with it.
        sensitive: columns by which rows are grouped.
    """

    data: Callable[[], Any]
    settings: dict[str, Any]
    on: Any
    off: Any
    removed: tuple[str, Any] | None
    direction: Direction
    sensitive: tuple[str, ...] = ()


def never(*_: Any, **__: Any) -> Any:
    raise AssertionError("what is off was used")


def noisy(n: int = 240, wrong: float = 0.25) -> pl.DataFrame:
    """Ten numbers, of which the first tells the label, and some labels are wrong: much to learn by heart."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 10))
    labels = (x[:, 0] > 0) ^ (rng.random(n) < wrong)
    return pl.DataFrame({f"x{i}": x[:, i] for i in range(10)} | {"y": np.where(labels, "yes", "no")})


def clean() -> pl.DataFrame:
    """The same without wrong labels, so that more training is better and the last weights are kept."""
    return noisy(wrong=0.0)


def pictures(n: int = 160) -> dict[str, np.ndarray]:
    """Squares of noise, a little brighter on the left or on the right."""
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=n)
    cells = rng.integers(0, 200, size=(n, 12, 12), dtype=np.uint8)
    for i, one in enumerate(side):
        cells[i, :, 6 * one : 6 * one + 6] += 40
    return {"picture": cells, "y": np.where(side == 1, "right", "left")}


def messages(n: int = 160) -> pl.DataFrame:
    """Short texts of two kinds."""
    rng = np.random.default_rng(0)
    labels = rng.choice(["ham", "spam"], n)
    words = {"ham": ["see", "you", "at", "home", "soon"], "spam": ["win", "free", "cash", "at", "home"]}
    return pl.DataFrame({"x": [" ".join(rng.choice(words[one], 7)) for one in labels], "y": labels})


def two_groups(n: int = 600) -> pl.DataFrame:
    """A number that tells the label, higher in one group; in the other, a fifth of the rows, it says the contrary."""
    rng = np.random.default_rng(0)
    rare = rng.random(n) < 0.2
    x = rng.normal(size=n) - 1.0 * rare
    labels = (x > -0.2) ^ (rng.random(n) < np.where(rare, 0.8, 0.05))
    return pl.DataFrame({"x": x, "who": np.where(rare, "few", "many"), "y": np.where(labels, "yes", "no")})


TABLE = {
    "network": "mlp",
    "width": 64,
    "batch_size": 32,
    "averaging": 0,
    "patience": 0,
    "weight_decay": 0,
    "dropout": 0,
}
PICTURES = {"network": "resnet", "image_width": 16, "batch_size": 32, "augment": "", "label_smoothing": 0}


def matrices(bundle: vouch.Bundle) -> Tensor:
    return torch.cat([one.detach().flatten() for one in bundle.network.parameters() if one.ndim > 1])


def losses(bundle: vouch.Bundle) -> list[float]:
    """The training loss of each epoch, as it was measured while training."""
    return [loss for _, loss, *_ in bundle.run.history]


def gap(bundle: vouch.Bundle) -> float:
    """How much higher the validation loss was than the training loss at the end."""
    _, loss, score, *_ = bundle.run.history[-1]
    return score - loss


def confidence(bundle: vouch.Bundle, data: Any) -> float:
    return float(np.max(bundle.predict_proba(data), axis=1).mean())


def more_weights_near_nothing(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    few, many = (float((matrices(one).abs() < 2e-3).float().mean()) for one in (plain, treated))
    assert many > few + 0.2


def smaller_weights(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    assert matrices(treated).square().sum() < 0.8 * matrices(plain).square().sum()


def smaller_weights_that_multiply(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    """Tables of vectors do not decay."""
    large, small = (
        sum(float(part.weight.detach().square().sum()) for part in one.network.modules() if isinstance(part, nn.Linear))
        for one in (plain, treated)
    )
    assert small < 0.8 * large


def less_learned_by_heart(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    assert losses(treated)[-1] > losses(plain)[-1] + 0.05
    assert gap(treated) < 0.7 * gap(plain)


def a_harder_task(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    assert losses(treated)[-1] > losses(plain)[-1] + 0.01


def less_sure(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    assert confidence(treated, clean()) < confidence(plain, clean()) - 0.05


def harder_and_less_sure(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    less_sure(plain, treated)
    a_harder_task(plain, treated)


def answers_groups_more_alike(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    data = two_groups()
    few = (data["who"] == "few").to_numpy()
    far, near = (
        abs(p[few].mean() - p[~few].mean()) for p in (one.predict_proba(data)[:, 1] for one in (plain, treated))
    )
    assert near < 0.5 * far


def learns_more_of_the_group_that_fares_worst(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    data = two_groups()
    few, yes = (data["who"] == "few").to_numpy(), (data["y"] == "yes").to_numpy()
    before, after = (
        float(-np.log(np.where(yes, p, 1 - p))[few].mean())
        for p in (one.predict_proba(data)[:, 1] for one in (plain, treated))
    )
    assert after < before


def fewer_weights_as_deep(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    one, other = plain.network.trunk.layers, treated.network.trunk.layers  # type: ignore[union-attr]
    linear = [part for part in one if isinstance(part, nn.Linear)]  # type: ignore[union-attr]
    assert isinstance(other[-1], Repeated)  # type: ignore[index]
    assert 1 + other[-1].times == len(linear) == 5  # type: ignore[index]
    saved = 3 * sum(p.numel() for p in linear[-1].parameters())
    assert size(treated) == size(plain) - saved


def size(bundle: vouch.Bundle) -> int:
    return sum(p.numel() for p in bundle.network.parameters())


def stops_before_its_end(plain: vouch.Bundle, treated: vouch.Bundle) -> None:
    planned = plain.recipe.epochs
    scores = [score for _, _, score, *_ in treated.run.history]
    assert len(plain.run.history) == planned
    assert len(scores) < planned
    assert len(scores) - 1 - int(np.argmin(scores)) == treated.recipe.patience


def unsmoothed(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda self, output, target, smoothing: loss(self, output, target, 0 * smoothing)


EXAMPLES: dict[str, Example] = {
    "l1": Example(
        clean, {**TABLE, "epochs": 20}, 1e-2, 0.0, ("vouch.objectives.L1", never), more_weights_near_nothing
    ),
    "l2": Example(clean, {**TABLE, "epochs": 20}, 0.03, 0.0, ("vouch.objectives.L2", never), smaller_weights),
    "weight_decay": Example(
        clean, {**TABLE, "epochs": 20}, 3.0, 0.0, ("vouch.training.optimise.DirectAdamW", torch.optim.Adam),
        smaller_weights_that_multiply,
    ),
    "gradient_noise": Example(
        clean, {**TABLE, "epochs": 20}, 1.0, 0.0, ("vouch.training.gradients.add_noise", never), a_harder_task
    ),
    "dropout": Example(
        noisy, {**TABLE, "epochs": 40}, 0.6, 0.0, ("vouch.nets.mlp.Dropout.forward", lambda _, x: x),
        less_learned_by_heart,
    ),
    "stochastic_depth": Example(
        pictures, {**PICTURES, "epochs": 4}, 0.6, 0.0,
        ("vouch.nets.depth.StochasticDepth.forward", lambda *given: given[2]), a_harder_task,
    ),
    "label_smoothing": Example(
        clean, {**TABLE, "epochs": 20}, 0.3, 0.0,
        ("vouch.tasks.classification.Classification.loss", unsmoothed(Classification.loss)), less_sure,
    ),
    "mixup": Example(
        clean, {**TABLE, "epochs": 20}, 1.0, 0.0, ("vouch.objectives.Mixing", never), harder_and_less_sure
    ),
    "cutmix": Example(pictures, {**PICTURES, "epochs": 4}, 1.0, 0.0, ("vouch.objectives.Mixing", never), a_harder_task),
    "share_layers": Example(
        noisy, {**TABLE, "epochs": 3, "depth": 5}, True, False, ("vouch.nets.build.share_layers", never),
        fewer_weights_as_deep,
    ),
    "fairness_penalty": Example(
        two_groups, {**TABLE, "network": "none", "epochs": 20}, 30.0, 0.0, ("vouch.objectives.GapPenalty", never),
        answers_groups_more_alike, ("who",),
    ),
    "group_dro": Example(
        two_groups, {**TABLE, "network": "none", "epochs": 20}, 5.0, 0.0, ("vouch.objectives.GroupDRO", never),
        learns_more_of_the_group_that_fares_worst, ("who",),
    ),
    "patience": Example(
        noisy, {**TABLE, "epochs": 40}, 4, 0, None, stops_before_its_end
    ),
}  # fmt: skip


def trained(key: str, value: Any) -> vouch.Bundle:
    example = EXAMPLES[key]
    settings = {**example.settings, key: value}
    return vouch.fit(example.data(), "y", settings=settings, sensitive=example.sensitive)


@cache
def plain(key: str) -> vouch.Bundle:
    return trained(key, EXAMPLES[key].off)


@cache
def treated(key: str) -> vouch.Bundle:
    return trained(key, EXAMPLES[key].on)


def weights(bundle: vouch.Bundle) -> dict[str, Tensor]:
    return dict(bundle.network.state_dict())


def same_bits(one: vouch.Bundle, other: vouch.Bundle) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_every_recipe_key_is_tried_here_or_regularises_nothing() -> None:
    known = {field.name for field in fields(Recipe)}
    untried = known - NO_REGULARISERS - set(EXAMPLES)
    assert not untried, (
        f"{untried}: give a key that regularises an example here, and name any other in NO_REGULARISERS."
    )
    assert NO_REGULARISERS | set(EXAMPLES) <= known


@pytest.mark.parametrize("key", EXAMPLES)
def test_a_key_changes_training_in_the_direction_that_it_says(key: str) -> None:
    EXAMPLES[key].direction(plain(key), treated(key))


@pytest.mark.parametrize("key", EXAMPLES)
def test_off_is_a_training_without_the_mechanism_to_the_bit(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = plain(key)
    removed = EXAMPLES[key].removed
    if removed is None:
        assert same_bits(trained(key, 100_000), kept)
        return
    assert not same_bits(treated(key), kept)
    monkeypatch.setattr(*removed)
    assert same_bits(trained(key, EXAMPLES[key].off), kept)


@pytest.mark.parametrize("key", ["l1", "l2", "stochastic_depth"])
@pytest.mark.parametrize("value", [-0.1, 10_000, "nan", "much"])
def test_a_strength_out_of_range_is_refused(key: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"'{key}'"):
        override(Recipe(), {key: value})


@pytest.mark.parametrize(("said", "meant"), [("true", True), ("1", True), (False, False), ("no", False)])
def test_a_key_that_is_on_or_off_is_read_in_many_ways(said: object, meant: bool) -> None:
    assert override(Recipe(), {"share_layers": said}).share_layers is meant


def test_a_key_that_is_on_or_off_takes_nothing_else() -> None:
    with pytest.raises(UsageError, match="true or false"):
        override(Recipe(), {"share_layers": "some"})


@pytest.mark.parametrize(
    "settings", [{"stochastic_depth": 0.2}, {"share_layers": True}, {"share_layers": True, "network": "none"}]
)
def test_what_the_network_does_not_have_is_refused_before_training(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(settings))):
        vouch.fit(rows(), "y", settings={**FAST, **settings})


TRUNKS = ("mlp", "ensemble")


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        *((clean, {**FAST, "network": trunk, "depth": 20, "share_layers": True}) for trunk in TRUNKS),
        (messages, {"network": "transformer", "epochs": 1, "share_layers": True, "stochastic_depth": 0.3}),
        (messages, {"network": "transformer", "epochs": 1, "share_layers": True, "networks": 2}),
        (pictures, {**PICTURES, "epochs": 1, "stochastic_depth": 0.3}),
    ],
)
def test_a_network_made_less_free_is_stored_and_trained_again_to_the_same_bits(
    data: Callable[[], Any], settings: dict[str, Any], tmp_path: Path
) -> None:
    fitted = vouch.fit(data(), "y", settings=settings, out=tmp_path / "a.vouch")
    again = vouch.fit(data(), "y", recipe=tmp_path / "a.vouch")
    back = vouch.load(tmp_path / "a.vouch")
    assert same_bits(fitted, again)
    assert vouch.predict(back, data()).equals(vouch.predict(fitted, data()))
