"""Grad-CAM: where the last feature map of a convolutional net speaks for the answer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vouch.contracts.explaining import Attribution, Question
from vouch.explainers.game import Game, owner_of_values
from vouch.explainers.leaves import MARGINAL_ONLY, by_owner
from vouch.explainers.still import still
from vouch.nets.network import Network


class GradCam:
    """The channels of the last map, weighed by how the answer changes with each, where their sum is above nothing.

    Source:
        Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based localization (2017).
    """

    name: ClassVar[str] = "grad_cam"
    says: ClassVar[str] = "Where the last feature map speaks for the answer; it never speaks against it."
    reference: ClassVar[str] = "Selvaraju et al. (2017), Grad-CAM"

    def applies(self, question: Question) -> str:
        """Convolutional nets alone have a map to look at."""
        if question.background == "conditional":
            return MARGINAL_ONLY
        network = question.bundle.network
        if isinstance(network, Network) and all(hasattr(one, "map") for one in network.embedders):
            return ""
        return "not all of its columns go through a convolutional net"

    def passes(self, parts: int) -> int:
        """One way there and back."""
        del parts
        return 3

    def attribute(self, question: Question) -> Attribution:
        """What the map says within every part of every row."""
        network = question.bundle.network
        assert isinstance(network, Network)
        game = Game(question)
        with still(network):
            rows = ([x[row : row + 1] for x in question.inputs] for row in range(question.rows))
            found = np.array([_seen(question, network, own, row) for row, own in enumerate(rows)])
        return Attribution(found, game.base(), game.answers(), np.zeros_like(found), False)


def _seen(question: Question, network: Network, own: list[Tensor], row: int) -> np.ndarray:
    """What the maps of one row say within each of its parts (P,)."""
    with torch.enable_grad():
        maps = [one.map(x).detach().requires_grad_() for one, x in zip(network.embedders, own, strict=True)]  # type: ignore[operator]
        outputs = network.answer(torch.cat([one.mean((2, 3)) for one in maps], dim=1))
        said = question.bundle.task.answer(outputs)[0, question.wanted[row]]
        gradients = torch.autograd.grad(said, maps)
    owners, found = owner_of_values(question), []
    for one, gradient, owner in zip(maps, gradients, owners, strict=True):
        heat = F.relu((gradient.mean((2, 3), keepdim=True) * one.detach()).sum(1, keepdim=True))
        pixels = F.interpolate(heat, owner.shape[-2:], mode="bilinear", align_corners=False)
        found.append(by_owner(pixels[:, 0], owner[0], len(question.names))[0])
    return torch.stack(found).sum(dim=0).double().numpy()
