"""The verbs; the only package that knows every station."""

from vouch.api.fitting import fit, recipe, resumable
from vouch.api.predicting import Bundle, check_table, load, predict, predict_with_notes, write_table

__all__ = [
    "Bundle",
    "check_table",
    "fit",
    "load",
    "predict",
    "predict_with_notes",
    "recipe",
    "resumable",
    "write_table",
]
