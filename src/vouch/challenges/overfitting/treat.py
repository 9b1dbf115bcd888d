"""What may be done about a network that learned its rows by heart, or too little of them: one recipe key at a time.

Every strength is a value that can be typed as ``--set KEY=VALUE``. The order follows what helped on small tables and
small sets of pictures, the dearest last; what a remedy is worth on the data at hand is for validation rows to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vouch.contracts.case import Case, Remedy, Strength
from vouch.contracts.recipe import Recipe

_FALLING = ("cosine", "flat_cosine", "one_cycle")
_DECAYS = {
    "adamw": (3.0, 10.0), "schedule_free": (3.0, 10.0), "muon": (0.03, 0.1), "sgd": (0.001, 0.01),
}  # fmt: skip
_SMALLEST, _LARGEST = 8, 512


def _spatial(case: Case) -> bool:
    """Whether some block is a grid, in which patches mean something."""
    return any(block.capabilities.spatial for block in case.blocks)


def _ordered(case: Case) -> bool:
    return any(block.capabilities.ordered for block in case.blocks)


def _over(values: Sequence[float], least: float) -> Sequence[float]:
    """Those values that are more than what the recipe has."""
    return tuple(value for value in values if value > least * (1 + 1e-9))


def _decays(case: Case) -> Sequence[float]:
    return _over(_DECAYS.get(case.bundle.recipe.optimizer.name, ()), case.bundle.recipe.weight_decay)


def _l1(case: Case) -> Sequence[float]:
    return _over((1e-5, 1e-4), case.bundle.recipe.l1)


def _dropouts(case: Case) -> Sequence[float]:
    return _over((0.3, 0.5) if _spatial(case) else (0.4, 0.6), case.bundle.recipe.dropout)


def _smoothings(case: Case) -> Sequence[float]:
    """Probabilities alone can be smoothed."""
    return _over((0.05, 0.1, 0.2), case.bundle.recipe.label_smoothing) if case.bundle.task.classes else ()


def _mixups(case: Case) -> Sequence[float]:
    return _over((0.2, 1.0), case.bundle.recipe.mixup)


def _cutmixes(case: Case) -> Sequence[float]:
    return _over((0.5, 1.0), case.bundle.recipe.cutmix) if _spatial(case) else ()


def _augmentations(case: Case) -> Sequence[str]:
    """More kinds of random change than the data was given by itself, for grids alone."""
    return ("auto,erase", "auto,crop,erase") if _spatial(case) else ()


def _fewer_epochs(case: Case) -> Sequence[int]:
    """Half and a quarter of the epochs that were made up to the kept weights, or planned where the rate falls."""
    recipe, history = case.bundle.recipe, case.bundle.run.history
    made = recipe.epochs
    if recipe.schedule.name not in _FALLING and history:
        made = min(history, key=lambda epoch: epoch[2])[0]
    return tuple(dict.fromkeys(n for n in (made // 2, made // 4) if n >= 3))


def _more_epochs(case: Case) -> Sequence[int]:
    """Twice as many where the run was not stopped before its end."""
    recipe, history = case.bundle.recipe, case.bundle.run.history
    return (2 * recipe.epochs,) if len(history) >= recipe.epochs else ()


def _embeddings(case: Case) -> Sequence[int]:
    """A half and a quarter of the units of each code, where columns hold codes."""
    codes = any(b.capabilities.discrete and not (b.capabilities.ordered or b.capabilities.spatial) for b in case.blocks)
    own = case.bundle.recipe.category_embedding
    return tuple(n for n in (own // 2, own // 4) if n >= 2) if codes else ()


def _width(case: Case) -> int:
    """Units of the part that holds most of the weights."""
    recipe = case.bundle.recipe
    return recipe.image_width if _spatial(case) else recipe.text_width if _ordered(case) else recipe.width


def _narrower(case: Case) -> Sequence[int]:
    return tuple(n for n in (_width(case) // 2, _width(case) // 4) if n >= _SMALLEST)


def _wider(case: Case) -> Sequence[int]:
    return tuple(n for n in (2 * _width(case),) if n <= _LARGEST)


def _averages(case: Case) -> Sequence[float]:
    """Decays that look back over about 50 and 100 steps, where the weights are not averaged yet."""
    return (0.98, 0.99) if not case.bundle.recipe.averaging else ()


def _several(case: Case) -> Sequence[int]:
    """Five networks for one: more help little more."""
    return (5,) if case.bundle.recipe.networks == 1 else ()


def _resize(case: Case, recipe: Recipe, width: int) -> Recipe:
    if _spatial(case):
        return replace(recipe, image_width=width)
    return replace(recipe, text_width=width) if _ordered(case) else replace(recipe, width=width)


def _augment(case: Case, recipe: Recipe, names: str) -> Recipe:
    del case
    return replace(recipe, augment=tuple(names.split(",")))


def _key(name: str) -> Callable[[Case, Recipe, Strength], Recipe]:
    """A treatment that sets one key of the recipe."""

    def treat(case: Case, recipe: Recipe, strength: Strength) -> Recipe:
        del case
        return replace(recipe, **{name: strength})

    return treat


REMEDIES: tuple[Remedy[Recipe], ...] = (
    Remedy(
        "raise_weight_decay",
        "Shrinks the weight matrices a little in every step (L2, decoupled), so that only what recurs is kept.",
        "recipe",
        _decays,
        _key("weight_decay"),
    ),
    Remedy(
        "cut_and_mix",
        "Pastes patches of one grid into another and mixes their targets by area (CutMix).",
        "recipe",
        _cutmixes,
        _key("cutmix"),
    ),
    Remedy(
        "augment_more",
        "Makes more kinds of random change to training inputs, such as erased squares.",
        "recipe",
        _augmentations,
        _augment,
    ),
    Remedy(
        "average_weights",
        "Keeps a running average of the weights instead of the last ones.",
        "recipe",
        _averages,
        _key("averaging"),
    ),
    Remedy(
        "shrink_embeddings",
        "Spreads each category over fewer units, so that rare ones cannot be told apart by heart.",
        "recipe",
        _embeddings,
        _key("category_embedding"),
    ),
    Remedy(
        "shrink_network",
        "Takes a narrower net, which has less room for learning rows by heart.",
        "recipe",
        _narrower,
        _resize,
    ),
    Remedy(
        "mix_examples",
        "Trains on mixtures of two rows and of their targets (mixup), so that single rows cannot be learned by heart.",
        "recipe",
        _mixups,
        _key("mixup"),
    ),
    Remedy(
        "raise_dropout",
        "Leaves out more of the hidden units in every step, so that none can rely on another.",
        "recipe",
        _dropouts,
        _key("dropout"),
    ),
    Remedy(
        "add_l1",
        "Adds the sum of absolute weights to the loss (L1), which brings weights of no use to nothing.",
        "recipe",
        _l1,
        _key("l1"),
    ),
    Remedy(
        "smooth_labels",
        "Spreads a little of every target over all classes, so that no probability is driven to 1.",
        "recipe",
        _smoothings,
        _key("label_smoothing"),
    ),
    Remedy(
        "stop_earlier",
        "Trains for fewer epochs.",
        "recipe",
        _fewer_epochs,
        _key("epochs"),
    ),
    Remedy(
        "train_longer",
        "Trains for more epochs, for a network that learned too little.",
        "recipe",
        _more_epochs,
        _key("epochs"),
    ),
    Remedy(
        "grow_network",
        "Takes a wider net, for a network that learned too little.",
        "recipe",
        _wider,
        _resize,
    ),
    Remedy(
        "train_several",
        "Trains several networks side by side, each from other initial weights, and averages their answers (deep "
        "ensemble), which evens out what one alone learned by heart; training and predicting take that many times as "
        "long.",
        "recipe",
        _several,
        _key("networks"),
    ),
)
