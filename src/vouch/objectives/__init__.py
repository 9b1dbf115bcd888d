"""What one training step minimises."""

from vouch.objectives.supervised import Supervised

ALL = (Supervised,)

__all__ = ["ALL", "Supervised"]
