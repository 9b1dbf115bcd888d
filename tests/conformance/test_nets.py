"""Every net in ALL keeps what the house relies on; one without an example fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vouch.nets import (
    ALL,
    CNN,
    MLP,
    BagOfWords,
    DeepEnsemble,
    ParameterSharingEnsemble,
    ResNet,
    SequenceEncoder,
    TextCNN,
)
from vouch.testing import check_net

Example = tuple[Callable[[], nn.Module], Callable[[], Tensor]]


def rows() -> Tensor:
    return torch.randn(5, 6, generator=torch.Generator().manual_seed(0))


def pictures() -> Tensor:
    return torch.randn(5, 3, 28, 28, generator=torch.Generator().manual_seed(0))


def pieces() -> Tensor:
    """Numbers of pieces (5, 7), some texts shorter than others, one without any."""
    found = torch.randint(1, 40, (5, 7), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    return found * (torch.arange(7) < torch.tensor([7, 5, 3, 1, 0])[:, None])


EXAMPLES: dict[Any, list[Example]] = {
    MLP: [(lambda: MLP(6, width=8, depth=2, dropout=0.2), rows)],
    ParameterSharingEnsemble: [
        (lambda: ParameterSharingEnsemble(6, members=4, width=8, depth=2, dropout=0.2), rows),
        (lambda: ParameterSharingEnsemble(6, members=4, width=8, depth=2, dropout=0.2, sections=[4, 2]), rows),
    ],
    DeepEnsemble: [(lambda: DeepEnsemble([MLP(3, width=8, depth=2, dropout=0.2) for _ in range(2)], [1, 2]), rows)],
    CNN: [(lambda: CNN(3, (28, 28), width=16), pictures), (lambda: CNN(3, (28, 28), 16, "group"), pictures)],
    ResNet: [(lambda: ResNet(3, (28, 28), width=16), pictures), (lambda: ResNet(3, (28, 28), 16, "group"), pictures)],
    BagOfWords: [
        (lambda: BagOfWords(vocabulary=40, features=8), pieces),
        (lambda: BagOfWords(vocabulary=40, features=8, members=4), pieces),
    ],
    TextCNN: [
        (lambda: TextCNN(vocabulary=40, features=8), pieces),
        (lambda: TextCNN(vocabulary=40, features=8, members=4), pieces),
    ],
    SequenceEncoder: [
        (lambda: SequenceEncoder(vocabulary=40, tokens=7, features=16), pieces),
        (lambda: SequenceEncoder(vocabulary=40, tokens=7, features=16, kernel=5), pieces),
    ],
}


@pytest.mark.parametrize("net", ALL, ids=lambda net: net.__name__)
def test_every_net_has_an_example(net: Any) -> None:
    assert EXAMPLES.get(net), f"{net.__name__} is in ALL: give it an example in tests/conformance/test_nets.py."


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        pytest.param(*example, id=f"{net.__name__}-{i}")
        for net in ALL
        for i, example in enumerate(EXAMPLES.get(net, []))
    ],
)
def test_net_keeps_the_contract(make: Callable[[], nn.Module], inputs: Callable[[], Tensor]) -> None:
    check_net(make, [inputs()])
