"""Which random changes to training rows a recipe may name for the columns that are there."""

from __future__ import annotations

from vouch.contracts.recipe import Recipe
from vouch.contracts.schema import Schema
from vouch.data.schema import modality
from vouch.errors import UsageError

AUTO = "auto"


def check_changes(schema: Schema, recipe: Recipe) -> None:
    """Refuse a change that none of the columns knows, before any time is spent.

    Args:
        schema: what each column is.
        recipe: names the changes under ``augment``.

    Raises:
        UsageError: a name is of no column's.
    """
    kinds = dict.fromkeys(column.kind for column in schema.features)
    known = dict.fromkeys(name for kind in kinds for name in modality(kind).augmentations)
    for name in recipe.augment:
        if name != AUTO and name not in known:
            raise UsageError(
                f"recipe key 'augment' has no use for '{name}'", received=f"columns of kind {', '.join(kinds)}",
                expected=f"one of {', '.join([AUTO, *known])}", next_step="Leave it out.",
            )  # fmt: skip
