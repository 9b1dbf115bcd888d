"""Two views of one picture for learning without labels: changed strongly, and still the same thing.

What a view may change is what does not matter: light, contrast, grain, sharpness, where the thing stands, and that a
part of it is covered. Cropping, which serves photos, does not serve small pictures that show one centred thing: a
cropped shirt and a cropped T-shirt are the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from vouch.modalities.image.augment import PHOTO_SIDE, Augmentation, augment


@dataclass(frozen=True, slots=True)
class Views:
    """How strongly a view differs from its picture.

    Args:
        changes: the changes that training with labels makes too, but stronger.
        gamma: largest change of the logarithm of the exponent that bends brightness.
        blur: share of the pictures that are blurred.
        noise: largest standard deviation of added noise, as a share of the batch's.
    """

    changes: Augmentation
    gamma: float
    blur: float
    noise: float


SMALL = Views(Augmentation(shift=0.07, rotation=8.0, colour=0.5, erase=0.7), gamma=0.7, blur=0.4, noise=0.4)
PHOTO = Views(Augmentation(crop=0.3, colour=0.5), gamma=0.3, blur=0.4, noise=0.1)
_KERNEL = (1.0, 2.0, 1.0)


def view(batch: Tensor, flip: bool, generator: Generator) -> Tensor:
    """Each picture of a batch as it might have been as well.

    Args:
        batch: pictures, bytes or floats from 0 to 255 (B, C, H, W).
        flip: mirror half of them.
        generator: source of all randomness.

    Returns:
        Floats on the same scale (B, C, H, W).

    Source: the views of Chen et al., A simple framework for contrastive learning of visual representations (2020),
    without crops where pictures are small.

    Example:
        >>> pictures = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
        >>> view(pictures, flip=False, generator=torch.Generator().manual_seed(0)).shape
        torch.Size([4, 1, 28, 28])
    """
    settings = PHOTO if min(batch.shape[2:]) >= PHOTO_SIDE else SMALL
    x = bent(batch.float(), settings.gamma, generator)
    x = blurred(x, settings.blur, generator)
    x = x + _drawn(x, generator) * settings.noise * x.std() * torch.randn(x.shape, generator=generator, device=x.device)
    return augment(x, replace(settings.changes, flip=flip), generator)


def bent(batch: Tensor, strength: float, generator: Generator) -> Tensor:
    """Pictures (B, C, H, W) whose brightness is bent by a power, between the darkest and the brightest of each."""
    low, high = batch.amin((1, 2, 3), keepdim=True), batch.amax((1, 2, 3), keepdim=True)
    power = torch.exp(strength * (2 * _drawn(batch, generator) - 1))
    share = ((batch - low) / (high - low).clamp_min(1e-6)).clamp(1e-4, 1)
    return low + (high - low) * share**power


def blurred(batch: Tensor, share: float, generator: Generator) -> Tensor:
    """Pictures (B, C, H, W), some of them averaged over neighbouring pixels."""
    line = torch.tensor(_KERNEL, device=batch.device) / sum(_KERNEL)
    channels = batch.shape[1]
    kernel = (line[:, None] * line[None]).expand(channels, 1, -1, -1)
    smooth = F.conv2d(F.pad(batch, (1, 1, 1, 1), mode="replicate"), kernel, groups=channels)
    return torch.where(_drawn(batch, generator) < share, smooth, batch)


def _drawn(batch: Tensor, generator: Generator) -> Tensor:
    """A number from 0 to 1 for each picture (B, 1, 1, 1)."""
    return torch.rand((len(batch), 1, 1, 1), generator=generator, device=batch.device)
