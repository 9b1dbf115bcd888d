"""Errors that parsers throw at damaged data, gathered in one place."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl
import pyarrow as pa

from vouch.errors import FormatError

# A panic of polars is no Exception, and memory runs out on files that claim impossible sizes.
PARSER_ERRORS: tuple[type[BaseException], ...] = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    pa.ArrowException,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    SyntaxError,
)


@contextmanager
def parsing(where: str, expected: str) -> Iterator[None]:
    """Turn whatever a parser throws at a damaged file into one clear error.

    Args:
        where: the file.
        expected: what it should have been.

    Raises:
        FormatError: the parser gave up.
    """
    try:
        yield
    except PARSER_ERRORS as error:
        raise FormatError(
            "the file is damaged or is not what its name says",
            where=where,
            expected=expected,
            received=short(str(error) or type(error).__name__),
            next_step="Write the file anew.",
        ) from error


def short(message: str, length: int = 120) -> str:
    """The first line of a message, cut to a length."""
    lines = message.strip().splitlines()
    first = lines[0] if lines else ""
    return first if len(first) <= length else first[: length - 1] + "…"
