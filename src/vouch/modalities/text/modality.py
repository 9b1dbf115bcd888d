"""Columns of free text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl
import torch
from torch import Tensor, nn

from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities, RawColumn
from vouch.contracts.schema import Column, Recognition
from vouch.modalities.text.augment import CHANGES, augment
from vouch.modalities.text.tokenise import LONGEST_WORD, Tokeniser, learn_tokeniser
from vouch.nets.bag import BagOfWords, TextCNN
from vouch.nets.transformer import SequenceEncoder

_WORDS = 3.0
_LONG = 40
_SELDOM = 0.3
_SHOWN = 400
_NEAR = 5


class Text:
    """Free text: sentences, messages, sequences of letters."""

    kind: ClassVar[str] = "text"
    joint: ClassVar[bool] = False
    drops_unreadable: ClassVar[bool] = False
    capabilities: ClassVar[Capabilities] = Capabilities(discrete=True, ordered=True)
    augmentations: ClassVar[tuple[str, ...]] = tuple(CHANGES)

    @property
    def encoder(self) -> type[TextEncoder]:
        """The class that ``fit`` returns."""
        return TextEncoder

    def recognise(self, column: RawColumn) -> Recognition | None:
        """Take texts of several words, or long ones, that seldom repeat."""
        sample = column.sample
        if sample.dtype != pl.String or not len(sample):
            return None
        words = float(sample.str.count_matches(r"\S+").mean() or 0.0)  # type: ignore[arg-type]
        letters = float(sample.str.len_chars().mean() or 0.0)  # type: ignore[arg-type]
        fresh = column.distinct / len(sample)
        sure = 0.3
        if fresh > _SELDOM and (words >= _WORDS or letters >= _LONG):
            sure = 0.85
        elif words >= 2 * _WORDS or letters >= 2 * _LONG:
            sure = 0.75
        why = f"{words:.1f} words in a cell, {fresh:.0%} of the cells differ"
        return Recognition(self.kind, sure, why, {"spaced": letters <= LONGEST_WORD * words})

    def receive(self, series: pl.Series, column: Column, root: Path | None) -> pl.Series:
        """Raw cells as text."""
        del column, root
        return series.cast(pl.String)

    def show(self, cell: object, column: Column) -> str:
        """The beginning of the text."""
        del column
        text = "missing" if cell is None else str(cell)
        return text if len(text) <= _SHOWN else text[:_SHOWN] + " …"

    def fit(self, frame: pl.DataFrame, columns: Sequence[Column], recipe: Recipe, target: Tensor | None) -> TextEncoder:
        """Learn the pieces of words from training texts."""
        del target
        name = columns[0].name
        return TextEncoder((name,), learn_tokeniser(frame[name].to_list(), recipe.vocabulary, recipe.max_tokens))


@dataclass(frozen=True, slots=True, eq=False)
class TextEncoder:
    """Texts as numbers of pieces.

    Args:
        columns: the column, alone.
        tokeniser: the pieces that were learned.
    """

    columns: tuple[str, ...]
    tokeniser: Tokeniser

    def encode(self, frame: pl.DataFrame) -> Tensor:
        """Canonical texts to int32 (B, T), 0 where a text is over or missing."""
        return self.tokeniser.encode(frame[self.columns[0]].to_list())

    def embed(self, recipe: Recipe) -> nn.Module:
        """A bag of pieces, filters beside it, or a sequence encoder, as the recipe says."""
        size, tokens = self.tokeniser.vocabulary, self.tokeniser.tokens
        if "transformer" in recipe.network:
            kernel = _NEAR if self.tokeniser.by_character else 0
            return SequenceEncoder(size, tokens, recipe.text_width, dropout=recipe.dropout, kernel=kernel)
        net = TextCNN if "textcnn" in recipe.network else BagOfWords
        return net(size, recipe.text_width, members=recipe.members if "none" in recipe.network else 1)

    def augment(self, batch: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
        """Pieces left out, exchanged or replaced where the recipe names it; the nets drop pieces by themselves too."""
        return augment(batch, recipe.augment, generator)
