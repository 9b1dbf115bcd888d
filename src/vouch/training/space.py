"""What a search may choose, for each net: a space is a value, and all of them stand here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from vouch.contracts.recipe import Recipe
from vouch.contracts.search import Setting, Value

_SLOWER, _FASTER = (0.5, 1.0, 2.0, 4.0), (0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Space:
    """The settings that are worth searching for one net.

    Args:
        net: its name in the recipe.
        settings: what is open; everything else stays as planned.
        starts: changes to the default that are tried before anything is drawn, for they often help.

    Example:
        >>> Space("mlp", (Setting("dropout", 0.0, 0.5),)).starts
        ()
    """

    net: str
    settings: tuple[Setting, ...]
    starts: tuple[Mapping[str, Value], ...] = ()


_TRUNK = (
    Setting("learning_rate", 3e-4, 1e-2, log=True),
    Setting("weight_decay", 1e-4, 10.0, log=True),
    Setting("dropout", 0.0, 0.5),
    Setting("width", choices=(64, 96, 128, 192, 256, 384, 512)),
    Setting("depth", choices=(1, 2, 3, 4)),
    Setting("number_embedding", choices=(4, 8, 16, 24, 32), needs="continuous"),
    Setting("category_embedding", choices=(4, 8, 16, 32), needs="discrete"),
    Setting("batch_size", times=_SLOWER),
    Setting("averaging", choices=(0.0, 0.98, 0.99, 0.995, 0.998)),
    Setting("epochs", times=(1.0, 2.0)),
    Setting("label_smoothing", 0.0, 0.2),
)
# What the default decay of 1e-4 does to a table is nothing; ten thousand times as much is what small tables want.
_DECAYED: tuple[Mapping[str, Value], ...] = ({"weight_decay": 1.0},)
_PICTURES = (
    Setting("learning_rate", 1e-3, 2e-2, log=True),
    Setting("weight_decay", 1e-4, 0.3, log=True, off=True),
    Setting("dropout", 0.0, 0.5),
    Setting("batch_size", times=_FASTER),
    Setting("warmup", 0.0, 0.4),
    Setting("label_smoothing", 0.0, 0.2),
    Setting("mixup", 0.05, 1.0, log=True, off=True),
    Setting("cutmix", 0.1, 1.0, log=True, off=True),
)
_TEXTS = (
    Setting("learning_rate", 3e-4, 1e-2, log=True),
    Setting("weight_decay", 1e-4, 1.0, log=True, off=True),
    Setting("dropout", 0.0, 0.5),
    Setting("batch_size", times=_FASTER),
    Setting("warmup", 0.0, 0.3),
    Setting("label_smoothing", 0.0, 0.2),
    Setting("text_width", choices=(32, 64, 96, 128)),
)

ALL = (
    Space("ensemble", (*_TRUNK, Setting("members", choices=(4, 8, 16))), _DECAYED),
    Space("mlp", _TRUNK, _DECAYED),
    Space("resnet", _PICTURES),
    Space("cnn", (*_PICTURES, Setting("image_width", choices=(16, 24, 32, 48)))),
    Space("bag", _TEXTS),
    Space("textcnn", (*_TEXTS, Setting("members", choices=(2, 4, 8)))),
    Space("transformer", _TEXTS),
)


def space_for(recipe: Recipe, offers: Collection[str], fixed: Collection[str] = ()) -> Space:
    """The space of a recipe: that of its trunk, then what its other nets add, around the values that it has.

    Args:
        recipe: the default, which every space holds.
        offers: what the columns are like, as capabilities.
        fixed: keys that the user has set, which are left as they are.

    Returns:
        The space, named by its nets; every setting has ends or choices, and the recipe's own value is among them.

    Example:
        >>> [one.name for one in space_for(Recipe(network=("ensemble",)), ("continuous",), ("dropout",)).settings][:3]
        ['learning_rate', 'weight_decay', 'width']
    """
    found = [one for net in recipe.network for one in ALL if one.net == net]
    settings: dict[str, Setting] = {}
    for one in (setting for space in found for setting in space.settings):
        if one.name not in settings and one.name not in fixed and _matters(one, recipe, offers):
            settings[one.name] = _around(one, getattr(recipe, one.name))
    starts = [start for space in found[:1] for start in space.starts if start.keys() <= settings.keys()]
    return Space("+".join(one.net for one in found), tuple(settings.values()), tuple(starts))


def settings_of(recipe: Recipe, space: Space) -> dict[str, Value]:
    """What a recipe says of the settings of a space."""
    return {one.name: getattr(recipe, one.name) for one in space.settings}


def _matters(setting: Setting, recipe: Recipe, offers: Collection[str]) -> bool:
    """Smoothed labels cost the likelihood by which attempts are judged, so that they are open only where planned."""
    return (not setting.needs or setting.needs in offers) and (
        setting.name != "label_smoothing" or recipe.label_smoothing > 0
    )


def _around(setting: Setting, value: Value) -> Setting:
    """The same setting, so wide that it holds a value."""
    if setting.times:
        least = 1 if isinstance(value, int) else 0
        drawn = {type(value)(max(least, share * value)) for share in setting.times}  # type: ignore[operator]
        return replace(setting, choices=tuple(sorted({*drawn, value})), times=())
    if setting.choices:
        return replace(setting, choices=tuple(sorted({*setting.choices, value})))  # type: ignore[type-var]
    if setting.log and value == 0:
        return replace(setting, off=True)
    return replace(setting, low=min(setting.low, float(value)), high=max(setting.high, float(value)))
