"""Tables and tensors that are larger than memory: kept in files without a name, and mapped from there."""

from vouch.data.shelf.columns import Shelf, size_of, too_large
from vouch.data.shelf.frames import changed, filtered, gathered, is_large, pieces, row_hashes, stacked
from vouch.data.shelf.room import Room, is_mapped, let_go

__all__ = [
    "Room",
    "Shelf",
    "changed",
    "filtered",
    "gathered",
    "is_large",
    "is_mapped",
    "let_go",
    "pieces",
    "row_hashes",
    "size_of",
    "stacked",
    "too_large",
]
