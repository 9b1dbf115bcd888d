import pytest
import torch
from torch import nn

from vouch.nets.network import MemberHead, Network, Straight


def test_the_head_of_one_member_gives_what_the_same_head_gives_among_others():
    torch.manual_seed(0)
    alone, two = MemberHead(1, 8, 3), MemberHead(2, 8, 3)
    with torch.no_grad():
        two.weight[:1], two.bias[:1] = alone.weight, alone.bias
    x = torch.randn(5, 1, 8)
    assert torch.allclose(alone(x), two(x.expand(5, 2, 8))[:, :1], atol=1e-6)


def test_a_single_head_can_be_called_with_other_weights_side_by_side():
    head, x = MemberHead(1, 8, 3), torch.randn(2, 5, 1, 8)
    weights = {name: torch.randn(2, *value.shape) for name, value in head.named_parameters()}
    both = torch.func.vmap(lambda held, rows: torch.func.functional_call(head, held, (rows,)))(weights, x)
    for i in range(2):
        one = torch.func.functional_call(head, {name: value[i] for name, value in weights.items()}, (x[i],))
        assert torch.allclose(both[i], one, atol=1e-6)


@pytest.mark.parametrize("sizes", [[6], [4, 2]])
def test_without_a_trunk_one_member_is_all_vectors_side_by_side(sizes):
    x = torch.randn(3, 6)
    assert torch.equal(Straight(sizes, 1, 0.0)(x), x.unsqueeze(1))


def test_members_side_by_side_in_each_vector_are_told_apart():
    x = torch.arange(10.0).expand(3, 10)
    assert Straight([6, 4], 2, 0.0)(x)[0].tolist() == [[0, 1, 2, 6, 7], [3, 4, 5, 8, 9]]


class Numbers(nn.Module):
    features = 2

    def forward(self, x):
        return x


def test_vectors_lie_side_by_side_in_the_order_of_the_embedders():
    one, two = torch.randn(3, 2), torch.randn(3, 2)
    network = Network([Numbers(), Numbers()], Straight([2, 2], 1, 0.0), 1)
    assert torch.equal(network.vectors(one, two), torch.cat([one, two], dim=1))
    assert torch.equal(Network([Numbers()], Straight([2], 1, 0.0), 1).vectors(one), one)
