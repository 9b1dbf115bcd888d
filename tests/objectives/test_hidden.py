import torch
from torch import nn

from vouch.nets.network import Network, Pretext, Straight
from vouch.nets.pretext import Guesser
from vouch.nets.transformer import SequenceEncoder
from vouch.objectives import HiddenPieces
from vouch.objectives.hidden import Pieces


class Watching(nn.Module):
    """Remembers which numbers it was shown."""

    features = 4

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []
        self.weight = nn.Parameter(torch.ones(4))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        self.seen.append(ids)
        return self.weight * ids.float().mean(1, keepdim=True)


def pretext(net: nn.Module, features: int) -> Pretext:
    return Pretext(Network([net], Straight([features], members=1, dropout=0.0), 1), {0: Guesser(features, 40)})


def test_about_the_share_is_hidden_and_padding_never_is() -> None:
    torch.manual_seed(0)
    ids = torch.randint(2, 40, (200, 10)) * (torch.arange(10) < 7)
    net = Watching()
    HiddenPieces({0: Pieces(0, 1)}, share=0.3)(pretext(net, 4), [ids], torch.zeros(200))
    (seen,) = net.seen
    changed = seen != ids
    assert (seen[changed] == 1).all()
    assert not changed[:, 7:].any()
    assert abs(changed[:, :7].float().mean() - 0.3) < 0.04


def test_a_batch_in_which_nothing_is_hidden_has_no_loss_and_a_gradient() -> None:
    net = pretext(Watching(), 4)
    loss = HiddenPieces({0: Pieces(0, 1)}, share=0.3)(net, [torch.zeros(5, 3, dtype=torch.int64)], torch.zeros(5))
    loss.backward()
    assert loss.item() == 0


def test_nets_in_which_pieces_meet_guess_each_piece_at_its_place() -> None:
    """Where the neighbour says what a piece is, a hundred steps are enough to guess it; the pooled row would not do."""
    torch.manual_seed(0)
    ids = torch.randint(1, 9, (128, 4)) * 2
    ids = torch.stack([ids, ids + 1], 2).flatten(1)
    net = pretext(SequenceEncoder(vocabulary=40, tokens=8, features=16, depth=1, dropout=0.0), 16)
    objective, adam = HiddenPieces({0: Pieces(0, 1)}, share=0.15), torch.optim.Adam(net.parameters(), lr=1e-2)
    loss = torch.zeros(())
    for _ in range(150):
        loss = objective(net, [ids], torch.zeros(128))
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert loss.item() < 1.2
