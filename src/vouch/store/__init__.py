"""Bundles on disk: folders of JSON, safetensors and Parquet, without a pickle anywhere."""

from vouch.store.bundle import load, save
from vouch.store.partial import Partial
from vouch.store.place import check_place

__all__ = ["Partial", "check_place", "load", "save"]
