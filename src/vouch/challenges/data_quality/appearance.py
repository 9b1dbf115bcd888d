"""Pictures that show little: dark, washed out, of one colour, blurred, or of an odd size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from vouch.challenges.data_quality.looking import (
    Floats,
    Found,
    Rows,
    Say,
    flagged,
    not_asked,
    once,
    pictures,
    told,
    too_few,
)
from vouch.challenges.data_quality.looks import grey
from vouch.contracts.case import Case
from vouch.contracts.finding import Check, Threshold
from vouch.wording import number

DARK = Threshold("dark_share", 0.002, 0.1, why="pictures without light teach nothing")
UNIFORM = Threshold("uniform_share", 0.002, 0.1, why="pictures of one colour teach nothing")
BLURRED = Threshold("blurred_share", 0.005, 0.2, why="blur that others do not have may hide what counts")
ODD = Threshold("odd_share", 0.005, 0.2, why="pictures brought to a common shape are distorted when theirs is another")
_BRIGHTEST, _DARKEST = 0.16, 0.90
_CHUNK = 4096
_FENCE = 3.0
_ASPECT, _SIDE = 2.0, 0.25
_MOST_FILES = 20_000
_UPRIGHT = 1.65


def dark_pictures(case: Case) -> Check:
    """How many pictures have no bright place, or no dark one, where the others have.

    A picture is too dark when even its brightest hundredth is below .16 of full light, and below a third of what is
    usual in the set; too bright when its darkest hundredth is above .9. It promises to find, with power .9, 2 % of the
    pictures dimmed to a tenth of their light, from 500 on.
    """
    if not (drawn := pictures(case)):
        return _no_pictures("dark_pictures")
    if few := too_few(case, "dark_pictures"):
        return few
    tone = once(case, "tones", lambda: tones(next(iter(drawn.values()))))
    usual = np.median(tone, axis=0)
    uniform = tone[:, 2] < _FLAT
    dark = (tone[:, 1] < _BRIGHTEST) & (tone[:, 1] < usual[1] / 3) & ~uniform
    bright = (tone[:, 0] > _DARKEST) & (1 - tone[:, 0] < (1 - usual[0]) / 3) & ~uniform
    rows = np.flatnonzero(dark | bright)
    scores = np.where(dark, 1 - tone[:, 1], tone[:, 0])[rows]
    reasons = ["too dark" if dark[row] else "washed out" for row in rows]
    n = len(tone)
    which = f"too dark ({int(dark.sum()):,}) or washed out ({int(bright.sum()):,})."
    headline = f"{told(len(rows), n, 'picture', 'is', 'are')} {which}"
    return flagged(case, "dark_pictures", Found(rows, scores, reasons), n, Say(headline, DARK))


def uniform_pictures(case: Case) -> Check:
    """How many pictures are of one colour all over.

    It promises to find, with power .9, 2 % of the pictures replaced by one colour, from 500 on.
    """
    if not (drawn := pictures(case)):
        return _no_pictures("uniform_pictures")
    if few := too_few(case, "uniform_pictures"):
        return few
    tone = once(case, "tones", lambda: tones(next(iter(drawn.values()))))
    rows, n = np.flatnonzero(tone[:, 2] < _FLAT), len(tone)
    headline = told(len(rows), n, "picture", "is", "are") + " of one colour all over."
    found = Found(rows, 1 - tone[rows, 2], ["one colour all over"] * len(rows))
    return flagged(case, "uniform_pictures", found, n, Say(headline, UNIFORM))


def blurred_pictures(case: Case) -> Check:
    """How many pictures have far less fine detail than others of their class have.

    Detail is the variance of the Laplacian (Pech-Pacheco et al., 2000), as a share of the picture's own variance; on a
    logarithmic scale, less the median of the class, a picture is blurred when it lies three quartile distances below
    the lower quartile (Tukey, 1977). It promises to find, with power .9, 3 % of the pictures blurred by a Gaussian of
    three pixels, from 500 on, where the detail of the others is alike within a factor of three.
    """
    if not (drawn := pictures(case)):
        return _no_pictures("blurred_pictures")
    if few := too_few(case, "blurred_pictures"):
        return few
    fine = detail(next(iter(drawn.values())))
    n = len(fine)
    left = _less_usual(fine, case)
    low, high = np.nanquantile(left, [0.25, 0.75]) if np.isfinite(left).any() else (0.0, 0.0)
    fence = low - _FENCE * max(high - low, 0.2)
    rows = np.flatnonzero(np.nan_to_num(left, nan=np.inf) < fence)
    reasons = [f"{number(float(np.exp(-left[row])))} times less fine detail than is usual" for row in rows]
    headline = told(len(rows), n, "picture", "has", "have") + " far less fine detail than others of the class."
    return flagged(case, "blurred_pictures", Found(rows, -left[rows], reasons), n, Say(headline, BLURRED))


def odd_sizes(case: Case) -> Check:
    """How many picture files are far smaller, longer or wider than the others.

    A file is odd when a side is a quarter of the usual or less, or its shape differs from the usual by a factor of two,
    where nine in ten differ by less. It promises to find, with power .9, 2 % of the files of a
    third of the width, from 500 on.
    """
    root, frame, lines = case.raw.root, case.raw.frame, case.dataset.lines
    names = [name for name in pictures(case) if name in frame.columns and frame[name].dtype == pl.String]
    if not names or root is None:
        return not_asked("odd_sizes", "There are no picture files to look at.")
    if few := too_few(case, "odd_sizes"):
        return few
    cells = frame[names[0]] if lines is None else frame[names[0]].gather(lines)
    looked = np.arange(0, len(cells), max(len(cells) // _MOST_FILES, 1))
    sizes = file_sizes(cells.gather(looked).to_list(), root)
    odd = odd_shapes(sizes)
    rows = looked[odd > 0]
    reasons = [f"{int(w)} x {int(h)} pixels" for w, h in sizes[odd > 0]]
    usual = np.nanmedian(sizes, axis=0) if np.isfinite(sizes).any() else np.zeros(2)
    headline = (
        told(len(rows), len(looked), "file", "differs", "differ")
        + f" far from the usual {usual[0]:.0f} x {usual[1]:.0f} pixels."
    )
    return flagged(case, "odd_sizes", Found(rows, odd[odd > 0], reasons), len(looked), Say(headline, ODD))


_FLAT = 0.01


def tones(drawn: Tensor) -> Floats:
    """Of each picture how light its darkest and its brightest hundredth is, and how far those are apart (B, 3).

    Args:
        drawn: pictures (B, C, H, W).

    Returns:
        Brightness from 0 to 1.

    Example:
        >>> tones(torch.zeros(2, 3, 8, 8, dtype=torch.uint8)).tolist()
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    chunks = []
    for some in drawn.split(_CHUNK):
        flat = grey(some).flatten(1)
        k = max(flat.shape[1] // 100, 1)
        low = flat.kthvalue(k, dim=1).values
        high = flat.kthvalue(flat.shape[1] - k + 1, dim=1).values
        chunks.append(torch.stack([low, high, high - low], dim=1))
    return torch.cat(chunks).double().numpy()


def detail(drawn: Tensor) -> Floats:
    """Logarithm of the variance of the Laplacian over that of the picture (B,); NaN where it is of one colour.

    Args:
        drawn: pictures (B, C, H, W).

    Returns:
        One number for each; smaller is smoother.
    """
    kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])[None, None]
    chunks = []
    for some in drawn.split(_CHUNK):
        plain = grey(some)[:, None]
        if min(plain.shape[2:]) < 3:
            chunks.append(torch.full((len(plain),), float("nan")))
            continue
        edges = torch.nn.functional.conv2d(plain, kernel).flatten(1).var(dim=1)
        whole = plain.flatten(1).var(dim=1)
        ratio = (edges / whole.clamp_min(1e-9)).clamp_min(1e-9).log()
        chunks.append(torch.where(whole > _FLAT**2, ratio, torch.full_like(ratio, float("nan"))))
    return torch.cat(chunks).double().numpy()


def odd_shapes(sizes: Floats) -> Floats:
    """How odd each size is: 0 for the usual, else by what factor its shape or its side differs (n,).

    Args:
        sizes: width and height in pixels (n, 2); NaN where unknown.

    Returns:
        Factors.

    Example:
        >>> odd_shapes(np.array([[100.0, 100.0]] * 50 + [[100.0, 20.0]])).nonzero()[0].tolist()
        [50]
    """
    out = np.zeros(len(sizes))
    known = np.isfinite(sizes).all(axis=1)
    if not known.any():
        return out
    logs = np.log(np.maximum(sizes[known], 1.0))
    shape = logs[:, 0] - logs[:, 1]
    shape = np.abs(shape - np.median(shape))
    side = np.median(logs.min(axis=1)) - logs.min(axis=1)
    far = np.zeros(len(logs))
    for value, limit in ((shape, np.log(_ASPECT)), (side, -np.log(_SIDE))):
        # Twice what nine in ten keep to; less where a good share has one other usual shape, such as upright photos.
        usual, most = np.quantile(value, [0.9, 0.95]).tolist()
        fence = max(limit - 1e-9, min(2 * usual, _UPRIGHT * most))
        far = np.maximum(far, np.where(value >= fence, np.exp(value), 0))
    out[known] = far
    return out


def file_sizes(cells: list[str | None], root: Path) -> Floats:
    """Width and height of picture files by their headers (n, 2); NaN where a header cannot be read."""
    out = np.full((len(cells), 2), np.nan)
    for at, cell in enumerate(cells):
        if cell:
            out[at] = _size(root / cell)
    return out


def _size(path: Path) -> tuple[float, float]:
    try:
        with Image.open(path) as picture:
            return float(picture.width), float(picture.height)
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError):
        return float("nan"), float("nan")


def _less_usual(fine: Floats, case: Case) -> Floats:
    """Detail less the median of the class, or of all where there are no classes or few rows of one."""
    left = fine - np.nanmedian(fine) if np.isfinite(fine).any() else fine
    if case.bundle.task.name not in ("binary", "multiclass"):
        return left
    truth: npt.NDArray[np.int64] = case.truth(np.arange(len(fine)))
    for k in np.unique(truth):
        mine: Rows = np.flatnonzero((truth == k) & np.isfinite(fine))
        if len(mine) >= 20:
            left[mine] = fine[mine] - np.median(fine[mine])
    return left


def _no_pictures(name: str) -> Check:
    return not_asked(name, "There are no pictures.")
