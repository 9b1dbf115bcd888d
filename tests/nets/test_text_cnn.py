"""The bag of pieces with filters beside it."""

import torch
import torch.nn.functional as F

from vouch.nets.text_cnn import TextCNN

IDS = torch.tensor([[5, 9, 2, 0], [7, 5, 9, 2], [0, 0, 0, 0]], dtype=torch.int32)


def _net(members: int = 1) -> TextCNN:
    torch.manual_seed(0)
    return TextCNN(vocabulary=20, features=8, members=members).eval()


def test_padding_changes_nothing():
    longer = torch.cat([IDS, torch.zeros(3, 5, dtype=torch.int32)], dim=1)
    torch.testing.assert_close(_net(3)(IDS), _net(3)(longer))


def test_an_empty_text_is_zeros():
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
