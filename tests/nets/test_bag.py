"""The bag of pieces, and the bag with filters beside it."""

from typing import Any

import torch
import torch.nn.functional as F
from torch.func import functional_call, grad, vmap

from vouch.nets.bag import BagOfWords, TextCNN, kept_pieces

IDS = torch.tensor([[5, 9, 2, 0], [7, 5, 9, 2], [0, 0, 0, 0]], dtype=torch.int32)


def _bag(members: int = 1) -> BagOfWords:
    torch.manual_seed(0)
    return BagOfWords(vocabulary=20, features=8, dropout=0.3, members=members).eval()


def test_padding_changes_nothing():
    bag = _bag(3)
    longer = torch.cat([IDS, torch.zeros(3, 5, dtype=torch.int32)], dim=1)
    torch.testing.assert_close(bag(IDS), bag(longer))


def test_an_empty_text_is_zeros():
    assert _bag()(IDS)[2].abs().max() == 0


def test_the_order_of_the_pieces_does_not_matter():
    turned = torch.tensor([[2, 9, 5, 0]], dtype=torch.int32)
    torch.testing.assert_close(_bag()(IDS[:1]), _bag()(turned))


def test_pooled_is_the_sum_of_the_sequence_over_the_norm_of_the_importances():
    bag = _bag()
    with torch.no_grad():
        bag.importance.normal_()
    norm = bag.importance[[5, 9, 2]].exp().square().sum().sqrt()
    torch.testing.assert_close(bag(IDS[:1]), bag.sequence(IDS[:1]).sum(1) / norm)


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


def test_members_lose_different_pieces_and_never_see_the_padding():
    ids = torch.ones(50, 40, dtype=torch.int32) * (torch.arange(40) < 30)
    torch.manual_seed(0)
    kept = kept_pieces(ids, members=2, share=0.3, training=True)
    assert kept[:, 30:].sum() == 0
    assert abs(float(kept[:, :30].mean()) - 0.7) < 0.03
    assert not torch.equal(kept[..., 0], kept[..., 1])
    assert torch.equal(kept_pieces(ids, 2, 0.3, training=False)[..., 1], (ids > 0).float())


def _net(members: int = 1) -> TextCNN:
    torch.manual_seed(0)
    return TextCNN(vocabulary=20, features=8, members=members).eval()


def test_padding_changes_nothing_beside_filters():
    longer = torch.cat([IDS, torch.zeros(3, 5, dtype=torch.int32)], dim=1)
    torch.testing.assert_close(_net(3)(IDS), _net(3)(longer))


def test_an_empty_text_is_zeros_beside_filters():
    assert _net()(IDS)[2].abs().max() == 0


def test_half_of_the_vector_is_the_bag_and_the_other_half_knows_the_order():
    net, turned = _net(), torch.tensor([[2, 9, 5, 0]], dtype=torch.int32)
    straight, back = net(IDS[:1])[0], net(turned)[0]
    torch.testing.assert_close(straight[:8], net.bag(IDS[:1])[0])
    torch.testing.assert_close(straight[:8], back[:8])
    assert not torch.allclose(straight[8:], back[8:])


def test_filters_are_the_convolution_written_out():
    net = _net()
    filters = dict(net.named_parameters())
    padded = torch.cat([torch.zeros(1, 8), net.vectors[IDS[1].long()], torch.zeros(1, 8)])
    windows = torch.stack([padded[t : t + 3].T for t in range(4)])
    answers = torch.einsum("tck,fck->tf", windows, filters["filters.weight"]) + filters["filters.bias"]
    torch.testing.assert_close(net(IDS[1:2])[0, 8:], F.relu(answers).amax(0))


def test_a_turn_of_phrase_is_found_wherever_it_stands():
    net = _net()
    early = torch.tensor([[3, 3, 5, 9, 2, 3, 3, 3, 3, 3]])
    late = torch.tensor([[3, 3, 3, 3, 3, 5, 9, 2, 3, 3]])
    torch.testing.assert_close(net(early)[:, 8:], net(late)[:, 8:])


def test_members_share_nothing():
    net = _net(2)
    before = net(IDS).unflatten(1, (2, -1)).detach()
    with torch.no_grad():
        net.vectors[:, :8] += 1
        net.bag.vectors[:, :8] += 1
    after = net(IDS).unflatten(1, (2, -1))
    torch.testing.assert_close(before[:, 1], after[:, 1])
    assert not torch.allclose(before[:2, 0], after[:2, 0])


def test_the_pooled_filters_are_the_largest_of_the_sequence():
    net = _net(2)
    largest = net.sequence(IDS).unflatten(2, (2, -1))[..., 8:].amax(1)
    torch.testing.assert_close(net(IDS).unflatten(1, (2, -1))[..., 8:], largest)
