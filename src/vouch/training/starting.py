"""Start from what another network has learned: its encoders, its shapes, and its weights as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from vouch.contracts.backbone import Backbone, Inherited, Inheriting
from vouch.contracts.optimizers import AdamW
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder
from vouch.contracts.schedules import Cosine
from vouch.contracts.schema import Schema
from vouch.data.schema import kind_of, modality
from vouch.errors import ColumnError, UsageError
from vouch.nets.network import Network
from vouch.training.settings import NETS, with_nets

_TRUNK = ("width", "depth", "members", "activation", "share_layers")
_PROBE, _UNFREEZING, _LAYER_DECAY = 0.1, 0.2, 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Encoders of new data, each with what it has inherited.

    Args:
        encoders: in the order of the blocks.
        sources: for each block which of the backbone's it goes on from, and what; none where it is new.
    """

    encoders: tuple[Encoder, ...]
    sources: tuple[tuple[int, Inherited] | None, ...]


def matching(schema: Schema, backbone: Backbone) -> Schema:
    """The schema with its columns read as those were read that the backbone knows.

    Raises:
        ColumnError: the two have no column in common.
    """
    found = [_known_for(backbone, column.name, column.kind) for column in schema.features]
    if not any(one is not None for one in found):
        raise ColumnError(
            f"'{backbone.name}' knows none of the columns", expected=_columns_of(backbone),
            received=", ".join(f"{column.name} ({column.kind})" for column in schema.features[:8]),
            next_step="Start from a bundle with columns of the same kind; those of tables go by their names.",
        )  # fmt: skip
    reading = {
        column.name: encoder.reading(column.options)
        for column, encoder in zip(schema.features, found, strict=True)
        if isinstance(encoder, Inheriting)
    }
    options = [reading.get(column.name, column.options) for column in schema.columns]
    columns = [replace(column, options=some) for column, some in zip(schema.columns, options, strict=True)]
    return replace(schema, columns=tuple(columns))


def shaped(recipe: Recipe, schema: Schema, backbone: Backbone, asked: Mapping[str, object]) -> Recipe:
    """The recipe with the sizes that the backbone's weights have.

    Args:
        recipe: as planned, with the user's settings in it.
        schema: of the new data.
        backbone: to start from.
        asked: the user's own settings, which may not say otherwise.

    Raises:
        UsageError: the user asks for another size.
    """
    forced = _sizes(recipe, schema, backbone)
    for key, value in forced.items():
        if key in asked and _differs(getattr(recipe, key), value):
            raise UsageError(
                f"recipe key '{key}' follows from '{backbone.name}', which the network starts from",
                expected=str(value), received=str(asked[key]), next_step=f"Leave {key} out, or do not start from it.",
            )  # fmt: skip
    return replace(recipe, **forced, start=backbone.title)


def _sizes(recipe: Recipe, schema: Schema, backbone: Backbone) -> Mapping[str, object]:
    """The recipe keys that follow from the backbone, with their values."""
    kept = [one for column in schema.features if (one := _known_for(backbone, column.name, column.kind)) is not None]
    own = [modality(kind_of(one)).capabilities for one in kept if not is_borrowed(one)]
    places = {"pictures": any(kind.spatial for kind in own), "texts": any(kind.ordered for kind in own)}
    # Nets of texts stand side by side where there is no trunk: how many there are follows from it.
    places["trunk"] = places["texts"] or _same_columns(schema, backbone)
    keys = {key: None for one in kept if isinstance(one, Inheriting) for key in one.shaped_by}
    sized = places["trunk"] and "none" not in backbone.recipe.network
    keys |= dict.fromkeys(_TRUNK if sized else ())
    nets = tuple(name for name in backbone.recipe.network for place in NETS if places[place] and name in NETS[place])
    # What is borrowed stands in the place of a net of our own.
    borrowed = [modality(kind_of(one)).capabilities for one in kept if is_borrowed(one)]
    free = (*(NETS["pictures"] if any(kind.spatial for kind in borrowed) else ()),)
    free += NETS["texts"] if any(kind.ordered for kind in borrowed) else ()
    network = tuple(name for name in with_nets(recipe.network, nets) if name not in free)
    return {key: getattr(backbone.recipe, key) for key in keys} | {"network": network}


def gentle(recipe: Recipe, backbone: Backbone) -> Recipe:
    """A planned recipe for a network that starts from known weights.

    Checkpoints from elsewhere are large nets that were trained long, and take small steps under AdamW.
    """
    if any(is_borrowed(one) for one in backbone.encoders):
        return replace(
            recipe, probe=0.2, unfreezing=0.3, layer_decay=0.75, optimizer=AdamW(), learning_rate=3e-4,
            schedule=Cosine(), warmup=0.1, weight_decay=0.01, clip=1.0, batch_size=32, averaging=0.0,
            epochs=min(recipe.epochs, 10), patience=0,
        )  # fmt: skip
    return replace(recipe, probe=_PROBE, unfreezing=_UNFREEZING, layer_decay=_LAYER_DECAY)


def is_borrowed(encoder: Encoder) -> bool:
    """Whether an encoder feeds a net from elsewhere."""
    return getattr(encoder, "borrowed", None) is not None


def matched(encoders: Sequence[Encoder], backbone: Backbone) -> Matched:
    """Fresh encoders brought to what the backbone's have learned, as far as they are of one kind."""
    out, sources = [], []
    for fresh in encoders:
        place = _place(backbone, fresh)
        found = None
        if place is not None and isinstance(fresh, Inheriting):
            found = fresh.inherit(backbone.encoders[place])
        out.append(fresh if found is None else found.encoder)
        sources.append(None if found is None or place is None else (place, found))
    return Matched(tuple(out), tuple(sources))


def warmed(network: Network, sources: Matched, backbone: Backbone) -> tuple[str, ...]:
    """Put the backbone's weights into a new network, part by part, as far as their shapes are those of the part.

    Args:
        network: just built; parts that stay as they are get the attribute ``fresh``.
        sources: its encoders, and what each has inherited.
        backbone: whose weights to take.

    Returns:
        What was taken over, in words.
    """
    told, whole = [], len(sources.sources) == len(backbone.encoders)
    for i, (embedder, source) in enumerate(zip(network.embedders, sources.sources, strict=True)):
        taken = source is not None and _filled(embedder, _under(backbone, f"embedders.{source[0]}."), source[1].rows)
        embedder.fresh = not taken  # type: ignore[assignment]
        whole = whole and taken and source is not None and source[0] == i and _is_whole(source[1], backbone.encoders[i])
        if taken and source is not None:
            told.append(f"{kind_of(source[1].encoder)} {', '.join(repr(name) for name in source[1].columns[:8])}")
    trunk = _under(backbone, "trunk.")
    taken = whole and bool(trunk) and _filled(network.trunk, trunk, None)
    network.trunk.fresh = not taken  # type: ignore[assignment]
    return (*told, *(["trunk"] if taken else []))


def _differs(one: object, other: object) -> bool:
    """Whether two settings differ; names may stand in any order."""
    return set(one) != set(other) if isinstance(one, tuple) and isinstance(other, tuple) else one != other


def _is_whole(found: Inherited, known: Encoder) -> bool:
    return found.columns == known.columns == found.encoder.columns


def _filled(module: nn.Module, weights: Mapping[str, Tensor], rows: Mapping[str, tuple[Tensor, Tensor]] | None) -> bool:
    """Copy weights into a module; nothing is copied where one of them does not fit."""
    own = module.state_dict()
    if rows is None:
        if {name: x.shape for name, x in own.items()} != {name: x.shape for name, x in weights.items()}:
            return False
        module.load_state_dict(dict(weights))
        return True
    pairs = [(name, own[name], weights.get(name)) for name in own if name in rows]
    if any(known is None or known.ndim != x.ndim or known.shape[-1] != x.shape[-1] for _, x, known in pairs):
        return False
    with torch.no_grad():
        for name, x, known in pairs:
            assert known is not None
            here, there = (place.to(x.device) for place in rows[name])
            inside = tuple(slice(0, min(a, b)) for a, b in zip(x.shape[1:], known.shape[1:], strict=True))
            x[(here, *inside)] = known.to(x)[(there, *inside)]
    return bool(pairs)


def _under(backbone: Backbone, start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): x for name, x in backbone.weights.items() if name.startswith(start)}


def _place(backbone: Backbone, fresh: Encoder) -> int | None:
    """Which of the backbone's blocks a block of new columns goes on from: of the same name first, else of the kind."""
    same = [i for i, known in enumerate(backbone.encoders) if type(known) is type(fresh)]
    named = [i for i in same if set(backbone.encoders[i].columns) & set(fresh.columns)]
    return next(iter([*named, *same]), None)


def _known_for(backbone: Backbone, name: str, kind: str) -> Encoder | None:
    """The encoder that a column would go on from: tables go by names, whatever stands alone by its kind."""
    same = [one for one in backbone.encoders if kind_of(one) == kind]
    named = [one for one in same if name in one.columns]
    alone = [one for one in same if not modality(kind).joint]
    return next(iter([*named, *alone]), None)


def _same_columns(schema: Schema, backbone: Backbone) -> bool:
    """Whether the new data has all of the backbone's columns and no others, so that the trunk may be kept."""
    here = [(column.kind, column.name) for column in schema.features]
    there = [(kind_of(one), name) for one in backbone.encoders for name in one.columns]
    return sorted(here) == sorted(there)


def _columns_of(backbone: Backbone) -> str:
    return ", ".join(f"{name} ({kind_of(one)})" for one in backbone.encoders for name in one.columns[:8])
