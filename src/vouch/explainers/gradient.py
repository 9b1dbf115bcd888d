"""The plain gradient: how strongly the answer reacts to each part, whichever way. What others are measured against."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from vouch.contracts.explaining import Attribution, Question
from vouch.explainers.game import Game
from vouch.explainers.leaves import Leaves, unfollowed


class Gradient:
    """The size of the gradient by all values of a part; it says how much, not which way.

    Source:
        Simonyan, Vedaldi and Zisserman, Deep inside convolutional networks (2014).
    """

    name: ClassVar[str] = "gradient"
    says: ClassVar[str] = "How strongly the answer reacts to a small change of this part, whichever way."
    reference: ClassVar[str] = "Simonyan, Vedaldi and Zisserman (2014), Deep inside convolutional networks"

    def applies(self, question: Question) -> str:
        """Every network whose columns can be followed."""
        return unfollowed(question)

    def passes(self, parts: int) -> int:
        """One way there and back."""
        del parts
        return 3

    def attribute(self, question: Question) -> Attribution:
        """The size of the gradient by every part of every row."""
        leaves, game = Leaves(question), Game(question)
        values = []
        for row in range(question.rows):
            own = [x[None] for x in leaves.own(row)]
            squares = leaves.by_part([g.square() for g in leaves.gradients(own, row)])
            values.append(squares[0].sqrt().double().numpy())
        found = np.array(values).reshape(question.rows, len(question.names))
        return Attribution(found, game.base(), game.answers(), np.zeros_like(found), False)
