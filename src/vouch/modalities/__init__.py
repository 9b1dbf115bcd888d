"""Kinds of column, one vertical slice each: recognise, read, encode, embed, show."""

from vouch.modalities.category import Category
from vouch.modalities.date import Date
from vouch.modalities.number import Number

ALL = (Number(), Category(), Date())

__all__ = ["ALL", "Category", "Date", "Number"]
