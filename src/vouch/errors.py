"""Everything Vouch can say no to, as one tree.

    VouchError                    V000
    ├── UsageError                V100  an option, a recipe key or an argument is wrong
    ├── DataError                 V200  the data cannot be used as it is
    │   ├── DataNotFoundError     V201  nothing is at that path
    │   ├── EmptyDataError        V202  no rows, or no columns
    │   ├── FormatError           V203  the file is not what its name says, or is damaged
    │   ├── ColumnError           V204  a column is absent, doubled or of no use
    │   ├── TargetError           V205  the target cannot be learned
    │   ├── TooFewRowsError       V206  not enough rows, or not enough of one class
    │   └── MediaError            V207  pictures that cannot be read, or paths that lead elsewhere
    ├── BundleError               V300  a bundle cannot be used
    │   ├── BundleNotFoundError   V301  no bundle is at that path
    │   ├── BundleDamagedError    V302  truncated, altered, or incomplete
    │   └── BundleTooNewError     V303  written by a later version
    ├── OutputError               V400  the result cannot be written
    └── TrainingError             V500  training cannot go on, or cannot be resumed
        └── OutOfMemoryError      V501  there is not enough memory for it

Each says what is wrong, where, what was expected, what was received, and what to do next; each has a code and a
section of the same name in ``docs/reference/errors.md``. The command line prints the one line and exits with 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import ClassVar


class VouchError(Exception):
    """Base of every error that Vouch raises on purpose.

    Args:
        what: what is wrong, without a full stop.
        where: file, row, column or key at which it is wrong.
        expected: what would have been right.
        received: what was there instead.
        next_step: what the reader can do about it, as a sentence.

    Example:
        >>> error = VouchError("the file is empty", where="a.csv", next_step="Give a file with rows.")
        >>> print(error)
        the file is empty (a.csv). Give a file with rows. [V000]
    """

    code: ClassVar[str] = "V000"

    def __init__(
        self, what: str, *, where: str = "", expected: str = "", received: str = "", next_step: str = ""
    ) -> None:
        self.what, self.where, self.expected, self.received, self.next_step = what, where, expected, received, next_step
        super().__init__(self.line)

    @property
    def line(self) -> str:
        """The whole message on one line, as the command line prints it."""
        parts = [_cut(self.what) + (f" ({_cut(self.where)})" if self.where else "")]
        if self.expected or self.received:
            said = [
                f"expected {_cut(self.expected)}" if self.expected else "",
                f"got {_cut(self.received)}" if self.received else "",
            ]
            parts[0] += ": " + ", ".join(filter(None, said))
        parts[0] += "" if parts[0].endswith(("?", "!")) else "."
        if self.next_step:
            parts.append(_cut(self.next_step))
        text = " ".join([*parts, f"[{self.code}]"])
        return one_line(text)

    @property
    def help_page(self) -> str:
        """Where the documentation explains this error."""
        return f"docs/reference/errors.md#{self.code.lower()}"

    @property
    def facts(self) -> dict[str, str]:
        """All that it says, for JSON; :func:`from_facts` is the inverse."""
        parts = {key: getattr(self, key) for key in ("what", "where", "expected", "received", "next_step")}
        return {"code": self.code, **parts}

    def __str__(self) -> str:
        return self.line


class UsageError(VouchError):
    """An option, a recipe key or an argument is wrong."""

    code = "V100"


class DataError(VouchError):
    """The data cannot be used as it is."""

    code = "V200"


class DataNotFoundError(DataError):
    """Nothing is at that path."""

    code = "V201"


class EmptyDataError(DataError):
    """The data has no rows, or no columns."""

    code = "V202"


class FormatError(DataError):
    """The file is not what its name says, or is damaged."""

    code = "V203"


class ColumnError(DataError):
    """A column is absent, doubled or of no use."""

    code = "V204"


class TargetError(DataError):
    """The target cannot be learned."""

    code = "V205"


class TooFewRowsError(DataError):
    """There are not enough rows, or not enough of one class."""

    code = "V206"


class MediaError(DataError):
    """Pictures cannot be read, or a path leads out of the data folder."""

    code = "V207"


class BundleError(VouchError):
    """A bundle cannot be used."""

    code = "V300"


class BundleNotFoundError(BundleError):
    """No bundle is at that path."""

    code = "V301"


class BundleDamagedError(BundleError):
    """The bundle is truncated, altered, or incomplete."""

    code = "V302"


class BundleTooNewError(BundleError):
    """The bundle was written by a later version of Vouch."""

    code = "V303"


class OutputError(VouchError):
    """The result cannot be written."""

    code = "V400"


class TrainingError(VouchError):
    """Training cannot go on, or cannot be resumed."""

    code = "V500"


class OutOfMemoryError(TrainingError):
    """There is not enough memory to train.

    ``again`` says that the networks are as they were before the first step, so that the run can start again.
    """

    code = "V501"
    again = False


def from_facts(facts: Mapping[str, str]) -> VouchError:
    """The error that another process has told of.

    Args:
        facts: of the error.

    Example:
        >>> from_facts(UsageError("no", where="here").facts)
        UsageError('no (here). [V100]')
    """
    kinds: list[type[VouchError]] = [VouchError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    kind = next(kind for kind in kinds if kind.code == facts["code"])
    return kind(facts["what"], **{key: facts[key] for key in ("where", "expected", "received", "next_step")})


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests the known name closest to an unknown one.

    Args:
        name: what was typed.
        known: the names that exist.

    Returns:
        ``Did you mean 'x'?`` when one is close, else the list of what exists.

    Example:
        >>> nearest("epoch", ["epochs", "dropout"])
        "Did you mean 'epochs'?"
    """
    names = list(known)
    folded = {candidate.casefold(): candidate for candidate in names}
    close = get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{folded[close[0]]}'?"
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"There is: {shown}." if names else "There is none."


def one_line(text: str) -> str:
    """Text from untrusted files on one line and without control characters, so that it cannot drive a terminal.

    Example:
        >>> one_line("a\\n b\\x1b[31m")
        'a b�[31m'
    """
    return " ".join("".join(c if c.isprintable() or c.isspace() else "�" for c in text).split())


def _cut(text: str, most: int = 400) -> str:
    """Names and cells of any length, so that one line stays one that can be read."""
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"
