"""Kinds of column, one vertical slice each: recognise, read, encode, embed, show."""

from vouch.modalities.category import Category
from vouch.modalities.date import Date
from vouch.modalities.image import Image
from vouch.modalities.number import Number
from vouch.modalities.text import Text

ALL = (Number(), Category(), Date(), Text(), Image())

__all__ = ["ALL", "Category", "Date", "Image", "Number", "Text"]
