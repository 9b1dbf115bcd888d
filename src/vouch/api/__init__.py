"""The verbs; the only package that knows every station."""

from vouch.api.fitting import fit, recipe
from vouch.api.predicting import Bundle, load, predict, predict_with_notes, write_table

__all__ = ["Bundle", "fit", "load", "predict", "predict_with_notes", "recipe", "write_table"]
