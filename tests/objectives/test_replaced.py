import torch
from torch import nn

from vouch.nets.network import Flat, Network, Pretext, Straight
from vouch.objectives import ReplacedColumns
from vouch.objectives.replaced import Section


class Recording(nn.Module):
    """A trunk that remembers what it was given."""

    members, out_features = 1, 4

    def __init__(self) -> None:
        super().__init__()
        self.given: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.given.append(x)
        return x.unsqueeze(1)


def test_columns_are_exchanged_whole_and_for_those_of_other_rows() -> None:
    """Two columns, the second of two sections: whatever comes from another row comes from one row for both sections."""
    trunk = Recording()
    embedder = Flat(nn.Unflatten(1, (4, 1)), columns=4, features=1)
    net = Pretext(Network([embedder], trunk, outputs=2), {})
    x = torch.arange(400.0).view(100, 4)
    torch.manual_seed(0)
    ReplacedColumns([Section(1, 0), Section(2, 1), Section(1, 1)], share=0.4)(net, [x], torch.zeros(100))
    (given,) = trunk.given
    donor = (given - torch.arange(4.0)) / 4
    assert torch.equal(donor[:, 1], donor[:, 2])
    assert torch.equal(donor[:, 1], donor[:, 3])
    moved = donor != torch.arange(100.0).unsqueeze(1)
    assert abs(moved[:, 0].float().mean() - 0.4) < 0.15
    assert not torch.equal(moved[:, 0], moved[:, 1])


def test_what_is_independent_cannot_be_found_out() -> None:
    """Guessing the share is the best there is: the loss of a network that knows nothing is that of a coin."""
    net = Pretext(Network([Flat(nn.Unflatten(1, (2, 1)), 2, 1)], Straight([2], 1, 0.0), 2), {})
    with torch.no_grad():
        for weight in net.network.head.parameters():
            weight.zero_()
    objective = ReplacedColumns([Section(1, 0), Section(1, 1)], share=0.5)
    loss = objective(net, [torch.randn(500, 2)], torch.zeros(500))
    assert abs(loss.item() - 0.6931) < 1e-3
