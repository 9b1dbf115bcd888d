"""Pictures of all kinds to 8-bit pixels."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vouch.modalities.image import decode as pictures
from vouch.modalities.image.decode import Probe, Unreadable, decode, decode_many, probe


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture as the bytes of a file."""
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def halves(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    """A picture whose left half is black and whose right half is white."""
    pixels = np.zeros((size[1], size[0]), dtype=np.uint8)
    pixels[:, size[0] // 2 :] = 255
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "LA", "P", "CMYK", "YCbCr", "I;16", "I", "F"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_gives_the_same_black_and_white(mode: str, channels: int) -> None:
    if mode in ("I;16", "I", "F"):
        wide = np.asarray(halves("L")).astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode])
        image = Image.fromarray(wide * (257 if mode != "F" else 1))
    else:
        image = halves(mode)
    pixels = decode(encoded(image, "TIFF"), None, channels)
    assert pixels.shape == (20, 40, channels)
    assert pixels[:, :18].max() <= 2
    assert pixels[:, 22:].min() >= 253


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None, :].repeat(2, 0)
    pixels = decode(encoded(Image.fromarray(ramp)), None, 1)
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_transparent_places_are_white() -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert decode(encoded(image), None, 3).min() == 255
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 0] * 256)
    assert decode(encoded(palette, "GIF", transparency=0), None, 3).min() == 255


def test_pictures_are_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(halves(), "JPEG", exif=exif, quality=95)
    found = probe(data)
    assert isinstance(found, Probe)
    assert (found.width, found.height) == (20, 40)
    pixels = decode(data, None, 1)
    assert pixels.shape == (40, 20, 1)
    assert pixels[:15].mean() < 20 < 230 < pixels[25:].mean()


@pytest.mark.parametrize("size", [(40, 20), (200, 100), (37, 41), (1000, 30), (30, 1000), (1, 1)])
def test_every_size_becomes_the_wanted_one(size: tuple[int, int]) -> None:
    assert decode(encoded(halves(size=size) if size != (1, 1) else Image.new("RGB", size)), (16, 24), 3).shape == (
        16,
        24,
        3,
    )


def test_the_whole_picture_is_kept_whatever_its_shape() -> None:
    left_half_white = np.zeros((20, 200, 3), np.uint8)
    left_half_white[:, :100] = 255
    found = decode(encoded(Image.fromarray(left_half_white)), (16, 16), 3)
    assert found[:, :6].min() > 240
    assert found[:, 10:].max() < 15


def test_large_jpegs_are_shrunk_while_decoding() -> None:
    pixels = decode(encoded(halves(size=(1600, 1200)), "JPEG"), (32, 32), 3)
    assert pixels[:, :14].max() < 20
    assert pixels[:, 18:].min() > 235


def test_the_first_frame_of_a_moving_picture_is_taken() -> None:
    frames = [Image.new("L", (8, 8), value) for value in (50, 200)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    found = probe(data)
    assert isinstance(found, Probe)
    assert found.animated
    result = decode_many([data, encoded(frames[1])], (8, 8), 1)
    assert result.animated == 1
    assert abs(int(result.array[0, 0, 0, 0]) - 50) < 5


def bomb(width: int, height: int) -> bytes:
    """A tiny PNG that claims to be huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(header))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + b"\0" * 64
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        bomb(20_000, 6_000),
        bomb(60_000, 60_000),
        bomb(0, 5),
        encoded(halves())[:-30],
        encoded(halves(size=(200, 200)), "JPEG")[:600],
    ],
    ids=["empty", "text", "postscript", "large", "huge", "flat", "cut off", "half"],
)
def test_what_cannot_be_read_has_a_reason(data: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        decode(data, (8, 8), 3)
    assert caught.value.reason
    assert "\n" not in caught.value.reason


def test_files_that_are_no_pictures_have_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "large.png").write_bytes(b"x" * 100)
    assert isinstance(probe(tmp_path / "empty.png"), Unreadable)
    assert isinstance(probe(tmp_path), Unreadable)
    assert isinstance(probe(tmp_path / "absent.png"), Unreadable)
    monkeypatch.setattr(pictures, "_LARGEST_FILE", 10)
    assert isinstance(probe(tmp_path / "large.png"), Unreadable)


def test_many_pictures_keep_their_order_and_their_reasons(tmp_path: Path) -> None:
    paths: list[Path | bytes] = []
    for at in range(100):
        path = tmp_path / f"{at}.png"
        path.write_bytes(encoded(Image.new("L", (9, 7), at)) if at % 10 else b"broken")
        paths.append(path)
    result = decode_many(paths, (4, 4), 3, workers=4)
    assert result.array.shape == (100, 4, 4, 3)
    assert [bool(reason) for reason in result.reasons] == [at % 10 == 0 for at in range(100)]
    assert all(result.array[at].mean() == at for at in range(100) if at % 10)
    assert decode_many([], (4, 4), 3).array.shape == (0, 4, 4, 3)
