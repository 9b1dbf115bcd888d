"""Where a network starts from: another bundle, what was learned without labels, or a checkpoint from elsewhere."""

from __future__ import annotations

from pathlib import Path

from vouch import store
from vouch.api.checkpoints import checkpoint
from vouch.contracts.backbone import Backbone
from vouch.contracts.bundle import BundleValue
from vouch.contracts.options import FitOptions
from vouch.contracts.pretrained import Pretrained
from vouch.errors import UsageError


def borrowed(options: FitOptions) -> Backbone | None:
    """What the options say the weights start from; none for random ones.

    Raises:
        UsageError: two things to start from are given, or what is given is none.
        BundleError: there is no bundle, or it is damaged.
    """
    given, name = options.get("start"), options.get("backbone")
    if given is not None and name is not None:
        raise UsageError(
            "two things to start from are given", received=f"--from {_told(given)} and --backbone {name}",
            next_step="Give one of them.",
        )  # fmt: skip
    if name is not None:
        return checkpoint(name)
    return None if given is None else _of(given)


def _of(given: str | Path | BundleValue | Pretrained) -> Backbone:
    if isinstance(given, Pretrained):
        return given.backbone
    if isinstance(given, BundleValue):
        place = getattr(given, "place", None)
        return store.backbone_of(given, "bundle" if place is None else Path(place).name)
    if not isinstance(given, str | Path):
        raise UsageError("there is nothing to start from", expected="a bundle or its folder", received=repr(given)[:80])
    place = Path(given)
    made = store.load_pretrained(place)
    return store.backbone_of(store.load(place), place.resolve().name) if made is None else made.backbone


def _told(given: object) -> str:
    return str(given) if isinstance(given, str | Path) else "BUNDLE"
