"""Which file names hold which medium."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

PICTURES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm"),
    *(".pnm", ".jp2", ".j2k", ".tga", ".ico"),
)
TEXTS = (".txt", ".text", ".md")
AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".aif")
VIDEO = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".mpg", ".mpeg")

_MEDIA: Mapping[str, str] = MappingProxyType(
    {
        suffix: medium
        for medium, suffixes in (("image", PICTURES), ("text", TEXTS), ("audio", AUDIO), ("video", VIDEO))
        for suffix in suffixes
    }
)


def medium_of(name: str) -> str | None:
    """The medium that a file name promises: image, text, audio, video, or None.

    Example:
        >>> medium_of("cats/1.JPG"), medium_of("notes.docx")
        ('image', None)
    """
    return _MEDIA.get(PurePosixPath(name).suffix.lower())


def main_medium(names: Iterable[str]) -> str | None:
    """The medium of most files that have one."""
    counts = Counter(medium for name in names if (medium := medium_of(name)) is not None)
    return max(counts, key=lambda medium: (counts[medium], medium != "text"), default=None)
