"""Read whatever holds rows into one polars frame of raw columns."""

from vouch.data.read.source import read

__all__ = ["read"]
