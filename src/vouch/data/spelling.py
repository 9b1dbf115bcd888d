"""Which spellings of a label mean the same class."""

from __future__ import annotations

import polars as pl


def spellings(labels: pl.Series) -> dict[str, str]:
    """Labels that differ only in a full stop at the end, or in case, from a more frequent one, and that one.

    Single letters keep their case: "a" and "A" may well be two classes.

    Args:
        labels: text.

    Returns:
        From each rarer spelling to the most frequent one.

    Example:
        >>> spellings(pl.Series(["yes", "yes", "Yes.", "no"]))
        {'Yes.': 'yes'}
    """
    counts = labels.drop_nulls().alias("label").value_counts(sort=True, name="rows")
    first: dict[str, str] = {}
    change: dict[str, str] = {}
    for label in counts["label"].to_list():
        key = label.rstrip(".") or label
        known = first.setdefault(key.casefold() if len(key) > 1 else key, label)
        if known != label:
            change[label] = known
    return change
