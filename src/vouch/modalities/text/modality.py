"""Columns of free text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import torch
from torch import Tensor, nn

from vouch.contracts.backbone import Inherited
from vouch.contracts.explaining import Parts
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities, Encoder, RawColumn
from vouch.contracts.schema import Column, Option, Recognition
from vouch.modalities.text.augment import CHANGES, augment
from vouch.modalities.text.borrowed import BorrowedTokeniser, read_tokeniser
from vouch.modalities.text.tokenise import LONGEST_WORD, PADDING, Tokeniser, learn_tokeniser
from vouch.nets.bag import BagOfWords, TextCNN
from vouch.nets.borrowed import Borrowed, BorrowedTexts
from vouch.nets.transformer import SequenceEncoder

_WORDS = 3.0
_LONG = 40
_SELDOM = 0.3
_SHOWN = 400
_NEAR = 5
# Pieces from elsewhere may be shorter, and have marks at both ends.
_ROOM, _MARKS = 1.3, 2


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

    def borrow(self, folder: Path, config: Mapping[str, Any]) -> TextEncoder | None:
        """An encoder for a checkpoint that reads texts; none where it reads something else."""
        pieces = read_tokeniser(folder, config)
        borrowed = Borrowed(json.dumps(dict(config), sort_keys=True))
        return None if pieces is None else TextEncoder(("text",), pieces, borrowed)

    def fit(self, frame: pl.DataFrame, columns: Sequence[Column], recipe: Recipe, target: Tensor | None) -> TextEncoder:
        """Learn the pieces of words from training texts."""
        del target
        name = columns[0].name
        texts = frame[name].to_list()
        pieces = learn_tokeniser(texts, recipe.vocabulary, recipe.max_tokens, hiding=recipe.hidden > 0)
        return TextEncoder((name,), pieces)


@dataclass(frozen=True, slots=True, eq=False)
class TextEncoder:
    """Texts as numbers of pieces.

    Args:
        columns: the column, alone.
        tokeniser: the pieces that were learned, or that a net from elsewhere knows.
        borrowed: that net, if there is one.
    """

    columns: tuple[str, ...]
    tokeniser: Tokeniser | BorrowedTokeniser
    borrowed: Borrowed | None = None

    def encode(self, frame: pl.DataFrame) -> Tensor:
        """Canonical texts to int32 (B, T), 0 where a text is over or missing."""
        return self.tokeniser.encode(frame[self.columns[0]].to_list())

    def embed(self, recipe: Recipe) -> nn.Module:
        """A bag of pieces, filters beside it, or a sequence encoder, as the recipe says."""
        if self.borrowed is not None:
            return BorrowedTexts(self.borrowed, self.padding)
        size, tokens = self.tokeniser.vocabulary, self.tokeniser.tokens
        if "transformer" in recipe.network:
            kernel = _NEAR if getattr(self.tokeniser, "by_character", False) else 0
            return SequenceEncoder(size, tokens, recipe.text_width, dropout=recipe.dropout, kernel=kernel)
        net = TextCNN if "textcnn" in recipe.network else BagOfWords
        return net(size, recipe.text_width, members=recipe.members if "none" in recipe.network else 1)

    def augment(self, batch: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
        """Pieces left out, exchanged or replaced where the recipe names it; the nets drop pieces by themselves too."""
        return augment(batch, recipe.augment, generator)

    def lengths(self, encoded: Tensor) -> Tensor:
        """Pieces of each text, up to its last one, in numbers of pieces (B, T) (B,)."""
        places = torch.arange(1, encoded.shape[1] + 1, dtype=torch.int32, device=encoded.device)
        return ((encoded != self.padding) * places).amax(1).long()

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """The recipe keys that decide the shapes of the net."""
        return ("text_width", "members", "activation", "share_layers") if self.borrowed is None else ()

    def reading(self, options: Mapping[str, Option]) -> Mapping[str, Option]:
        """Texts are read as they are."""
        return options

    @property
    def places(self) -> tuple[int, ...]:
        """The vector is of the one column."""
        return (0,)

    @property
    def pieces(self) -> int:
        """How many different pieces there are, the padding included."""
        return self.tokeniser.vocabulary

    @property
    def padding(self) -> int:
        """The number that stands where a text is over."""
        return getattr(self.tokeniser, "padding", PADDING)

    @property
    def hidden(self) -> int:
        """The number that stands in the place of a hidden piece."""
        return self.tokeniser.hidden

    def parts(self, row: Tensor) -> Parts:
        """Every word is a part; one that is taken out leaves its place empty."""
        owner, words = self.tokeniser.words(row.tolist())
        names = tuple(f"{self.columns[0]}[{place}] {word}" for place, word in enumerate(words))
        return Parts(torch.tensor(owner), names, torch.full_like(row, self.padding), cells=tuple(words))

    def inherit(self, known: Encoder) -> Inherited:
        """The known pieces, for this column; a net from elsewhere reads no more of them than these texts need."""
        assert isinstance(known, TextEncoder)
        pieces = known.tokeniser
        if isinstance(pieces, BorrowedTokeniser):
            mine = self.tokeniser
            needed = round(_ROOM * mine.tokens) + _MARKS if isinstance(mine, Tokeniser) else mine.tokens
            pieces = replace(pieces, tokens=min(pieces.tokens, needed))
        return Inherited(replace(known, columns=self.columns, tokeniser=pieces), self.columns)
