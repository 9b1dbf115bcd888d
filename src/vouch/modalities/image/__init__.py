"""Columns of pictures: paths to files, or arrays of bytes."""

from vouch.modalities.image.modality import Image, ImageEncoder

__all__ = ["Image", "ImageEncoder"]
