"""What a convolutional net looks for: pictures made from noise that raise one of its numbers as far as it goes.

A number is the output of a class, or a unit: one channel of the last map, averaged over its places. A picture is kept
as waves, the slow ones of which move faster, and in colours that vary as those of real pictures do; before every look
it is moved, turned and scaled at random, so that what raises the number is not one pixel. Both keep out the fine grain
that raises any number of any network and shows nothing.

Source:
    Olah, Mordvintsev and Schubert, Feature visualization (2017); Mordvintsev, Pezzotti, Schubert and Olah,
    Differentiable image parameterizations (2018); Simonyan, Vedaldi and Zisserman, Deep inside convolutional networks
    (2014), for outputs before the softmax.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vouch.contracts.bundle import BundleValue
from vouch.contracts.roles import Redrawing
from vouch.contracts.synthesis import Of
from vouch.explainers.still import still
from vouch.nets.network import Network, vectors_of
from vouch.nets.several import Several
from vouch.statistics.recalibration import said

Floats = npt.NDArray[np.float64]

STEPS = 128
MOST_CLASSES = 20
_RATE, _DECAY, _FAINT = 0.1, 1.5, 0.1
_TURN, _SCALE, _MOVE = math.radians(10), 0.15, 1 / 16
_ROWS_AROUND, _COLOURS_OF = 16, 1_000
_PIXELS_AT_ONCE = 400_000


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A network that is looked into, with the rows by which it is asked what matters and what is real.

    Args:
        bundle: whose network it is.
        inputs: the encoded rows that are explained (B, ...), one tensor for each block.
        wanted: which output of each of them is explained (B,).
        real: encoded real rows (N, ...) that pictures are compared with; their colours are those that are drawn in.
        seed: fixes the noise and the random moves.
    """

    bundle: BundleValue
    inputs: tuple[Tensor, ...]
    wanted: npt.NDArray[np.int64]
    real: tuple[Tensor, ...]
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Sought:
    """A number of the network that a picture is to raise.

    Args:
        of: a class, a unit, or a quantity to be raised or lowered.
        block: whose picture is made.
        number: of the class, or of the unit in its block.
        weight: of a unit, the mean size of its activation times its gradient.
    """

    of: Of
    block: int
    number: int
    weight: float | None = None

    @property
    def sign(self) -> int:
        """1 to raise the number, -1 to lower it."""
        return -1 if self.of == "low" else 1


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A picture that was made to raise a number.

    Args:
        sought: which number.
        picture: encoded, as real pictures are (C, H, W).
        value: the number for it.
        start: the number for the noise that it was made from.
        real: the number for each real row (N,).
        probability: that is given to the class; none for a unit or a quantity.
    """

    sought: Sought
    picture: Tensor
    value: float
    start: float
    real: Floats
    probability: float | None


def unseen(bundle: BundleValue) -> str:
    """Empty when a network can be looked into this way, else half a sentence saying why it cannot."""
    return "" if _blocks(bundle) else "none of its columns goes through a convolutional net"


def synthesised(sight: Sight, count: int, steps: int = STEPS) -> tuple[Made, ...]:
    """Make a picture for every class, and for the units of the last stage that matter most.

    Where a network sees other columns too, a picture is put in the rows that are explained, sixteen at most, and the
    output is averaged over them; so is every real picture that it is compared with.

    Args:
        sight: the network and the rows.
        count: how many units.
        steps: of gradient ascent for each picture.

    Returns:
        Classes in their order, the twenty likeliest on the explained rows where there are more, then units, those first
        whose activation times gradient is largest on these rows.

    Raises:
        ValueError: no block of the network goes through a convolutional net; see :func:`unseen`.
    """
    if why := unseen(sight.bundle):
        raise ValueError(why)
    with still(sight.bundle.network):
        asked = [*_outputs_sought(sight), *units(sight, count)]
        made: dict[Sought, Made] = {}
        for block in _blocks(sight.bundle):
            made |= {one.sought: one for one in _made(sight, [s for s in asked if s.block == block], block, steps)}
    return tuple(made[one] for one in asked)


def units(sight: Sight, count: int) -> list[Sought]:
    """The units of the last stage whose activation times gradient is largest on the explained rows, in the mean.

    Args:
        sight: the network and the rows.
        count: how many; all where there are fewer.

    Returns:
        The largest first.
    """
    network = _network(sight.bundle)
    with still(network), torch.enable_grad():
        vectors = vectors_of(network, sight.inputs, "trunk").clone().requires_grad_()
        answers = sight.bundle.task.answer(network.answer(vectors)).gather(1, torch.from_numpy(sight.wanted)[:, None])
        (slopes,) = torch.autograd.grad(answers.sum(), vectors)
    sizes = (vectors.detach() * slopes).abs().double().mean(0).split(network.sizes)
    found = [Sought("unit", block, k, float(size)) for block in _blocks(sight.bundle)
             for k, size in enumerate(sizes[block].tolist())]  # fmt: skip
    return sorted(found, key=lambda one: -(one.weight or 0.0))[:count]


def _outputs_sought(sight: Sight) -> list[Sought]:
    """The classes, or a quantity raised and lowered, for every block of pictures."""
    bundle = sight.bundle
    if not (count := len(bundle.task.classes)):
        return [Sought(of, block, 0) for block in _blocks(bundle) for of in ("high", "low")]
    numbers = np.arange(count)
    if count > MOST_CLASSES:
        network = _network(bundle)
        with torch.no_grad():
            likely = said(bundle, network.answer(vectors_of(network, sight.inputs, "trunk"))).mean(0)
        numbers = np.sort(np.argsort(-likely, kind="stable")[:MOST_CLASSES])
    return [Sought("class", block, int(number)) for block in _blocks(bundle) for number in numbers]


def _made(sight: Sight, asked: Sequence[Sought], block: int, steps: int) -> list[Made]:
    """The pictures of one block, with what the network makes of them and of the real ones."""
    scores, canvas = _Scores(sight, block), _Canvas(sight.real[block])
    at_once = max(1, _PIXELS_AT_ONCE // sight.real[block][0].numel())
    real = scores.of_real(sight.real)
    found: list[Made] = []
    for first in range(0, len(asked), at_once):
        some = asked[first : first + at_once]
        begun, drawn = _ascended(scores, canvas, some, steps, sight.seed)
        with torch.no_grad():
            before, after = (scores.of_pictures(pictures).double() for pictures in (begun, drawn))
        told = scores.probabilities(drawn) if sight.bundle.task.classes else None
        for k, one in enumerate(some):
            at = scores.place(one)
            found.append(Made(
                one, drawn[k], float(after[k, at]), float(before[k, at]), real[:, at],
                float(told[k, one.number]) if told is not None and one.of == "class" else None,
            ))  # fmt: skip
    return found


def _ascended(
    scores: _Scores, canvas: _Canvas, asked: Sequence[Sought], steps: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Noise, and the pictures that it becomes (S, C, H, W); all see the same noise and the same moves."""
    generator = torch.Generator().manual_seed(seed)
    waves = canvas.noise(generator).repeat(len(asked), 1, 1, 1, 1)
    begun = canvas.encoded(waves)
    places = torch.tensor([scores.place(one) for one in asked])[:, None]
    signs = torch.tensor([one.sign for one in asked])
    waves.requires_grad_()
    ascent = torch.optim.Adam([waves], lr=_RATE)
    for _ in range(steps):
        with torch.enable_grad():
            seen = _moved(canvas.painted(waves), generator)
            raised = (scores.of_pictures(seen).gather(1, places)[:, 0] * signs).sum()
        # Not backward, which would leave gradients behind in the weights of the network.
        (waves.grad,) = torch.autograd.grad(-raised, waves)
        ascent.step()
    return begun, canvas.encoded(waves.detach())


def _moved(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures (S, C, H, W), all turned, scaled and moved alike; what lies outside is a reflection."""
    angle, scale, across, down = (torch.rand(4, generator=generator) * 2 - 1).tolist()
    turned, scaled, ratio = _TURN * angle, math.exp(_SCALE * scale), pictures.shape[2] / pictures.shape[3]
    # A side is two long, so that a move by a share of it is twice that.
    places = torch.tensor([
        [math.cos(turned) * scaled, -math.sin(turned) * scaled * ratio, 2 * _MOVE * across],
        [math.sin(turned) * scaled / ratio, math.cos(turned) * scaled, 2 * _MOVE * down],
    ])  # fmt: skip
    grid = F.affine_grid(places.expand(len(pictures), 2, 3), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


class _Canvas:
    """Pictures as waves: numbers without bounds whose steps change slow waves more, and colours as real ones vary.

    Args:
        real: encoded pictures (N, C, H, W) of whole numbers.
    """

    def __init__(self, real: Tensor) -> None:
        self.shape, self.dtype = real.shape[1:], real.dtype
        self.low, self.high = (float(end) for end in (torch.iinfo(real.dtype).min, torch.iinfo(real.dtype).max))
        some = real[:: max(1, len(real) // _COLOURS_OF)].float().transpose(0, 1).flatten(1)
        apart = some - some.mean(1, keepdim=True)
        # One level more than real pictures vary, so that no colour is out of reach.
        spread = apart @ apart.T / some.shape[1] + torch.eye(len(some))
        span = self.high - self.low
        # A logistic curve rises by a quarter of what it is given at most.
        self.mix = 4 / span * torch.linalg.cholesky(spread)
        self.centre = torch.logit(((some.mean(1) - self.low) / span).clamp(0.02, 0.98))[:, None, None]
        height, width = self.shape[1:]
        speeds = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
        fall = speeds.clamp_min(1 / max(height, width)) ** -_DECAY
        self.fall = fall / fall.square().mean().sqrt()

    def noise(self, generator: torch.Generator) -> Tensor:
        """The waves of one faint picture of noise (1, C, H, W // 2 + 1, 2)."""
        return _FAINT * torch.randn(1, self.shape[0], *self.fall.shape, 2, generator=generator)

    def painted(self, waves: Tensor) -> Tensor:
        """Waves (S, C, H, W // 2 + 1, 2) as pictures (S, C, H, W) within the bounds of real ones."""
        plain = torch.fft.irfft2(torch.view_as_complex(waves) * self.fall, s=self.shape[1:], norm="ortho")
        return self.low + (self.high - self.low) * torch.sigmoid(
            torch.einsum("schw,dc->sdhw", plain, self.mix) + self.centre
        )

    def encoded(self, waves: Tensor) -> Tensor:
        """The same as real pictures are encoded, in whole numbers."""
        return self.painted(waves).round().to(self.dtype)


class _Scores:
    """What a network makes of pictures that stand in one block: its units, then its outputs before the softmax.

    Args:
        sight: the network and the rows.
        block: in which the pictures stand.
    """

    def __init__(self, sight: Sight, block: int) -> None:
        self.bundle, self.network = sight.bundle, _network(sight.bundle)
        self.block, self.embedder = block, self.network.embedders[block]
        self.features = self.network.sizes[block]
        start = sum(self.network.sizes[:block])
        rows = vectors_of(self.network, [x[:_ROWS_AROUND] for x in sight.inputs], "trunk").clone()
        # Where there is nothing else to see, one row is as good as all.
        rows = rows if rows.shape[1] > self.features else rows[:1]
        self.before, self.after = rows[:, :start], rows[:, start + self.features :]

    def place(self, sought: Sought) -> int:
        """Where a number stands in the scores."""
        return sought.number if sought.of == "unit" else self.features + sought.number

    def of_pictures(self, pictures: Tensor) -> Tensor:
        """Pictures (S, C, H, W) to their scores (S, D + K)."""
        return self._scored(self.embedder(pictures))

    def of_real(self, real: Sequence[Tensor]) -> Floats:
        """Encoded real rows (N, ...) to the scores of their pictures (N, D + K)."""
        start = sum(self.network.sizes[: self.block])
        vectors = vectors_of(self.network, real, "trunk")[:, start : start + self.features]
        with torch.no_grad():
            return torch.cat([self._scored(some) for some in vectors.split(256)]).double().numpy()

    def probabilities(self, pictures: Tensor) -> Floats:
        """What the bundle says of pictures (S, K)."""
        with torch.no_grad():
            told = said(self.bundle, self._answered(self.embedder(pictures)).flatten(0, 1))
        return told.reshape(len(pictures), -1, told.shape[1]).mean(1)

    def _scored(self, vectors: Tensor) -> Tensor:
        outputs = self._answered(vectors)
        if not self.bundle.task.classes:
            levels = self.bundle.task.answer(outputs.flatten(0, 1)).view(*outputs.shape[:2], -1)
        else:
            levels = outputs.mean(2)
            if self.bundle.task.name != "multilabel":
                # What is added to all classes alike changes no probability.
                levels = levels - levels.mean(2, keepdim=True)
        return torch.cat([vectors, levels.mean(1)], dim=1)

    def _answered(self, vectors: Tensor) -> Tensor:
        """Vectors of one block (S, D) to the outputs with each of the rows around them (S, R, M, K)."""
        count, rows = len(vectors), len(self.before)
        whole = torch.cat([
            self.before.repeat(count, 1), vectors.repeat_interleave(rows, 0), self.after.repeat(count, 1),
        ], dim=1)  # fmt: skip
        return self.network.answer(whole).unflatten(0, (count, rows))


def _network(bundle: BundleValue) -> Network:
    """The network of a bundle that has vectors between its embedders and its trunk."""
    assert isinstance(bundle.network, Network)
    return bundle.network


def _blocks(bundle: BundleValue) -> list[int]:
    """The blocks that go through a convolutional net and whose pictures can be shown."""
    if not isinstance(bundle.network, Network):
        return []
    pairs = zip(bundle.network.embedders, bundle.encoders, strict=True)
    return [k for k, (net, encoder) in enumerate(pairs) if _has_map(net) and isinstance(encoder, Redrawing)]


def _has_map(net: nn.Module) -> bool:
    """Whether a net's vector is the mean of a last map; of several nets side by side, whether all are such."""
    return all(map(_has_map, net.embedders)) if isinstance(net, Several) else hasattr(net, "map")
