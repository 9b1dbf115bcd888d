"""Columns of free text."""

from vouch.modalities.text.modality import Text, TextEncoder

__all__ = ["Text", "TextEncoder"]
