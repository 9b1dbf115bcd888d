"""Bundles on disk: folders of JSON, safetensors and Parquet, without a pickle anywhere."""

from vouch.store.bundle import load, save
from vouch.store.partial import Partial

__all__ = ["Partial", "load", "save"]
