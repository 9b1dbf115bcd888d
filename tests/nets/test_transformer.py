"""The sequence encoder, by attention and by convolution."""

from typing import Any

import pytest
import torch
from torch.func import functional_call, grad, vmap

from vouch.nets.transformer import SequenceEncoder

IDS = torch.tensor([[5, 9, 2, 0], [7, 5, 9, 2], [0, 0, 0, 0]], dtype=torch.int32)
KERNELS = (0, 3)


def _encoder(kernel: int) -> SequenceEncoder:
    torch.manual_seed(0)
    return SequenceEncoder(vocabulary=20, tokens=12, features=32, depth=2, kernel=kernel).eval()


@pytest.mark.parametrize("kernel", KERNELS)
def test_padding_changes_nothing(kernel: int):
    encoder = _encoder(kernel)
    longer = torch.cat([IDS, torch.zeros(3, 5, dtype=torch.int32)], dim=1)
    # Padding has no piece, so even its own vector must not reach a neighbour through two blocks.
    torch.testing.assert_close(encoder(IDS), encoder(longer))


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_empty_text_is_zeros(kernel: int):
    encoder = _encoder(kernel)
    assert encoder(IDS)[2].abs().max() == 0
    assert torch.isfinite(encoder(IDS)).all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_order_matters(kernel: int):
    encoder = _encoder(kernel)
    assert not torch.allclose(encoder(IDS[1:2]), encoder(IDS[1:2].flip(1)))


@pytest.mark.parametrize("kernel", KERNELS)
def test_sequence_is_zero_at_the_padding_alone(kernel: int):
    sequence = _encoder(kernel).sequence(IDS)
    assert sequence.shape == (3, 4, 32)
    assert torch.equal(sequence.abs().sum(-1) > 0, IDS > 0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_works_under_vmap_per_example(kernel: int):
    encoder = _encoder(kernel)
    weights: dict[str, Any] = dict(encoder.named_parameters())

    def loss(weights: dict[str, Any], row: torch.Tensor) -> torch.Tensor:
        return functional_call(encoder, weights, (row[None],)).square().sum()

    each = vmap(grad(loss), in_dims=(None, 0))(weights, IDS)
    whole = grad(lambda w: functional_call(encoder, w, (IDS,)).square().sum())(weights)
    torch.testing.assert_close(each["vectors"].sum(0), whole["vectors"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_learns_where_a_piece_stands(kernel: int):
    torch.manual_seed(0)
    ids = torch.randint(2, 6, (256, 8))
    target = (ids[:, 3] > 3).float()
    encoder = SequenceEncoder(vocabulary=6, tokens=8, features=16, depth=1, dropout=0.0, kernel=kernel)
    head = torch.nn.Linear(16, 1)
    weights = [*encoder.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(weights, lr=1e-2)
    for _ in range(150):
        output = head(encoder(ids)).squeeze(-1)
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(output, target).backward()
        optimizer.step()
    assert ((head(encoder(ids)).squeeze(-1) > 0) == (target > 0)).float().mean() > 0.95
