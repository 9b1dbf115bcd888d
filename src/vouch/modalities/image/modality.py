"""Columns of pictures: paths to files, or arrays of bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from PIL import Image as Pillow
from torch import Tensor, nn

from vouch.contracts.backbone import Inherited
from vouch.contracts.explaining import Parts
from vouch.contracts.recipe import Recipe
from vouch.contracts.roles import Capabilities, Encoder, RawColumn
from vouch.contracts.schema import Column, Option, Recognition
from vouch.modalities.image.augment import PHOTO_SIDE, Augmentation, augment, choose
from vouch.modalities.image.borrowed import read_processor
from vouch.modalities.image.decode import decode_many, resize
from vouch.modalities.image.files import locate, working_size
from vouch.modalities.image.views import view
from vouch.nets.borrowed import Borrowed, BorrowedPictures
from vouch.nets.cnn import CNN
from vouch.nets.resnet import ResNet

_ENDINGS = r"(?i)\.(png|jpe?g|gif|bmp|tiff?|webp|ppm|pgm|pbm|jp2|j2k|ico|tga)$"
_LOOKED_AT = 200
_PATCHES = 8
_STATISTICS_ROWS = 5000


class Image:
    """Pictures, all brought to one size."""

    kind: ClassVar[str] = "image"
    joint: ClassVar[bool] = False
    drops_unreadable: ClassVar[bool] = True
    capabilities: ClassVar[Capabilities] = Capabilities(continuous=True, spatial=True, bounded=True)
    augmentations: ClassVar[tuple[str, ...]] = tuple(Augmentation.__slots__)

    @property
    def encoder(self) -> type[ImageEncoder]:
        """The class that ``fit`` returns."""
        return ImageEncoder

    def recognise(self, column: RawColumn) -> Recognition | None:
        """Take arrays of bytes with two or three dimensions, and paths of which nearly all are picture files."""
        sample = column.sample
        if isinstance(sample.dtype, pl.Array) and len(sample.dtype.shape) in (2, 3) and _of_bytes(sample.dtype):
            shape = sample.dtype.shape
            height, width, channels = (*shape, 1)[:3]
            return Recognition(
                self.kind, 0.99, f"arrays of {height} x {width} pixels", _options(height, width, channels)
            )
        if sample.dtype != pl.String or column.root is None or not len(sample):
            return None
        if float(sample.str.contains(_ENDINGS).mean() or 0.0) < 0.9:  # type: ignore[arg-type]
            return None
        looked_at = sample.gather_every(max(len(sample) // _LOOKED_AT, 1)).to_list()
        height, width, channels = working_size(looked_at, column.root)
        why = f"paths to pictures, brought to {height} x {width} pixels"
        return Recognition(self.kind, 0.99, why, _options(height, width, channels))

    def receive(self, series: pl.Series, column: Column, root: Path | None) -> pl.Series:
        """Pictures decoded, turned upright and resized, as the bytes of (H, W, C); null where that fails."""
        height, width, channels = _shape(column)
        if isinstance(series.dtype, pl.Array):
            if column.options.get("resized"):
                return _resized(series, (height, width, channels))
            return _array_bytes(series, (height, width, channels))
        paths = locate(series.to_list(), root or Path())
        found = decode_many([path or b"" for path in paths], (height, width), channels)
        cells = [None if reason else one.tobytes() for one, reason in zip(found.array, found.reasons, strict=True)]
        return pl.Series(series.name, cells, dtype=pl.Binary)

    def show(self, cell: object, column: Column) -> str:
        """The picture as a PNG inside an address."""
        if not isinstance(cell, bytes):
            return "missing"
        height, width, channels = _shape(column)
        pixels = np.frombuffer(cell, np.uint8).reshape(height, width, channels)
        out = io.BytesIO()
        Pillow.fromarray(pixels[..., 0] if channels == 1 else pixels).save(out, "PNG", optimize=True)
        return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()

    def borrow(self, folder: Path, config: Mapping[str, Any]) -> ImageEncoder | None:
        """An encoder for a checkpoint that sees pictures; none where it reads something else."""
        borrowed = read_processor(folder, config)
        if borrowed is None:
            return None
        planes, size = len(borrowed.mean), (borrowed.height, borrowed.width)
        return ImageEncoder(
            ("picture",), planes, *size, torch.zeros(planes), torch.ones(planes), Augmentation(), borrowed
        )

    def fit(
        self, frame: pl.DataFrame, columns: Sequence[Column], recipe: Recipe, target: Tensor | None
    ) -> ImageEncoder:
        """Learn mean and spread of each colour plane, and which random changes suit these pictures."""
        column = columns[0]
        height, width, channels = _shape(column)
        every = max(frame.height // _STATISTICS_ROWS, 1)
        pictures = _pixels(frame[column.name].gather_every(every), (channels, height, width))
        spread, mean = torch.std_mean(pictures.float(), (0, 2, 3), correction=0)
        changes = choose(pictures, None if target is None else target[::every])
        if recipe.augment != ("auto",):
            named = {*recipe.augment, *(changes.names() if "auto" in recipe.augment else ())}
            changes = changes.only(named)
        return ImageEncoder((column.name,), channels, height, width, mean, spread.clamp_min(1.0), changes)


@dataclass(frozen=True, slots=True, eq=False)
class ImageEncoder:
    """Pictures as bytes (B, C, H, W), which the network itself brings to scale.

    Args:
        columns: the column, alone.
        channels: colour planes (C).
        height: in pixels (H).
        width: in pixels (W).
        mean: of each plane over training pictures, 0 to 255 (C,).
        spread: standard deviation of each plane (C,).
        changes: random changes to training pictures.
        borrowed: a net from elsewhere, if it is one.
    """

    columns: tuple[str, ...]
    channels: int
    height: int
    width: int
    mean: Tensor
    spread: Tensor
    changes: Augmentation
    borrowed: Borrowed | None = None

    def encode(self, frame: pl.DataFrame) -> Tensor:
        """Canonical pictures to uint8 (B, C, H, W); a missing one is of the mean colour."""
        pictures = _pixels(frame[self.columns[0]], (self.channels, self.height, self.width))
        missing = frame[self.columns[0]].is_null().to_numpy()
        if missing.any():
            pictures[torch.from_numpy(missing)] = self.mean.round().to(torch.uint8)[:, None, None]
        return pictures

    def cells(self, encoded: Tensor) -> list[object]:
        """Encoded pictures (B, C, H, W) as the bytes of (H, W, C)."""
        return [row.permute(1, 2, 0).contiguous().numpy().tobytes() for row in encoded]

    def embed(self, recipe: Recipe) -> nn.Module:
        """A convolutional net that fits the size of the pictures."""
        if self.borrowed is not None:
            return BorrowedPictures(self.borrowed)
        net = CNN if "cnn" in recipe.network else ResNet
        size = (self.height, self.width)
        return PictureEmbedding(net(self.channels, size, recipe.image_width), self.mean, self.spread, self.changes.flip)

    def augment(self, batch: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
        """Each picture changed at random."""
        return augment(batch, self.changes, generator) if recipe.augment else batch

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """The recipe keys that decide the shapes of the net."""
        return ("image_width", "activation") if self.borrowed is None else ()

    def reading(self, options: Mapping[str, Option]) -> Mapping[str, Option]:
        """Pictures are brought to the size that the net was made for, arrays of another size too.

        A net from elsewhere resizes by itself; for it only photos are read larger, so that nothing is lost before.
        """
        if self.borrowed is None:
            return {**options, **_options(self.height, self.width, self.channels), "resized": True}
        if min(int(str(options["height"])), int(str(options["width"]))) < PHOTO_SIDE:
            return options
        return {**options, "height": self.borrowed.height, "width": self.borrowed.width, "resized": True}

    @property
    def places(self) -> tuple[int, ...]:
        """The vector is of the one column."""
        return (0,)

    def parts(self, row: Tensor) -> Parts:
        """Square patches, about eight to a side; where all are taken out, the picture is of the mean colour."""
        side = max(1, -(-max(self.height, self.width) // _PATCHES))
        down, across = (torch.arange(size) // side for size in (self.height, self.width))
        count = int(across[-1]) + 1
        corners = [(r * side, c * side) for r in range(int(down[-1]) + 1) for c in range(count)]
        boxes = tuple((top, left, min(top + side, self.height), min(left + side, self.width)) for top, left in corners)
        names = tuple(f"{self.columns[0]}[{box[0]}:{box[2]},{box[1]}:{box[3]}]" for box in boxes)
        owner = (down[:, None] * count + across).expand(self.channels, -1, -1)
        blank = self.mean.round().to(row.dtype)[:, None, None].expand_as(row)
        return Parts(owner, names, blank, boxes)

    def view(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Each picture strongly changed at random, as learning without labels wants it; floats from 0 to 255."""
        return view(batch, self.changes.flip, generator)

    def inherit(self, known: Encoder) -> Inherited | None:
        """The known scale of the pixels; the random changes are those that suit the new pictures."""
        assert isinstance(known, ImageEncoder)
        if known.borrowed is not None:
            return Inherited(replace(self, borrowed=known.borrowed), self.columns)
        if (known.channels, known.height, known.width) != (self.channels, self.height, self.width):
            return None
        return Inherited(replace(known, columns=self.columns, changes=self.changes), self.columns)


class PictureEmbedding(nn.Module):
    """Bytes to vectors: brought to scale, then through a convolutional net.

    Args:
        net: from (B, C, H, W) to (B, D).
        mean: of each plane (C,).
        spread: of each plane (C,).
        mirror: outside training, average over the picture and its mirror image.

    Example:
        >>> net = PictureEmbedding(CNN(1, (8, 8), width=16), torch.zeros(1), torch.ones(1), mirror=True).eval()
        >>> net(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)).shape
        torch.Size([2, 32])
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, net: CNN | ResNet, mean: Tensor, spread: Tensor, mirror: bool) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.features = net.features
        self.mirror = mirror
        self.register_buffer("mean", mean.float().view(1, -1, 1, 1))
        self.register_buffer("scale", 1 / spread.float().view(1, -1, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, H, W), 0 to 255, to vectors (B, D)."""
        x = self._scaled(pictures)
        if self.training or not self.mirror:
            return self.net(x)
        return (self.net(x) + self.net(x.flip(3))) / 2

    def map(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, H, W), 0 to 255, to the last feature map (B, D, H', W'), whose mean is the vector."""
        x = self._scaled(pictures)
        if self.training or not self.mirror:
            return self.net.map(x)
        return (self.net.map(x) + self.net.map(x.flip(3)).flip(3)) / 2

    def _scaled(self, pictures: Tensor) -> Tensor:
        return ((pictures.float() - self.mean) * self.scale).contiguous(memory_format=torch.channels_last)


def _shape(column: Column) -> tuple[int, int, int]:
    """Height, width and colour planes that the column's pictures are brought to."""
    height, width, channels = (int(str(column.options[key])) for key in ("height", "width", "channels"))
    return height, width, channels


def _of_bytes(dtype: Any) -> bool:
    while isinstance(dtype, pl.Array):
        dtype = dtype.inner
    return dtype == pl.UInt8


def _options(height: int, width: int, channels: int) -> dict[str, str | int | float | bool | tuple[str, ...]]:
    return {"height": height, "width": width, "channels": channels}


def _pixels(series: pl.Series, shape: tuple[int, ...]) -> Tensor:
    """Canonical bytes of (H, W, C) as a tensor (B, C, H, W); zeros where null."""
    channels, height, width = shape
    empty = bytes(channels * height * width)
    joined = bytearray(b"".join(cell if cell is not None else empty for cell in series.to_list()))
    pixels = torch.frombuffer(joined, dtype=torch.uint8).view(-1, height, width, channels)
    return pixels.permute(0, 3, 1, 2).contiguous()


def _resized(series: pl.Series, shape: tuple[int, int, int]) -> pl.Series:
    """Arrays of bytes as canonical pictures, whatever their size."""
    own = series.dtype.shape  # type: ignore[attr-defined]
    height, width, channels = shape
    if len(own) not in (2, 3) or (*own, 1)[:3] == shape:
        return _array_bytes(series, shape)
    arrays = [None if cell is None else np.array(cell, np.uint8).reshape((*own, 1)[:3]) for cell in series.to_list()]
    cells = [None if pixels is None else resize(pixels, (height, width), channels).tobytes() for pixels in arrays]
    return pl.Series(series.name, cells, dtype=pl.Binary)


def _array_bytes(series: pl.Series, shape: tuple[int, int, int]) -> pl.Series:
    """Arrays of bytes as canonical pictures; an array of another shape cannot be read."""
    if int(np.prod(series.dtype.shape)) != int(np.prod(shape)):  # type: ignore[attr-defined]
        return pl.Series(series.name, [None] * len(series), dtype=pl.Binary)
    present = series.drop_nulls()
    values: npt.NDArray[np.uint8] = present.to_numpy().astype(np.uint8, copy=False)
    rows = iter(values.reshape(len(present), int(np.prod(shape))))
    cells = [next(rows).tobytes() if here else None for here in series.is_not_null().to_list()]
    return pl.Series(series.name, cells, dtype=pl.Binary)
