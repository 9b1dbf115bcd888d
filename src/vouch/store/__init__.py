"""Bundles on disk: folders of JSON, safetensors and Parquet, without a pickle anywhere."""

from vouch.store.backbone import backbone_from, backbone_of, load_pretrained, save_pretrained
from vouch.store.bundle import load, save
from vouch.store.kept import Kept
from vouch.store.partial import Partial
from vouch.store.place import check_place, is_bundle
from vouch.store.values import from_plain, to_plain

__all__ = [
    "Kept",
    "Partial",
    "backbone_from",
    "backbone_of",
    "check_place",
    "from_plain",
    "is_bundle",
    "load",
    "load_pretrained",
    "save",
    "save_pretrained",
    "to_plain",
]
