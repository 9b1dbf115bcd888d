"""Random changes to a batch of training pictures, and the rule that chooses them from the training rows.

Every function is pure: a batch and a generator in, a new batch out. Pictures are (B, C, H, W) on any scale: bytes, or
floats normalised or not. Flipping and shifting move whole pixels and keep the type; the rest gives floats.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from vouch.modalities.image.moves import floats, resample, sheared, uniform
from vouch.modalities.image.randaugment import randaugment

PHOTO_SIDE = 48
TINY_SIDE = 12
SYMMETRY_ROWS = 2_000
KEPT_SHARE = 0.45
CLASS_SIGNAL = 0.05
FAR_MIRROR = 1.5


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How strongly each random change is made; the defaults change nothing.

    Args:
        shift: largest move to each side, as a share of the picture's side; the rim is filled by reflection.
        flip: mirror left and right in half of the pictures.
        crop: smallest share of the area kept by a random resized crop; 1 keeps the whole picture.
        rotation: largest turn to each side, in degrees.
        colour: largest relative change of contrast and saturation, and of brightness in standard deviations.
        erase: side of one erased square, as a share of the picture's side.
        vertical_flip: mirror top and bottom in half of the pictures, for those that have no up.
        affine: largest shear, change of scale and move, as shares of the picture's side.
        randaugment: changes of RandAugment made to each picture.

    Example:
        >>> Augmentation(flip=True).only({"shift"}).flip
        False
    """

    shift: float = 0.0
    flip: bool = False
    crop: float = 1.0
    rotation: float = 0.0
    colour: float = 0.0
    erase: float = 0.0
    vertical_flip: bool = False
    affine: float = 0.0
    randaugment: int = 0

    def names(self) -> tuple[str, ...]:
        """The changes that are switched on, by name."""
        off = Augmentation()
        return tuple(name for name in self.__slots__ if getattr(self, name) != getattr(off, name))

    def only(self, names: Collection[str]) -> Augmentation:
        """The named changes, each with the strength that it has or else a usual one; all others switched off."""
        off = Augmentation()
        on = {name: self if name in self.names() else USUAL for name in self.__slots__}
        return replace(self, **{name: getattr(on[name] if name in names else off, name) for name in self.__slots__})


USUAL = Augmentation(
    shift=0.07,
    flip=True,
    crop=0.7,
    rotation=10.0,
    colour=0.3,
    erase=0.4,
    vertical_flip=True,
    affine=0.15,
    randaugment=2,
)


def augment(batch: Tensor, settings: Augmentation, generator: Generator) -> Tensor:
    """Each picture of a batch, changed at random and independently of the others.

    Args:
        batch: pictures, (B, C, H, W), bytes or floats.
        settings: which changes, and how strong.
        generator: source of all randomness: the same state gives the same pictures.

    Returns:
        New pictures, (B, C, H, W); bytes stay bytes when only flips and shift are on, else floats on the same scale.

    Example:
        >>> pictures = torch.randn(4, 3, 16, 16)
        >>> augment(pictures, Augmentation(flip=True, erase=0.25), torch.Generator().manual_seed(0)).shape
        torch.Size([4, 3, 16, 16])
    """
    ends = _ends(batch) if settings.randaugment else None
    if settings.crop < 1 or settings.rotation > 0 or settings.affine > 0:
        batch = _warp(batch, settings, generator)
    else:
        batch = flip(batch, generator) if settings.flip else batch
    batch = flip(batch, generator, side=2) if settings.vertical_flip else batch
    batch = shift(batch, settings.shift, generator) if settings.shift > 0 else batch
    batch = randaugment(batch, settings.randaugment, generator, ends) if ends else batch
    batch = jitter(batch, settings.colour, generator) if settings.colour > 0 else batch
    return erase(batch, settings.erase, generator) if settings.erase > 0 else batch


def choose(pictures: Tensor, labels: Tensor | None = None) -> Augmentation:
    """The changes that suit these training pictures, from their size, their planes and their own symmetry.

    Photos (48 pixels or more) are cropped and jittered, for place, scale and light vary in them; small pictures
    are centred by whoever made them and are only shifted. Mirroring is used where it is seen to keep the class.

    Args:
        pictures: encoded training pictures, (B, C, H, W).
        labels: their classes as whole numbers, (B,); None, or a target that is no class, is not looked at.

    Returns:
        The strengths to train with; the same rows always give the same ones.

    Example:
        >>> choose(torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8)).shift
        0.125
    """
    side = min(pictures.shape[2:])
    mirror = mirror_keeps_class(pictures, labels)
    if side >= PHOTO_SIDE:
        return Augmentation(flip=mirror, crop=0.7, colour=0.3)
    return Augmentation(flip=mirror, shift=0.125 if side <= TINY_SIDE else 0.07)


def mirror_keeps_class(pictures: Tensor, labels: Tensor | None = None) -> bool:
    """Whether the mirror image of a picture still looks like its own class, judged by nearest neighbours.

    The nearest other row of each picture, and of its mirror image, votes for a class. Where mirror images keep at
    least 45 % of the recall above chance that the pictures themselves have, mirroring is harmless: photos keep
    60-85 %, digits and letters 25-30 %, arrows none. Without labels, or where neighbours tell nothing of the class,
    mirror images must lie about as near to other rows as the pictures do.

    Args:
        pictures: training pictures, (B, C, H, W); 2 000 rows, evenly spread, are looked at.
        labels: their classes as whole numbers, (B,), or None.
    """
    rows = torch.linspace(0, len(pictures) - 1, min(len(pictures), SYMMETRY_ROWS)).long()
    sample = pictures[rows]
    plain, mirrored = _appearance(sample), _appearance(sample.flip(3))
    own = (plain @ plain.T).fill_diagonal_(-2)
    other = (mirrored @ plain.T).fill_diagonal_(-2)
    if labels is not None and labels.ndim == 1 and not labels.is_floating_point():
        target = labels[rows]
        chance = 1 / len(target.unique())
        kept = _recall(other, target) - chance
        known = _recall(own, target) - chance
        if known > CLASS_SIGNAL:
            return kept >= KEPT_SHARE * known
    far = (1 - other.amax(1)).mean() / (1 - own.amax(1)).mean().clamp_min(1e-6)
    return bool(far <= FAR_MIRROR)


def _appearance(pictures: Tensor) -> Tensor:
    """Coarse pixels of each picture, centred per plane, as unit vectors (B, D)."""
    height, width = (min(16, side) for side in pictures.shape[2:])
    small = F.adaptive_avg_pool2d(pictures.float(), (height, width))
    return F.normalize((small - small.mean((2, 3), keepdim=True)).flatten(1), dim=1)


def _recall(similarity: Tensor, labels: Tensor) -> float:
    """Mean over the classes of the share of rows whose nearest neighbour is of their class."""
    hit = (labels[similarity.argmax(1)] == labels).float()
    return float(torch.stack([hit[labels == label].mean() for label in labels.unique()]).mean())


def flip(batch: Tensor, generator: Generator, side: int = 3) -> Tensor:
    """Half of the pictures (B, C, H, W), mirrored left and right, or with ``side=2`` top and bottom."""
    chosen = uniform(batch, generator, 0.0, 1.0) < 0.5
    return torch.where(chosen[:, None, None, None], batch.flip(side), batch)


def shift(batch: Tensor, share: float, generator: Generator) -> Tensor:
    """Pictures (B, C, H, W) moved by whole pixels, up to a share of their side; the rim is a reflection."""
    rows, _, height, width = batch.shape
    down, right = (min(side - 1, max(1, round(share * side))) if side > 1 else 0 for side in (height, width))
    padded = batch[:, :, _mirrored(height, down, batch)][:, :, :, _mirrored(width, right, batch)]
    top = torch.randint(0, 2 * down + 1, (rows, 1), generator=generator, device=batch.device)
    left = torch.randint(0, 2 * right + 1, (rows, 1), generator=generator, device=batch.device)
    y = torch.arange(height, device=batch.device) + top
    x = torch.arange(width, device=batch.device) + left
    picture = torch.arange(rows, device=batch.device)[:, None, None]
    # Indexing around the channels puts them last, which is the layout that convolutions want.
    return padded[picture, :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)


def jitter(batch: Tensor, strength: float, generator: Generator) -> Tensor:
    """Pictures (B, C, H, W) with other contrast, brightness, and, where they have colour, saturation and tint."""
    batch = floats(batch)

    def draw(channels: int = 1) -> Tensor:
        return uniform(batch, generator, -strength, strength, channels)[:, :, None, None]

    spread, mean = torch.std_mean(batch, (1, 2, 3), correction=0, keepdim=True)
    changed = (batch - mean) * (1 + draw()) + mean + spread * draw()
    if batch.shape[1] == 1:
        return changed
    grey = changed.mean(1, keepdim=True)
    return (changed - grey) * (1 + draw()) + grey + spread * draw(batch.shape[1]) / 2


def erase(batch: Tensor, share: float, generator: Generator) -> Tensor:
    """Pictures (B, C, H, W), each with one square set to its mean colour.

    Source: DeVries and Taylor, Improved regularization of convolutional neural networks with cutout (2017).
    """
    batch = floats(batch)
    inside = []
    for side in batch.shape[2:]:
        centre = uniform(batch, generator, 0.0, float(side))
        pixels = torch.arange(side, device=batch.device) + 0.5
        inside.append((pixels - centre[:, None]).abs() * 2 < share * side)
    square = (inside[0][:, :, None] & inside[1][:, None, :])[:, None]
    return torch.where(square, batch.mean((2, 3), keepdim=True), batch)


def _warp(batch: Tensor, settings: Augmentation, generator: Generator) -> Tensor:
    """Random resized crop (Szegedy et al., Going deeper with convolutions, 2015), turn, mirror and shear at once."""
    batch = floats(batch)
    area = uniform(batch, generator, settings.crop, 1.0)
    aspect = torch.exp(uniform(batch, generator, -0.29, 0.29)) if settings.crop < 1 else torch.ones_like(area)
    wide, tall = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    x = uniform(batch, generator, -1.0, 1.0) * (1 - wide)
    y = uniform(batch, generator, -1.0, 1.0) * (1 - tall)
    turn = uniform(batch, generator, -1.0, 1.0) * math.radians(settings.rotation)
    sign = torch.sign(uniform(batch, generator, -1.0, 1.0)) if settings.flip else torch.ones_like(area)
    ratio = batch.shape[2] / batch.shape[3]
    across = torch.stack([wide * turn.cos() * sign, -tall * turn.sin() * ratio, x], 1)
    down = torch.stack([wide * turn.sin() * sign / ratio, tall * turn.cos(), y], 1)
    places = torch.stack([across, down], 1)
    if settings.affine > 0:
        places = places @ sheared(batch, settings.affine, generator)
    return resample(batch, places)


def _mirrored(side: int, margin: int, batch: Tensor) -> Tensor:
    """Positions of a side with a reflected margin on both ends; padding by reflection does not take bytes."""
    return (side - 1) - ((side - 1) - torch.arange(-margin, side + margin, device=batch.device).abs()).abs()


def _ends(batch: Tensor) -> tuple[float, float]:
    """The smallest and the largest value that a picture can have; of floats, those that occur."""
    return (float(batch.min()), float(batch.max())) if batch.is_floating_point() else (0.0, 255.0)
