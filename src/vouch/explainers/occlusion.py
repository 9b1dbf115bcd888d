"""Occlusion: how the answer changes when one part alone is taken out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from vouch.contracts.explaining import Attribution, Question
from vouch.explainers.game import Game


class Occlusion:
    """Take out one part at a time; where rows stand in, the mean over all of them.

    Source:
        Zeiler and Fergus, Visualizing and understanding convolutional networks (2014).
    """

    name: ClassVar[str] = "occlusion"
    says: ClassVar[str] = "How far the answer falls when this part alone is taken out."
    reference: ClassVar[str] = "Zeiler and Fergus (2014), Visualizing and understanding convolutional networks"

    def applies(self, question: Question) -> str:
        """Every network can be asked."""
        del question
        return ""

    def passes(self, parts: int) -> int:
        """Once without each part."""
        return parts

    def attribute(self, question: Question) -> Attribution:
        """What every part is worth beside all others, for every row."""
        game = Game(question)
        keep = np.tile(~np.eye(game.players, dtype=bool), (game.stand_ins, 1))
        other = np.repeat(np.arange(game.stand_ins), game.players)
        left = game.values(keep, other).reshape(question.rows, game.stand_ins, game.players)
        answers = game.answers()
        found = answers[:, None] - left.mean(1)
        spread = left.std(1, ddof=1) / np.sqrt(game.stand_ins) if game.stand_ins > 1 else np.zeros_like(found)
        return Attribution(found, game.base(), answers, spread, False)
