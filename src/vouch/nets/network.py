"""The whole network: one embedder per block of columns, a trunk over their vectors, a head for every member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vouch.errors import UsageError
from vouch.nets.drawing import Dropout


class Network(nn.Module):
    """Embedders, a trunk and a head.

    Args:
        embedders: modules from one encoded input (B, ...) to a vector (B, D), each with ``features`` = D.
        trunk: a module from (B, D) to (B, M, H) with ``members`` = M and ``out_features`` = H.
        outputs: numbers per member and row (K).

    Example:
        >>> from vouch.nets.mlp import MLP
        >>> two_numbers = Flat(nn.Unflatten(1, (2, 1)), columns=2, features=1)
        >>> net = Network([two_numbers], MLP(2, width=8, depth=1, dropout=0.0), outputs=3)
        >>> net(torch.zeros(5, 2)).shape
        torch.Size([5, 1, 3])
    """

    def __init__(self, embedders: Sequence[nn.Module], trunk: nn.Module, outputs: int) -> None:
        super().__init__()
        self.embedders = nn.ModuleList(embedders)
        self.trunk = trunk
        self.head = MemberHead(trunk.members, trunk.out_features, outputs)  # type: ignore[arg-type]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Encoded inputs, one for each embedder, to outputs (B, M, K)."""
        return self.answer(self.vectors(*inputs))

    @property
    def sizes(self) -> list[int]:
        """Size of each embedder's vector (sum D)."""
        return [int(embedder.features) for embedder in self.embedders]  # type: ignore[arg-type]

    def vectors(self, *inputs: Tensor) -> Tensor:
        """Encoded inputs, one for each embedder, to their vectors side by side (B, D)."""
        parts = [embedder(x) for embedder, x in zip(self.embedders, inputs, strict=True)]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def answer(self, vectors: Tensor) -> Tensor:
        """Vectors side by side (B, D) to outputs (B, M, K)."""
        return self.head(self.trunk(vectors))


class Pretext(nn.Module):
    """A network whose own head guesses which columns were exchanged, with a projector or a guesser for some blocks.

    Args:
        network: to be kept, but for its head.
        heads: for some blocks, by their number, what is put on the block's embedder.

    Example:
        >>> from vouch.nets.pretext import Projector
        >>> numbers = Flat(nn.Unflatten(1, (2, 1)), columns=2, features=1)
        >>> net = Pretext(Network([numbers], Straight([2], members=1, dropout=0.0), outputs=2), {0: Projector(2)})
        >>> net.project(0, torch.zeros(4, 2)).shape
        torch.Size([4, 128])
    """

    def __init__(self, network: Network, heads: Mapping[int, nn.Module]) -> None:
        super().__init__()
        self.network = network
        self.heads = nn.ModuleDict({str(block): head for block, head in heads.items()})

    def forward(self, *inputs: Tensor) -> Tensor:
        """Encoded inputs to what the network's own head guesses (B, M, K)."""
        return self.network(*inputs)

    def project(self, block: int, x: Tensor) -> Tensor:
        """One encoded input (B, ...) to what its projector makes of the embedder's vector (B, E)."""
        return self.heads[str(block)](self.network.embedders[block](x))


class MemberHead(nn.Module):
    """A linear head of its own for each member.

    Args:
        members: M.
        features: H.
        outputs: K.

    Example:
        >>> MemberHead(members=4, features=8, outputs=3)(torch.zeros(5, 4, 8)).shape
        torch.Size([5, 4, 3])
    """

    def __init__(self, members: int, features: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(features)
        self.weight = nn.Parameter(torch.empty(members, features, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Hidden vectors (B, M, H) to outputs (B, M, K)."""
        if len(self.weight) == 1:  # a third of the operations, which are most of the time of a small net
            return torch.addmm(self.bias, x.squeeze(1), self.weight.squeeze(0)).unsqueeze(1)
        return torch.bmm(x.transpose(0, 1), self.weight).transpose(0, 1) + self.bias

    @torch.no_grad()
    def scale(self, factor: float) -> None:
        """Make all outputs larger by a factor."""
        self.weight.mul_(factor)
        self.bias.mul_(factor)


class Flat(nn.Module):
    """An embedding of several columns (B, N, D) laid side by side as one vector (B, N·D).

    Args:
        embedding: the module to flatten.
        columns: number of columns N; the embedding's own when not given.
        features: size D of a column's vector; the embedding's own when not given.

    Example:
        >>> flat = Flat(nn.Unflatten(1, (2, 3)), columns=2, features=3)
        >>> flat(torch.zeros(5, 6)).shape, flat.sections
        (torch.Size([5, 6]), [3, 3])
    """

    def __init__(self, embedding: nn.Module, columns: int | None = None, features: int | None = None) -> None:
        super().__init__()
        self.embedding = embedding
        self.sections = [int(features or embedding.features)] * int(columns or embedding.columns)  # type: ignore[arg-type]
        self.features = sum(self.sections)

    def forward(self, x: Tensor) -> Tensor:
        """Embed and flatten."""
        return self.embedding(x).flatten(1)


class Straight(nn.Module):
    """No trunk at all: the vectors themselves; members that lie side by side in them are told apart.

    Args:
        sizes: size of each embedder's vector (sum D); every one holds M members side by side.
        members: M.
        dropout: share of entries dropped in training.

    Example:
        >>> Straight([6, 4], members=2, dropout=0.0)(torch.zeros(3, 10)).shape
        torch.Size([3, 2, 5])
    """

    def __init__(self, sizes: Sequence[int], members: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.sizes, self.members = list(sizes), members
        self.out_features = sum(sizes) // members

    def forward(self, x: Tensor) -> Tensor:
        """Vectors (B, D) to (B, M, D / M)."""
        if self.members == 1:
            return self.dropout(x.unsqueeze(1))
        parts = [part.unflatten(1, (self.members, -1)) for part in x.split(self.sizes, dim=1)]
        return self.dropout(torch.cat(parts, dim=2))


@torch.inference_mode()
def outputs_of(network: nn.Module, inputs: Sequence[Tensor], batch: int = 1024) -> Tensor:
    """The network's outputs (B, M, K) for encoded rows, in batches, without dropout.

    Args:
        network: left in evaluation mode.
        inputs: encoded inputs, first dimension B.
        batch: rows at once.

    Returns:
        Outputs in the order of the rows.

    Example:
        >>> outputs_of(MemberHead(members=4, features=8, outputs=3), [torch.zeros(5, 4, 8)]).shape
        torch.Size([5, 4, 3])
    """
    network.eval()
    parts = zip(*(x.split(batch) for x in inputs), strict=True)
    return torch.cat([network(*part) for part in parts])


def find_device(name: str) -> torch.device:
    """The device of that name; "auto" is the first accelerator, else the processor.

    Raises:
        UsageError: there is no such device here.

    Example:
        >>> find_device("cpu").type
        'cpu'
    """
    here = ["cpu"] + ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available()
    if name == "auto":
        return torch.device(here[-1])
    if name.split(":")[0] not in here:
        raise UsageError(f"there is no device '{name}' here", expected="one of auto, " + ", ".join(here))
    return torch.device(name)


@torch.inference_mode()
def vectors_of(network: Network, inputs: Sequence[Tensor], before: str = "head", batch: int = 1024) -> Tensor:
    """What a network makes of encoded rows, in batches, without dropout: before its head, or before its trunk.

    Args:
        network: left in evaluation mode.
        inputs: encoded inputs, first dimension B.
        before: "head" or "trunk".
        batch: rows per pass.

    Returns:
        (B, M, H) before the head, (B, D) before the trunk.

    Example:
        >>> from vouch.nets.mlp import MLP
        >>> net = Network([Flat(nn.Unflatten(1, (2, 1)), columns=2, features=1)], MLP(2, 8, 1, 0.0), outputs=3)
        >>> vectors_of(net, [torch.zeros(5, 2)]).shape
        torch.Size([5, 1, 8])
    """
    network.eval()
    parts = [network.vectors(*part) for part in zip(*(x.split(batch) for x in inputs), strict=True)]
    return torch.cat([network.trunk(part) if before == "head" else part for part in parts])
