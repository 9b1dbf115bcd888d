"""Numbers and strangers' words as readers see them: short, printable, and never longer than their place."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from vouch.contracts.finding import Estimate
from vouch.errors import one_line

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&@:])")
_NAMES = {
    "roc_auc": "ROC-AUC",
    "f1": "F1",
    "ece": "Calibration error (ECE)",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "log_loss": "Log-loss",
    "brier": "Brier score",
    "error_q50": "Median error",
    "error_q90": "Error, 9 rows in 10",
}
MEANINGS = {
    "accuracy": "share of rows called right",
    "balanced_accuracy": "mean recall of the classes",
    "precision": "share of the rows called the class that are of it",
    "recall": "share of the rows of the class that were found",
    "false_positive_rate": "share of the rows outside the class that were called it",
    "false_negative_rate": "share of the rows of the class that were missed",
    "f1": "harmonic mean of precision and recall",
    "roc_auc": "chance that a row of the class scores above one outside it",
    "average_precision": "mean precision over all thresholds",
    "log_loss": "surprise at the truth, in nats",
    "brier": "mean squared error of the probabilities",
    "ece": "gap between what is promised and what happens",
    "rmse": "root of the mean squared error; large errors weigh more",
    "mae": "mean absolute error",
    "r2": "share of the variance that is explained",
    "error_q50": "half of the rows err by no more than this",
    "error_q90": "nine rows in ten err by no more than this",
}


def clean(text: object, most: int = 80) -> str:
    """Text on one line without control or direction characters, cut to ``most`` characters.

    Example:
        >>> clean("a\\nb" + chr(0x202E) + "c" * 9, most=8)
        'a b�ccc…'
    """
    shown = one_line(str(text))
    return shown if len(shown) <= most else shown[: most - 1].rstrip() + "…"


def markdown(text: object, most: int = 80) -> str:
    """Clean text in which nothing is Markdown, HTML, a link or a column mark.

    Example:
        >>> print(markdown("<b>|x|"))
        \\<b\\>\\|x\\|
    """
    return _MARKDOWN.sub(r"\\\1", clean(text, most))


def number(value: float, digits: int = 3) -> str:
    """A number with thousands separators and as many decimals as its size deserves.

    Example:
        >>> number(0.91349), number(46512.4), number(0.00031), number(0.99972)
        ('0.913', '46,512', '0.0003', '0.9997')
    """
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size > 1:
        places = max(0, digits - 1 - math.floor(math.log10(size)))
    else:
        # What is not quite 0 or 1 must not read as if it were.
        rest = min(size, 1 - size) or 1
        places = min(max(digits, -math.floor(math.log10(rest))), 6)
    said = f"{size:.1e}" if 0 < size < 1e-6 or size >= 1e12 else f"{size:,.{places}f}"
    return ("\N{MINUS SIGN}" if value < 0 else "") + said


def interval(one: Estimate) -> str:
    """Both ends of the 95 % interval, as ``0.870 to 0.920``."""
    return f"{number(one.low)} to {number(one.high)}"


def metric(name: str) -> str:
    """The name of a metric as readers know it.

    Example:
        >>> metric("balanced_accuracy"), metric("roc_auc")
        ('Balanced accuracy', 'ROC-AUC')
    """
    return _NAMES.get(name, name.replace("_", " ").capitalize())


def metric_within(name: str) -> str:
    """The same in the middle of a sentence.

    Example:
        >>> metric_within("balanced_accuracy"), metric_within("roc_auc"), metric_within("r2")
        ('balanced accuracy', 'ROC-AUC', 'R²')
    """
    said = metric(name)
    return said[0].lower() + said[1:] if said[1:2].islower() else said


def duration(seconds: float) -> str:
    """Seconds as people say them.

    Example:
        >>> duration(4.21), duration(75)
        ('4.2 s', '1 min 15 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def size(bytes: float) -> str:
    """A number of bytes as people say it, in powers of ten.

    Example:
        >>> size(1_234_567_890), size(70_400_000), size(512)
        ('1.2 GB', '70 MB', '512 bytes')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if bytes >= factor:
            return f"{bytes / factor:.2g} {unit}" if bytes < 10 * factor else f"{bytes / factor:,.0f} {unit}"
    return f"{bytes:.0f} bytes"


def count(n: int, one: str, many: str = "") -> str:
    """A number with its noun.

    Example:
        >>> count(1, "row"), count(1200, "row")
        ('1 row', '1,200 rows')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "none"
