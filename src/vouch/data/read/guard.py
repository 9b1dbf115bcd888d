"""Errors that parsers throw at damaged data, turned into one clear error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from vouch.data.read.wording import short
from vouch.errors import FormatError, VouchError

# Parsers of foreign bytes throw whatever their authors thought of; a panic of polars is not even an Exception.
PARSER_ERRORS: tuple[type[BaseException], ...] = (Exception, pl.exceptions.PanicException)


@contextmanager
def parsing(where: str, expected: str) -> Iterator[None]:
    """Turn whatever a parser throws at a damaged file into one clear error; for bare calls of parsers only.

    Args:
        where: the file.
        expected: what it should have been.

    Raises:
        FormatError: the parser gave up.
    """
    try:
        yield
    except VouchError:
        raise
    except PARSER_ERRORS as error:
        raise FormatError(
            "the file is damaged or is not what its name says",
            where=where,
            expected=expected,
            received=short(str(error) or type(error).__name__),
            next_step="Write the file anew.",
        ) from error
