"""The pieces of a checkpoint from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer as _Pieces
from torch import Tensor

from vouch.errors import UsageError
from vouch.modalities.text.tokenise import joined_words
from vouch.nets.borrowed import quiet_transformers

_HIDDEN = ("[MASK]", "<mask>")
_MOST_TOKENS = 256
# Some nets count positions from two.
_SPARE = 2


@dataclass(frozen=True, slots=True)
class BorrowedTokeniser:
    """Pieces as a checkpoint knows them, with the marks that it puts at both ends of a text.

    Args:
        json: the pieces, as the ``tokenizers`` library writes them.
        vocabulary: number of pieces.
        tokens: pieces of a text that are read (T), marks included.
        padding: the number that stands where a text is over.
        hidden: the number that stands in the place of a hidden piece.
    """

    json: str
    vocabulary: int
    tokens: int
    padding: int
    hidden: int

    def encode(self, texts: Iterable[str | None]) -> Tensor:
        """Texts to piece numbers (B, T), int32; a missing text is all padding."""
        cut = list(texts)
        found = _read(self.json, self.tokens).encode_batch_fast([text or "" for text in cut])
        out = np.full((len(cut), self.tokens), self.padding, np.int32)
        for row, text, encoding in zip(out, cut, found, strict=True):
            if text:
                row[: len(encoding.ids)] = encoding.ids
        return torch.from_numpy(out)

    def words(self, ids: Sequence[int]) -> tuple[list[int], list[str]]:
        """The word that each piece belongs to, -1 for padding and marks, and the words as they are written."""
        pieces = _read(self.json, self.tokens)
        marks = {number for number, added in pieces.get_added_tokens_decoder().items() if added.special}
        return joined_words(ids, pieces, marks | {self.padding})


def read_tokeniser(folder: Path, config: Mapping[str, Any]) -> BorrowedTokeniser | None:
    """The tokeniser of a checkpoint; none where it has none.

    Raises:
        UsageError: its files cannot be read.
    """
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model")):
        return None
    try:
        with quiet_transformers() as transformers:
            made = transformers.AutoTokenizer.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
            pieces: _Pieces = made.backend_tokenizer
    except (OSError, ValueError, AttributeError, KeyError, ImportError) as error:
        raise UsageError(
            "the tokeniser of the checkpoint cannot be read", where=str(folder), received=str(error)[:160],
            expected="tokenizer.json, or the vocabulary of a known tokeniser",
        ) from error  # fmt: skip
    pieces.no_padding()
    pieces.no_truncation()
    hidden = next((number for name in _HIDDEN if (number := pieces.token_to_id(name)) is not None), None)
    padding = made.pad_token_id if made.pad_token_id is not None else int(config.get("pad_token_id") or 0)
    positions = int(config.get("max_position_embeddings") or _MOST_TOKENS) - _SPARE
    size = int(config.get("vocab_size") or pieces.get_vocab_size())
    return BorrowedTokeniser(
        pieces.to_str(), size, min(positions, _MOST_TOKENS), int(padding), int(padding if hidden is None else hidden)
    )  # fmt: skip


@lru_cache(maxsize=16)
def _read(json: str, tokens: int) -> _Pieces:
    pieces = _Pieces.from_str(json)
    pieces.enable_truncation(tokens)
    return pieces
