"""IDX, the format of MNIST and Fashion-MNIST: one file of pictures beside one of labels.

Source: the file format at the end of Yann LeCun's page on MNIST (1998).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from vouch.contracts.dataset import Dataset, Note
from vouch.data.read.archive import decompressed
from vouch.data.read.arrays import series_of_array
from vouch.data.read.content import Content, content_at, kind_of
from vouch.errors import EmptyDataError, FormatError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NAME = re.compile(r"(?P<part>.*?)(?P<what>images|labels)[-.]idx[0-9](?P<rest>.*)", re.IGNORECASE)
_PARTS = {"train": "train", "t10k": "test", "test": "test", "valid": "valid", "val": "valid"}


def read_idx(content: Content) -> Dataset:
    """Read an IDX file, with the labels or pictures that lie beside it under the matching name.

    Raises:
        FormatError: it is damaged, or the two files differ in length.
    """
    pair = _pair(content.path) if content.path is not None else None
    if pair is None:
        frame = pl.DataFrame(series_of_array("x", idx_array(content), content.name))
        return _dataset(frame, content.name, [Note("read", "IDX file without one beside it")])
    note = Note("read", f"pictures and labels from {pair[0].name} and {pair[1].name}")
    return _dataset(_read_pair(*pair), content.name, [note])


def idx_folder(folder: Path, files: Sequence[str]) -> Dataset | None:
    """Read a folder of IDX pairs, such as ``train-*`` and ``t10k-*``; None when there are none."""
    pairs: dict[str, tuple[Path, Path]] = {}
    for name in files:
        found = _NAME.fullmatch(name)
        pair = _pair(folder / name) if found and found["what"].lower() == "images" else None
        if found and pair:
            pairs.setdefault(_PARTS.get(found["part"].strip("-_.").lower(), "train"), pair)
    if not pairs:
        return None
    pairs = {part: pairs[part] for part in ("train", "valid", "test") if part in pairs}
    frames = [_read_pair(*pair).with_columns(pl.lit(part).alias("split")) for part, pair in pairs.items()]
    if len({str(frame.schema) for frame in frames}) > 1:
        raise FormatError("the parts hold pictures of different sizes", where=str(folder), expected="one size")
    said = ", ".join(f"{part}: {images.name}" for part, (images, _) in pairs.items())
    return _dataset(pl.concat(frames), str(folder), [Note("read", f"IDX pictures and labels ({said})")], len(pairs) > 1)


def idx_array(content: Content) -> np.ndarray:
    """The array in an IDX file, its size checked against the header before memory is taken.

    Raises:
        FormatError: the header is no IDX header, or the bytes do not fit it.
    """
    head = content.head(4)
    if kind_of(head) != "idx":
        raise FormatError("the file is no IDX file", where=content.name, expected="an IDX header")
    start = 4 + 4 * head[3]
    sizes = np.frombuffer(content.part(4, 4 * head[3]), dtype=">u4")
    shape = tuple(int(size) for size in sizes)
    dtype = np.dtype(_TYPES[head[2]])
    wanted = math.prod(shape) * dtype.itemsize
    if len(shape) != head[3] or content.size - start != wanted:
        raise FormatError(
            "the file is cut off or too long",
            where=content.name,
            expected=f"{wanted} bytes for an array of {' x '.join(map(str, shape))}",
            received=f"{max(content.size - start, 0)}",
            next_step="Fetch the file anew.",
        )
    array = np.frombuffer(content.all(), dtype=dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_pair(images: Path, labels: Path) -> pl.DataFrame:
    pictures, classes = idx_array(_opened(images)), idx_array(_opened(labels))
    if len(pictures) != len(classes) or classes.ndim != 1:
        raise FormatError(
            "pictures and labels differ in number",
            where=f"{images}, {labels.name}",
            expected=f"{len(pictures)} labels",
            received=f"{len(classes)}",
        )
    label = pl.Series("label", classes.astype(np.int64))
    return pl.DataFrame([*series_of_array("x", pictures, str(images)), label])


def _dataset(frame: pl.DataFrame, source: str, notes: list[Note], parts: bool = False) -> Dataset:
    if frame.is_empty():
        raise EmptyDataError("the file holds no pictures", where=source)
    target = "label" if "label" in frame.columns else None
    return Dataset(frame, source, notes=tuple(notes), target=target, part="split" if parts else None)


def _opened(path: Path) -> Content:
    content = content_at(path)
    return decompressed(content, "gzip") if kind_of(content.head(4)) == "gzip" else content


def _pair(path: Path) -> tuple[Path, Path] | None:
    """The files of pictures and of labels to which a file belongs."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    names = {"images": [], "labels": []}
    for entry in sorted(path.parent.iterdir()):
        other = _NAME.fullmatch(entry.name)
        if other and other["part"] == found["part"] and other["rest"].lower() in (found["rest"].lower(), ".gz", ""):
            names[other["what"].lower()].append(entry)
    images, labels = (path if path in found_paths else next(iter(found_paths), None) for found_paths in names.values())
    return (images, labels) if images and labels else None
