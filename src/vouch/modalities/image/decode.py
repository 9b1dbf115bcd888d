"""Picture files to 8-bit arrays: orientation, colour modes and sizes made alike; hostile files told apart in time."""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

MOST_PIXELS = 100_000_000
_LARGEST_FILE = 512 << 20
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "JPEG2000", "TGA", "ICO")
_MAY_MOVE = ("GIF", "PNG", "WEBP")
_WIDE = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_CHUNK = 32

Source = Path | str | bytes


class Unreadable(Exception):
    """A picture that cannot be read.

    Args:
        reason: why, in a few words.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Probe(NamedTuple):
    """What the header of a picture says: size in pixels as displayed, colour mode, whether it has several frames."""

    width: int
    height: int
    mode: str
    animated: bool


class Pictures(NamedTuple):
    """Decoded pictures.

    Args:
        array: 8-bit pixels (B, H, W, C); zeros where a picture cannot be read.
        reasons: for each picture why it cannot be read, None where it can (B).
        animated: how many have several frames, of which the first was taken.
    """

    array: npt.NDArray[np.uint8]
    reasons: list[str | None]
    animated: int


def probe(source: Source) -> Probe | Unreadable:
    """Read the header of a picture and nothing more.

    Args:
        source: a path, or the bytes of the file.

    Returns:
        its size and mode, or why it cannot be read.

    Example:
        >>> probe(b"")
        Unreadable('the file is empty')
    """
    try:
        with _quiet(), _opened(source) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            size = (height, width) if turned else (width, height)
            return Probe(*size, image.mode, _moves(image))
    except Unreadable as error:
        return error


def decode(source: Source, size: tuple[int, int] | None, channels: int) -> npt.NDArray[np.uint8]:
    """Decode a picture, upright, over white where it is transparent, its first frame where it moves.

    Args:
        source: a path, or the bytes of the file.
        size: height and width in pixels to which the whole picture is resized; None keeps its own.
        channels: 1 for grey, 3 for RGB.

    Returns:
        8-bit pixels (H, W, C).

    Raises:
        Unreadable: it is no picture, is damaged, or is too large.
    """
    with _quiet(), _opened(source) as image:
        return _pixels(image, size, channels)


def decode_many(
    sources: Sequence[Source], size: tuple[int, int], channels: int, workers: int | None = None
) -> Pictures:
    """Decode pictures in threads into one array; apart from it, memory holds one picture a thread.

    Args:
        sources: paths, or bytes of files (B).
        size: height and width in pixels.
        channels: 1 for grey, 3 for RGB.
        workers: threads; None takes one for each processor, at most eight.

    Returns:
        the pixels (B, H, W, C) with the reasons for those that cannot be read.
    """
    array = np.zeros((len(sources), *size, channels), dtype=np.uint8)
    reasons: list[str | None] = [None] * len(sources)

    def fill(start: int) -> int:
        moving = 0
        for at in range(start, min(start + _CHUNK, len(sources))):
            try:
                with _opened(sources[at]) as image:
                    moving += _moves(image)
                    array[at] = _pixels(image, size, channels)
            except Unreadable as error:
                reasons[at] = error.reason
        return moving

    with _quiet(), ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        return Pictures(array, reasons, sum(pool.map(fill, range(0, len(sources), _CHUNK))))


def resize(pixels: npt.NDArray[np.uint8], size: tuple[int, int], channels: int) -> npt.NDArray[np.uint8]:
    """A picture in another size, and in grey or in colour.

    Args:
        pixels: 8-bit pixels (H, W, C) with 1, 3 or 4 colour planes.
        size: height and width in pixels.
        channels: 1 for grey, 3 for RGB.

    Returns:
        8-bit pixels (H, W, C).

    Example:
        >>> resize(np.zeros((8, 8, 1), np.uint8), (28, 28), 3).shape
        (28, 28, 3)
    """
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    out = np.asarray(_resized(_flattened(image, "L" if channels == 1 else "RGB"), size), np.uint8)
    return out[:, :, None] if out.ndim == 2 else out


@contextmanager
def _opened(source: Source) -> Iterator[Image.Image]:
    """An open picture whose header was checked; whatever goes wrong while it is open becomes a reason.

    Raises:
        Unreadable: it cannot be read.
    """
    try:
        with _file(source) as file, Image.open(file, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise Unreadable(f"{width} x {height} pixels are more than {MOST_PIXELS // 1_000_000} million")
            if min(width, height) < 1:
                raise Unreadable("it has no pixels")
            yield image
    except Unreadable:
        raise
    except Image.DecompressionBombError as error:
        raise Unreadable(f"it has more than {MOST_PIXELS // 1_000_000} million pixels") from error
    except Image.UnidentifiedImageError as error:
        raise Unreadable("it is no picture of a known format") from error
    except Exception as error:  # Decoders of hostile bytes throw errors of every kind.
        raise Unreadable(_told(error)) from error


def _file(source: Source) -> IO[bytes]:
    """The bytes of a picture, opened.

    Raises:
        Unreadable: there are none, or far too many.
    """
    if isinstance(source, bytes):
        if not source:
            raise Unreadable("the file is empty")
        return io.BytesIO(source)
    status = os.stat(source)
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("it is no regular file")
    if not status.st_size:
        raise Unreadable("the file is empty")
    if status.st_size > _LARGEST_FILE:
        raise Unreadable(f"the file is larger than {_LARGEST_FILE >> 20} MiB")
    return open(source, "rb")


def _pixels(image: Image.Image, size: tuple[int, int] | None, channels: int) -> npt.NDArray[np.uint8]:
    mode = "L" if channels == 1 else "RGB"
    if size is not None and image.format == "JPEG":
        # The JPEG decoder can shrink by 2, 4 or 8 while decoding; the longer side covers a turned picture too.
        image.draft(mode, (max(size), max(size)))
    image.load()
    flat = _flattened(ImageOps.exif_transpose(image), mode)
    pixels = np.asarray(flat if size is None else _resized(flat, size), dtype=np.uint8)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _flattened(image: Image.Image, mode: str) -> Image.Image:
    """A picture in grey or RGB: 16-bit values scaled, transparent places white."""
    if image.mode in _WIDE:
        image = Image.fromarray(_narrow(np.asarray(image)))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    return image if image.mode == mode else image.convert("RGB").convert(mode)


def _narrow(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Wide values to 8 bits: 16-bit ones by their full range, others by their own when they exceed it."""
    wide = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    low, high = float(wide.min()), float(wide.max())
    if values.dtype.kind == "u" or (values.dtype.kind == "i" and low >= 0 and 255 < high <= 65535):
        low, high = 0.0, 65535.0
    elif values.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    return np.round((wide - low) * (255.0 / max(high - low, 1e-12))).astype(np.uint8)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The whole picture in another size; its proportions give way, so that nothing is cut off."""
    height, width = size
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)


def _moves(image: Image.Image) -> bool:
    """Whether a picture has several frames."""
    return image.format in _MAY_MOVE and bool(getattr(image, "is_animated", False))


def _told(error: Exception) -> str:
    """A few words from an error of a decoder."""
    said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return said.strip().splitlines()[0][:120] if said.strip() else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the decoder's remarks on odd headers: a picture either decodes or has a reason."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
        yield
