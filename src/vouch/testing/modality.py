"""What every modality must keep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from vouch.contracts.backbone import Inheriting, Viewing
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Encoder, Modality, Redrawing
from vouch.contracts.schema import Column
from vouch.data.schema import profile
from vouch.store.values import from_plain, to_plain


def check_modality(modality: Modality, raw: pl.Series, root: Path | None = None, recipe: Recipe | None = None) -> None:
    """Hold a modality to its protocol on a column of its own kind.

    Args:
        modality: to be checked.
        raw: at least 30 raw cells that it should recognise, at least one of them missing.
        root: folder against which relative paths in the cells are resolved.
        recipe: sizes and names of nets that the encoder is to use; the defaults when not given.

    Raises:
        AssertionError: a promise is broken; the message says which.

    Example:
        >>> from vouch.modalities import Number
        >>> check_modality(Number(), pl.Series("x", [None, *(i / 7 for i in range(40))]))
    """
    assert isinstance(modality, Modality), f"{type(modality).__name__} lacks a method of the protocol"
    assert len(raw) >= 30, "the check needs 30 cells, one of them missing"
    assert raw.null_count(), "the check needs 30 cells, one of them missing"
    column = _recognised(modality, raw, root)
    canonical = modality.receive(raw, column, root).alias(raw.name)
    assert len(canonical) == len(raw), "receive changed the number of cells"
    assert canonical.is_null().to_list() == raw.is_null().to_list(), "receive lost cells that it should read"
    again = modality.receive(raw.clone(), column, root)
    assert again.to_list() == canonical.to_list(), "receive gives different cells the second time"
    assert all(isinstance(modality.show(cell, column), str) for cell in canonical.head(3).to_list()), (
        "show gives no text"
    )
    frame = canonical.to_frame()
    recipe = recipe or Recipe()
    encoder = modality.fit(frame, [column], recipe, torch.arange(len(raw)) % 2)
    assert isinstance(encoder, Encoder), "the encoder lacks a method of the protocol"
    assert isinstance(encoder, modality.encoder), "fit gives another encoder than promised"
    assert encoder.columns == (raw.name,), "the encoder forgot its column"
    encoded = encoder.encode(frame)
    _check_rows_alone(encoder, frame, encoded)
    _check_embedding(encoder, encoded, recipe)
    _check_augmentation(encoder, encoded, recipe)
    for name in modality.augmentations:
        _check_change(modality.fit(frame, [column], replace(recipe, augment=(name,)), None), frame, recipe, name)
    _check_storage(modality, encoder, frame, encoded)
    _check_inheriting(encoder, frame, recipe)
    _check_views(encoder, encoded)
    _check_parts(encoder, encoded)
    _check_redrawing(encoder, frame, encoded)


def _recognised(modality: Modality, raw: pl.Series, root: Path | None) -> Column:
    column, marks = profile(raw, root)
    found = modality.recognise(column)
    assert found is not None, "the modality does not recognise its own kind"
    assert found.kind == modality.kind, "the modality does not recognise its own kind"
    assert 0 <= found.confidence <= 1, "a recognition needs a confidence from 0 to 1, and a reason"
    assert found.why, "a recognition needs a confidence from 0 to 1, and a reason"
    return Column(raw.name, found.kind, "feature", found.why, marks, found.options)


def _check_rows_alone(encoder: Encoder, frame: pl.DataFrame, encoded: Tensor) -> None:
    """A row's encoding depends on that row only."""
    assert len(encoded) == frame.height, "encode changed the number of rows"
    alone = torch.cat([encoder.encode(frame[i : i + 1]) for i in range(3)])
    assert torch.equal(_filled(alone), _filled(encoded[:3])), "a row alone is encoded otherwise than among others"


def _check_embedding(encoder: Encoder, encoded: Tensor, recipe: Recipe) -> None:
    """Vectors (B, D), finite for missing cells too, the same for the same seed, each from its own row only."""
    torch.manual_seed(0)
    module = encoder.embed(recipe).eval()
    vectors = module(encoded)
    assert vectors.shape == (len(encoded), module.features), "the embedding is not (B, features)"
    assert vectors.isfinite().all(), "the embedding of some cell is not finite"
    torch.manual_seed(0)
    twin = encoder.embed(recipe).eval()
    assert torch.equal(twin(encoded), vectors), "the same seed gives another embedding"
    assert torch.allclose(module(encoded[:1]), vectors[:1], atol=1e-5), "a row's vector depends on other rows"
    module.train()
    module(encoded).sum().backward()
    assert all(p.grad is not None for p in module.parameters()), "a weight of the embedding gets no gradient"


def _check_augmentation(encoder: Encoder, encoded: Tensor, recipe: Recipe) -> None:
    """The same generator gives the same changes; asked for none, nothing changes."""
    first, second = (encoder.augment(encoded.clone(), recipe, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(_filled(first), _filled(second)), "augment does not follow its generator"
    assert first.shape == encoded.shape, "augment changed the shape"
    untouched = encoder.augment(encoded.clone(), replace(recipe, augment=()), torch.Generator().manual_seed(3))
    assert torch.equal(_filled(untouched), _filled(encoded)), "augment changes rows although nothing is asked"


def _check_change(encoder: Encoder, frame: pl.DataFrame, recipe: Recipe, name: str) -> None:
    """A change that is named is made, to a copy, and follows its generator; a name of another kind is passed over."""
    encoded = encoder.encode(frame)
    kept, named = encoded.clone(), replace(recipe, augment=(name,))
    first, second = (encoder.augment(encoded, named, torch.Generator().manual_seed(3)) for _ in range(2))
    assert first.shape == encoded.shape, f"'{name}' changed the shape"
    assert torch.equal(_filled(first), _filled(second)), f"'{name}' does not follow its generator"
    assert not torch.equal(_filled(first), _filled(encoded).to(first.dtype)), f"'{name}' changes nothing"
    assert torch.equal(_filled(encoded), _filled(kept)), f"'{name}' changes the rows that it was given"


def _check_storage(modality: Modality, encoder: Encoder, frame: pl.DataFrame, encoded: Tensor) -> None:
    """The encoder survives being written and read."""
    tensors: dict[str, Tensor] = {}
    plain = to_plain(encoder, tensors, "encoder")
    back = from_plain(modality.encoder, plain, tensors, "encoder")
    assert torch.equal(_filled(back.encode(frame)), _filled(encoded)), "a stored encoder encodes otherwise"


def _check_inheriting(encoder: Encoder, frame: pl.DataFrame, recipe: Recipe) -> None:
    """One that goes on from itself is itself: the same encoding, every column, and weights of the same shapes."""
    if not isinstance(encoder, Inheriting):
        return
    found = encoder.inherit(encoder)
    assert found is not None, "the encoder has nothing in common with itself"
    assert found.columns == encoder.columns, "the encoder does not know its own columns"
    same = _filled(found.encoder.encode(frame)), _filled(encoder.encode(frame))
    assert torch.equal(*same), "an encoder that goes on from itself encodes otherwise"
    own, taken = (one.embed(recipe).state_dict() for one in (encoder, found.encoder))
    assert {name: x.shape for name, x in own.items()} == {name: x.shape for name, x in taken.items()}, (
        "an encoder that goes on from itself has an embedding of another shape"
    )
    assert set(found.rows or own) <= set(own), "rows are named for weights that the embedding does not have"
    assert all(hasattr(recipe, key) for key in encoder.shaped_by), "shaped_by names what is no recipe key"
    sections = getattr(encoder.embed(recipe), "sections", None) or [0]
    assert len(encoder.places) == len(sections), "places does not name the column of each section"


def _check_views(encoder: Encoder, encoded: Tensor) -> None:
    """Views follow their generator, have the shape of the rows, and differ from each other."""
    if not isinstance(encoder, Viewing):
        return
    first, second, other = (encoder.view(encoded.clone(), torch.Generator().manual_seed(k)) for k in (3, 3, 4))
    assert torch.equal(first, second), "view does not follow its generator"
    assert first.shape == encoded.shape, "view changed the shape"
    assert not torch.equal(first, other), "two views are the same"


def _check_parts(encoder: Encoder, encoded: Tensor) -> None:
    """Every part owns something, its name stands once, and without any part nothing of it is left."""
    for row in encoded[:3]:
        found = encoder.parts(row)
        assert found.owner.shape == row.shape, "owner has another shape than a row"
        assert len(set(found.names)) == len(found.names), "two parts have one name"
        owned = set(found.owner.unique().tolist()) - {-1}
        assert owned == set(range(len(found.names))), "a part owns nothing, or what is owned has no part"
        assert not found.boxes or len(found.boxes) == len(found.names), "some parts have a box and some none"
        assert not found.cells or len(found.cells) == len(found.names), "some parts have content and some none"
        if found.blank is None:
            assert found.names == encoder.columns, "parts without a blank are not the columns"
        else:
            assert found.blank.shape == row.shape, "blank has another shape than a row"
            assert found.blank.dtype == row.dtype, "blank has another type than a row"
            gone = torch.where(found.owner < 0, row, found.blank)
            again = encoder.parts(gone).names if not found.boxes else ()
            assert not again, "parts are left in a row whose parts were all taken out"


def _check_redrawing(encoder: Encoder, frame: pl.DataFrame, encoded: Tensor) -> None:
    """What can be drawn again comes back as the cells that it was encoded from."""
    if not isinstance(encoder, Redrawing):
        return
    present = frame[encoder.columns[0]].is_not_null().to_list()
    again = [cell for cell, here in zip(encoder.cells(encoded), present, strict=True) if here]
    assert again == frame[encoder.columns[0]].drop_nulls().to_list(), "cells gives other cells than were encoded"
    assert not encoded.is_floating_point(), "what can be drawn again is not encoded in whole numbers"
    assert encoded.ndim == 4, "what can be drawn again is not on a grid (B, C, H, W)"


def _filled(x: Tensor) -> Tensor:
    """NaN made comparable."""
    return x.nan_to_num(nan=-12345.0) if x.is_floating_point() else x
