"""Choose every setting from the size and the kind of the data; the same data gives the same recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vouch.contracts.optimizers import Muon
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities
from vouch.contracts.schedules import Cosine, OneCycle
from vouch.contracts.schema import Column
from vouch.nets.cost import picture_flops

FLOPS = 45e12
BUDGET = 600.0
_VALID_ROWS, _MANY_ROWS = 5000, 20_000
_PHOTO_SIDE, _TINY_SIDE = 48, 12
_WIDTHS = (64, 48, 32)
_TEXTS_SEEN = 600_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What planning looks at.

    Args:
        features: the columns that the network will see, each with what its values are like.
        rows: how many rows are not sealed.
        task: binary, multiclass, multilabel or regression.
        seconds: time to spend; the default plan is made for ten minutes on two cores.
    """

    features: Sequence[tuple[Column, Capabilities]]
    rows: int
    task: str
    seconds: float = BUDGET


def plan(facts: Facts) -> Recipe:
    """The default recipe for data of this size and these kinds.

    Args:
        facts: what there is to learn from, and how long it may take.

    Returns:
        A recipe with every setting chosen. Work is counted in operations, never timed: the same facts give the same
        recipe on every machine.
    """
    pictures = [column for column, kind in facts.features if kind.spatial]
    texts = [column for column, kind in facts.features if kind.ordered]
    table = len(facts.features) > len(pictures) + len(texts)
    valid = min(0.15, _VALID_ROWS / facts.rows)
    if pictures and not table and not texts:
        return replace(_pictures(facts, pictures), valid_fraction=valid)
    if texts and not table and not pictures:
        return replace(_texts(facts, texts), valid_fraction=valid)
    recipe = replace(_table(facts), valid_fraction=min(max(0.1, min(0.2, 50 / facts.rows)), _MANY_ROWS / facts.rows))
    return recipe if table and not pictures and not texts else _mixed(facts, recipe, pictures)


def picture_work(facts: Facts, width: int) -> int:
    """Operations of learning from one row's pictures with nets of this width: forward, and backward twice as much."""
    pictures = [column for column, kind in facts.features if kind.spatial]
    return 3 * sum(picture_flops(*_size(column), width) for column in pictures)


def affordable_rows(facts: Facts, width: int) -> int:
    """How many rows can be learned from, each pass counted, in the time that the facts allow.

    Args:
        facts: with a column of pictures.
        width: of the nets of pictures.
    """
    return round(FLOPS * facts.seconds / BUDGET / picture_work(facts, width))


def _pictures(facts: Facts, columns: Sequence[Column]) -> Recipe:
    """A ResNet under Muon, for as many epochs as the work allows."""
    side = max(min(_size(column)[1:]) for column in columns)
    most = 100 if side >= _PHOTO_SIDE else 15 if side <= _TINY_SIDE else 30
    effort = facts.seconds / BUDGET
    affordable = {width: _picture_epochs(facts, columns, width, effort) for width in _WIDTHS}
    width = next((w for w in _WIDTHS if effort > 1 and affordable[w] >= most / 2), _WIDTHS[-1])
    return Recipe(
        network=("resnet", "none"),
        epochs=max(8, min(affordable[width], most)),
        batch_size=64 if facts.rows < 5000 else 128 if facts.rows < 20_000 else 256,
        learning_rate=4e-3,
        optimizer=Muon(),
        schedule=Cosine(),
        warmup=0.2,
        weight_decay=0.0,
        clip=0.0,
        dropout=0.0,
        label_smoothing=0.05 if facts.rows >= _MANY_ROWS else 0.1,
        patience=0,
        averaging=0.0,
        image_width=width,
    )


def _picture_epochs(facts: Facts, columns: Sequence[Column], width: int, effort: float) -> int:
    """Passes over the rows that the work allows; a backward pass is twice a forward one."""
    flops = sum(picture_flops(*_size(column), width) for column in columns)
    return round(FLOPS * effort / (3 * flops * facts.rows))


def _texts(facts: Facts, columns: Sequence[Column]) -> Recipe:
    """A bag of pieces and filters for writing in words; deeper convolutions over letters where there are no spaces."""
    rows = facts.rows
    affordable = max(2, round(_TEXTS_SEEN * facts.seconds / BUDGET / rows))
    if all(column.options.get("spaced") is False for column in columns):
        return Recipe(
            network=("transformer", "none"), epochs=min(20, affordable), batch_size=64, learning_rate=2e-3,
            schedule=OneCycle(), warmup=0.05, dropout=0.1, label_smoothing=0.05, patience=0, members=1,
            weight_decay=1e-3, averaging=0.0,
        )  # fmt: skip
    batch = 16 if rows < 500 else 32 if rows < 2000 else 64 if rows < 10_000 else 128
    wanted = max(5, math.ceil((600 if rows < 500 else 1000) * batch / rows))
    return Recipe(
        network=("textcnn", "none"), epochs=min(wanted, affordable), batch_size=batch, learning_rate=2e-3,
        schedule=OneCycle(), warmup=0.05, dropout=0.0, label_smoothing=0.05 if rows >= _MANY_ROWS else 0.0,
        patience=0, members=4, vocabulary=30_000, weight_decay=1e-3, averaging=0.0,
    )  # fmt: skip


def _table(facts: Facts) -> Recipe:
    """A parameter-sharing ensemble over embedded numbers, categories and dates, its weights averaged over steps."""
    batch = 2 ** round(math.log2(max(facts.rows, 1) / 100))
    recipe = Recipe(network=("ensemble",), batch_size=min(max(batch, 32), 512 if facts.rows < 200_000 else 2048))
    entered = recipe.number_embedding * len(facts.features)
    flops = 2 * recipe.members * recipe.width * (entered + recipe.width)
    affordable = round(FLOPS * facts.seconds / BUDGET / (3 * flops * facts.rows))
    return replace(recipe, epochs=max(4, min(recipe.epochs, affordable)))


def _mixed(facts: Facts, recipe: Recipe, pictures: Sequence[Column]) -> Recipe:
    """A table with pictures or texts beside it: the trunk joins what each part says."""
    names = ("ensemble", *(("resnet",) if pictures else ()), "bag")
    if not pictures:
        return replace(recipe, network=names, learning_rate=2e-3)
    epochs = max(8, min(_picture_epochs(facts, pictures, _WIDTHS[-1], facts.seconds / BUDGET), 40))
    return replace(
        recipe, network=names, learning_rate=2e-3, optimizer=Muon(), schedule=Cosine(), warmup=0.1, weight_decay=0.0,
        epochs=epochs, patience=0, averaging=0.0,
    )  # fmt: skip


def _size(column: Column) -> tuple[int, int, int]:
    """Channels, height and width of a column of pictures."""
    channels, height, width = (int(column.options[key]) for key in ("channels", "height", "width"))  # type: ignore[arg-type]
    return channels, height, width
