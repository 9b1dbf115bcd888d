"""The parameter-sharing ensemble: members, equality with separate nets, and work under torch.func."""

from __future__ import annotations

import torch
from torch.func import functional_call, grad, vmap

from vouch.nets.ensemble import ParameterSharingEnsemble


def _trunk(seed: int = 0, dropout: float = 0.0) -> ParameterSharingEnsemble:
    torch.manual_seed(seed)
    return ParameterSharingEnsemble(in_features=6, members=4, width=16, depth=2, dropout=dropout)


def test_gives_the_stated_members_and_width() -> None:
    trunk = _trunk()
    assert trunk(torch.randn(5, 6)).shape == (5, trunk.members, trunk.out_features)


def test_each_member_is_the_shared_net_on_its_own_scaling_of_the_input() -> None:
    trunk = _trunk()
    x = torch.randn(5, 6)
    apart = torch.stack([trunk.layers(x * scale) for scale in trunk.adapter], dim=1)
    assert torch.allclose(trunk(x), apart, atol=1e-6)


def test_members_differ() -> None:
    hidden = _trunk()(torch.randn(5, 6))
    assert not torch.allclose(hidden[:, 0], hidden[:, 1])


def test_a_member_starts_with_one_scale_for_each_section() -> None:
    torch.manual_seed(0)
    adapter = ParameterSharingEnsemble(5, members=4, width=8, depth=1, dropout=0.0, sections=[2, 3]).adapter
    assert torch.equal(adapter[:, 0], adapter[:, 1])
    assert torch.equal(adapter[:, 2], adapter[:, 4])
    assert not torch.equal(adapter[:, 1], adapter[:, 2])


def test_the_same_seed_gives_the_same_bits() -> None:
    x = torch.randn(5, 6)
    assert torch.equal(_trunk(3)(x), _trunk(3)(x))


def test_per_row_gradients_sum_to_the_batch_gradient() -> None:
    trunk = _trunk()
    x, state = torch.randn(5, 6), dict(trunk.named_parameters())
    per_row = vmap(grad(lambda p, row: functional_call(trunk, p, (row.unsqueeze(0),)).sum()), (None, 0))(state, x)
    trunk(x).sum().backward()
    for name, parameter in trunk.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(per_row[name].sum(0), parameter.grad, rtol=1e-4, atol=1e-5)
