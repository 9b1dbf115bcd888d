"""The n-gram bag."""

from typing import Any

import torch
from torch.func import functional_call, grad, vmap

from vouch.nets.bag import NgramBag

IDS = torch.tensor([[5, 9, 2, 0], [7, 5, 9, 2], [0, 0, 0, 0]], dtype=torch.int32)


def _bag(ngrams: int = 2) -> NgramBag:
    torch.manual_seed(0)
    return NgramBag(vocabulary=20, features=8, ngrams=ngrams, buckets=64, dropout=0.3).eval()


def test_padding_changes_nothing():
    bag = _bag(3)
    longer = torch.cat([IDS, torch.zeros(3, 5, dtype=torch.int32)], dim=1)
    torch.testing.assert_close(bag(IDS), bag(longer))


def test_an_empty_text_is_zeros():
    assert _bag()(IDS)[2].abs().max() == 0


def test_single_pieces_ignore_order_and_pairs_do_not():
    turned = torch.tensor([[2, 9, 5, 0]], dtype=torch.int32)
    torch.testing.assert_close(_bag(1)(IDS[:1]), _bag(1)(turned))
    assert not torch.allclose(_bag(2)(IDS[:1]), _bag(2)(turned))


def test_pooled_is_the_sum_of_the_sequence_over_the_norm_of_the_importances():
    bag = _bag(1)
    with torch.no_grad():
        bag.importance.normal_()
    norm = bag.importance[[5, 9, 2]].exp().square().sum().sqrt()
    torch.testing.assert_close(bag(IDS[:1]), bag.sequence(IDS[:1]).sum(1) / norm)


def test_a_run_longer_than_the_text_is_left_out():
    assert _bag(3)(IDS[:, :1]).shape == (3, 8)


def test_works_under_vmap_per_example():
    bag = _bag()
    weights: dict[str, Any] = dict(bag.named_parameters())

    def loss(weights: dict[str, Any], row: torch.Tensor) -> torch.Tensor:
        return functional_call(bag, weights, (row[None],)).square().sum()

    each = vmap(grad(loss), in_dims=(None, 0))(weights, IDS)
    whole = grad(lambda w: functional_call(bag, w, (IDS,)).square().sum())(weights)
    torch.testing.assert_close(each["vectors"].sum(0), whole["vectors"])


def test_training_drops_pieces_the_same_way_for_the_same_seed():
    bag = _bag().train()
    torch.manual_seed(1)
    first = bag(IDS)
    torch.manual_seed(1)
    assert torch.equal(first, bag(IDS))
    assert not torch.equal(first, bag.eval()(IDS))
