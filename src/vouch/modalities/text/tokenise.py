"""Text to numbered pieces: byte-pair encoding learned from the training texts, with nothing out of vocabulary."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from tokenizers import Tokenizer as _Pieces
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

PADDING = 0
_PAD, _HIDDEN = "<pad>", "<hidden>"
# How pieces are marked at which a word begins, and those that go on with one.
_BEGINS, _GOES_ON = ("Ġ", "▁"), "##"
LONGEST_WORD = 20
_SHORTEST, _LONGEST = 4, 256
_COVER = 0.98


@dataclass(frozen=True, slots=True)
class Tokeniser:
    """Pieces learned from training texts.

    Texts are brought to one Unicode form (NFKC) and to lower case, cut at spaces and punctuation, and each word is
    spelt by the longest pieces known; single bytes are pieces too, so every text can be spelt. Writing without
    spaces (sequences of letters, Chinese, Japanese) is cut into single characters instead.

    Args:
        json: the pieces and their merges, as the ``tokenizers`` library writes them.
        vocabulary: number of pieces, the padding included.
        tokens: pieces of a text that are read (T).
        by_character: a text is cut into single characters.

    Source:
        Sennrich et al., Neural machine translation of rare words with subword units (2016).

    Example:
        >>> tokeniser = learn_tokeniser(["the cat sat", "the dog sat", None], vocabulary=300, tokens=4)
        >>> tokeniser.encode(["the cat", None]).tolist()[1]
        [0, 0, 0, 0]
    """

    json: str
    vocabulary: int
    tokens: int
    by_character: bool

    def encode(self, texts: Iterable[str | None]) -> Tensor:
        """Texts to piece numbers.

        Args:
            texts: B texts; a missing one is None and is all padding.

        Returns:
            Numbers (B, T), int32, 0 where a text is over.
        """
        cut = list(texts)
        found = _read(self.json).encode_batch_fast([text or "" for text in cut], add_special_tokens=False)
        out = np.zeros((len(cut), self.tokens), np.int32)
        for row, encoding in zip(out, found, strict=True):
            ids = encoding.ids[: self.tokens]
            row[: len(ids)] = ids
        return torch.from_numpy(out)

    @property
    def hidden(self) -> int:
        """The number that stands in the place of a hidden piece; that of the padding where none was made for it."""
        return _read(self.json).token_to_id(_HIDDEN) or PADDING

    def words(self, ids: Sequence[int]) -> tuple[list[int], list[str]]:
        """The word that each piece belongs to, -1 for padding, and the words as they are written.

        Example:
            >>> tokeniser = learn_tokeniser(["the cat sat", "the dog sat", None], vocabulary=300, tokens=6)
            >>> tokeniser.words(tokeniser.encode(["the dog"])[0].tolist())
            ([0, 1, 1, 1, 1, -1], ['the', 'dog'])
        """
        pieces = _read(self.json)
        return joined_words(ids, pieces, {PADDING}, self.by_character)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The text of each piece number that is not padding; a piece may be part of a character, shown as "�"."""
        pieces = _read(self.json)
        return [pieces.decode([number]) for number in ids if number != PADDING]


def learn_tokeniser(
    texts: Iterable[str | None], vocabulary: int, tokens: int = 0, *, hiding: bool = False
) -> Tokeniser:
    """Learn the pieces from training texts; the same texts give the same pieces.

    Args:
        texts: training texts; None is missing.
        vocabulary: pieces at most, at least 257 (all bytes and the padding).
        tokens: pieces of a text that are read (T); 0 covers 98 in 100 training texts, 256 pieces at most.
        hiding: one more piece stands in the place of those that are hidden while learning without labels.

    Returns:
        The tokeniser.

    Example:
        >>> learn_tokeniser(["CTAGGCTCCAGATAGCCATAGAAG"] * 3, vocabulary=300).by_character
        True
    """
    known = [text for text in texts if text]
    by_character = _written_without_spaces(known)
    pieces = _Pieces(models.BPE())
    pieces.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    pieces.pre_tokenizer = _cutter(by_character)
    pieces.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[_PAD, _HIDDEN] if hiding else [_PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    pieces.train_from_iterator(known, trainer, length=len(known))
    lengths = sorted(len(encoding.ids) for encoding in pieces.encode_batch_fast(known, add_special_tokens=False))
    return Tokeniser(pieces.to_str(), pieces.get_vocab_size(), tokens or _cover(lengths), by_character)


def joined_words(
    ids: Sequence[int], pieces: _Pieces, marks: Set[int], by_character: bool = False
) -> tuple[list[int], list[str]]:
    """Pieces as the words that they spell.

    Args:
        ids: piece numbers (T).
        pieces: what they stand for.
        marks: numbers that are of no word, such as the padding.
        by_character: every piece is a word by itself.

    Returns:
        The word of each piece (T), -1 for marks, and the words.
    """
    spelt = [None if number in marks else pieces.id_to_token(number) or "" for number in ids]
    begun = {mark for mark in _BEGINS if any(token and token.startswith(mark) for token in spelt)}
    owner, inside = [], []
    for number, token in zip(ids, spelt, strict=True):
        if token is None:
            owner.append(-1)
            continue
        goes_on = token.startswith(_GOES_ON) or (bool(begun) and not token.startswith(_BEGINS))
        if not inside or by_character or not goes_on or owner[-1] < 0:
            inside.append([])
        inside[-1].append(number)
        owner.append(len(inside) - 1)
    return owner, [pieces.decode(some).strip() or "·" for some in inside]


def _written_without_spaces(texts: Sequence[str]) -> bool:
    """Whether words, as far as spaces tell, are too long to be words."""
    letters = sum(len(text) for text in texts)
    return letters > LONGEST_WORD * sum(len(text.split()) for text in texts)


def _cutter(by_character: bool) -> pre_tokenizers.PreTokenizer:
    if by_character:
        single = pre_tokenizers.Split("", behavior="isolated")
        return pre_tokenizers.Sequence([single, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    return pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True)


def _cover(lengths: Sequence[int]) -> int:
    """The length that covers nearly all texts, between a shortest and a longest that are still quick to train."""
    if not lengths:
        return _SHORTEST
    return min(max(lengths[math.ceil(_COVER * len(lengths)) - 1], _SHORTEST), _LONGEST)


@lru_cache(maxsize=32)
def _read(json: str) -> _Pieces:
    return _Pieces.from_str(json)
