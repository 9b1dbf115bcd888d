"""Pictures of examples, small enough for a page."""

from __future__ import annotations

import base64
import binascii
import io
import re

_ADDRESS = re.compile(r"data:image/png;base64,([A-Za-z0-9+/]+={0,2})")
_LARGEST = 16_000
_SIDES = (96, 72)
_MOST_PIXELS = 4_000_000


def is_picture(cell: str) -> bool:
    """Whether a cell is a PNG inside an address, and nothing else."""
    return _ADDRESS.fullmatch(cell) is not None


def thumbnail(cell: str) -> str | None:
    """The same picture in at most 16 kB; none when it cannot be read or made that small."""
    if len(cell) <= _LARGEST:
        return cell
    # Only large pictures are opened, so most reports never need it.
    from PIL import Image

    try:
        with Image.open(io.BytesIO(base64.b64decode(cell.partition(",")[2])), formats=("PNG",)) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                return None
            shrunk = picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, binascii.Error, Image.DecompressionBombError):
        return None
    for side in _SIDES:
        shrunk.thumbnail((side, side))
        out = io.BytesIO()
        shrunk.save(out, "PNG", optimize=True)
        address = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
        if len(address) <= _LARGEST:
            return address
    # A photograph has too many colours; 64 of them do for a thumbnail.
    out = io.BytesIO()
    shrunk.quantize(64).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
