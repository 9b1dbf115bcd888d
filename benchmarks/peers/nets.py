"""The nets that everybody trains: plain torch modules from one input to logits; nothing here knows Vouch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, HEADS, BLOCKS = 64, 4, 2
SPREAD = 0.1


class Classifier(nn.Module):
    """A body that gives vectors (B, D), and a linear layer to logits (B, K)."""

    def __init__(self, body: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs (B, ...) to logits (B, K)."""
        return self.head(self.body(x))


class MLP(nn.Module):
    """Numbers (B, N) through two hidden layers of 128 units to vectors (B, 128)."""

    features = 128

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(columns, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """Vectors of the rows."""
        return self.layers(x)


class ResNet(nn.Module):
    """Pictures (B, C, H, W) through three residual stages of 32, 64 and 128 channels to vectors (B, 128)."""

    features = 128

    def __init__(self, channels: int) -> None:
        super().__init__()
        stages: list[nn.Module] = [convolution(channels, 32, stride=2), Residual(32)]
        for before, after in ((32, 64), (64, 128)):
            stages += [nn.MaxPool2d(2), convolution(before, after), Residual(after)]
        self.stages = nn.Sequential(*stages)

    def forward(self, x: Tensor) -> Tensor:
        """The mean of the last map."""
        return self.stages(x).mean((2, 3))


class Residual(nn.Module):
    """Two convolutions around which the input skips."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(convolution(width, width), convolution(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """The input plus what the convolutions make of it."""
        return x + self.layers(x)


def convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """A convolution of three by three, normalised over the batch, and ReLU."""
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())


class Transformer(nn.Module):
    """Numbers of pieces (B, T), 0 for padding, through two blocks of attention to the mean vector (B, 64)."""

    features = WIDTH

    def __init__(self, vocabulary: int, tokens: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(vocabulary, WIDTH)
        self.places = nn.Embedding(tokens, WIDTH)
        for table in (self.vectors, self.places):
            nn.init.normal_(table.weight, std=SPREAD)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, pieces: Tensor) -> Tensor:
        """The mean over the pieces that are there."""
        present = pieces > 0
        x = self.vectors(pieces) + self.places.weight[: pieces.shape[1]]
        for block in self.blocks:
            x = block(x, present)
        share = present / present.sum(1, keepdim=True)
        return (self.norm(x) * share.unsqueeze(2)).sum(1)


class Block(nn.Module):
    """Attention between pieces, then a layer for each; both are added to what was there."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.inward, self.outward = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.layers = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Vectors (B, T, D), and where pieces are (B, T), to vectors (B, T, D)."""
        query, key, value = self.inward(self.norms[0](x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=present[:, None, None])
        x = x + self.outward(seen.transpose(1, 2).flatten(2))
        return x + self.layers(self.norms[1](x))


BODIES: Mapping[str, Callable[..., MLP | ResNet | Transformer]] = {
    "mlp": MLP, "resnet": ResNet, "transformer": Transformer,
}  # fmt: skip


def body(net: str, sizes: Mapping[str, int], seed: int) -> MLP | ResNet | Transformer:
    """The body of that name with fresh weights."""
    torch.manual_seed(seed)
    return BODIES[net](**sizes)


def classifier(net: str, sizes: Mapping[str, int], classes: int, seed: int) -> Classifier:
    """The whole net, from inputs to logits."""
    made = body(net, sizes, seed)
    return Classifier(made, made.features, classes)
