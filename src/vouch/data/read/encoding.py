"""Bytes to UTF-8: byte-order marks, UTF-16 without one, and the older encodings."""

from __future__ import annotations

import codecs
import re
from itertools import pairwise

from charset_normalizer import from_bytes

from vouch.contracts.dataset import Note
from vouch.data.read.content import Content
from vouch.data.read.shards import is_sharded
from vouch.errors import FormatError

SAMPLE = 1 << 20
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MULTIBYTE = ["gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp949"]
_SINGLE_BYTE = ["cp1251", "koi8_r", "cp1250", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256"]


def as_utf8(content: Content) -> tuple[Content, list[Note]]:
    """The same content in UTF-8; the file itself, untouched, when its sample already is.

    Raises:
        FormatError: it is no text.
    """
    encoding = encoding_of(content.head(SAMPLE))
    if encoding == "utf-8":
        return content, []
    if encoding == "utf-8-sig" and is_sharded(content):
        # The parser passes over the mark by itself; no copy of so large a text is made without it.
        return content, [Note("read", f"decoded from {_name(encoding)}")]
    return decoded(content, encoding)


def decoded(content: Content, encoding: str) -> tuple[Content, list[Note]]:
    """A copy of the content in UTF-8, with what could not be decoded counted."""
    text = decode(content.all(), encoding, content.name)
    lost = text.count("�")
    notes = [Note("read", f"decoded from {_name(encoding)}")]
    if lost:
        notes.append(Note("normalised", f"{lost} bytes are no {_name(encoding)} and were replaced by a mark", lost))
    return Content(content.name, data=text.encode("utf-8", "replace")), notes


def decode(data: bytes, encoding: str, name: str) -> str:
    """Bytes to text; a byte that has no meaning in the encoding becomes a mark.

    Raises:
        FormatError: the text is cut off in the middle of a unit, as no text file is.
    """
    try:
        return data.decode(encoding, "replace")
    except UnicodeError as error:
        raise FormatError("the text cannot be decoded", where=name, expected=_name(encoding)) from error


def encoding_of(sample: bytes) -> str:
    """The encoding of a sample from the start of a file.

    Example:
        >>> encoding_of("año;1".encode("utf-8")), encoding_of(b"a\\x00,\\x00b\\x00\\n\\x00")
        ('utf-8', 'utf-16-le')
    """
    marked = next((encoding for mark, encoding in _MARKS if sample.startswith(mark)), None)
    if marked is not None:
        return marked
    if b"\0" in sample[:4096]:
        wide = _wide(sample[:4096])
        if wide is not None:
            return wide
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(sample)
    except UnicodeDecodeError:
        return legacy_encoding(sample)
    return "utf-8"


def legacy_encoding(sample: bytes) -> str:
    """The likeliest encoding of text that is no UTF-8; Western European when nothing speaks for another one."""
    telling = _telling_lines(sample)
    above = [byte > 127 for byte in telling]
    if sum(above) > 0.3 * len(above) or sum(map(all, pairwise(above))) > 0.3 * sum(above):
        # Many letters above ASCII, or letters of two bytes each: not a Western text.
        best = from_bytes(telling, cp_isolation=_MULTIBYTE + _SINGLE_BYTE, threshold=0.3).best()
        if best is not None:
            return best.encoding
    # A byte without meaning in cp1252 has one in latin-1, where every byte does.
    return "latin-1" if re.search(rb"[\x81\x8d\x8f\x90\x9d]", sample) else "cp1252"


def _telling_lines(sample: bytes) -> bytes:
    """About 64 kB of the lines that hold bytes above ASCII: the others say nothing of the encoding."""
    lines = sample.split(b"\n")
    kept: list[bytes] = []
    size = 0
    for line in lines[:-1] or lines:
        if not line.isascii():
            kept.append(line)
            size += len(line)
        if size > 65536:
            break
    return b"\n".join(kept)


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of Western text is zero."""
    even, odd = sample[::2], sample[1::2]
    if odd.count(0) > 0.7 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.7 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be"
    return None


def _name(encoding: str) -> str:
    names = {"cp1252": "Windows-1252", "latin-1": "Latin-1", "utf-8-sig": "UTF-8 with a byte-order mark"}
    return names.get(encoding, encoding.replace("_", "-").upper())
