"""The activations that a recipe may name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What each net was designed with: ReLU in trunks and word filters, SiLU in picture nets, GELU in transformers."""

    when: ClassVar[str] = "always, unless there is a reason"
    name: Literal["usual"] = "usual"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReLU:
    """max(x, 0): Nair and Hinton (2010)."""

    when: ClassVar[str] = "fast and robust"
    name: Literal["relu"] = "relu"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyReLU:
    """x, or a share of it below 0: Maas et al. (2013).

    Args:
        slope: that share.
    """

    when: ClassVar[str] = "units of a ReLU net die, which a high rate can cause"
    name: Literal["leaky_relu"] = "leaky_relu"
    slope: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Sigmoid:
    """1 / (1 + exp(−x))."""

    when: ClassVar[str] = "to repeat old nets; deep ones hardly learn with it"
    name: Literal["sigmoid"] = "sigmoid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tanh:
    """The hyperbolic tangent."""

    when: ClassVar[str] = "smooth functions of few numbers; shallow nets"
    name: Literal["tanh"] = "tanh"


@dataclass(frozen=True, slots=True, kw_only=True)
class GELU:
    """x Φ(x): Hendrycks and Gimpel (2016)."""

    when: ClassVar[str] = "transformers"
    name: Literal["gelu"] = "gelu"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiLU:
    """x / (1 + exp(−x)): Elfwing et al. (2018), Ramachandran et al. (2017)."""

    when: ClassVar[str] = "convolutions, and where a smooth ReLU is wanted"
    name: Literal["silu"] = "silu"


@dataclass(frozen=True, slots=True, kw_only=True)
class SELU:
    """Self-normalising: Klambauer et al. (2017); the layers before it start as that paper asks."""

    when: ClassVar[str] = "deep plain trunks without normalisation"
    name: Literal["selu"] = "selu"


Activation = Usual | ReLU | LeakyReLU | Sigmoid | Tanh | GELU | SiLU | SELU
ACTIVATIONS: tuple[type[Activation], ...] = (Usual, ReLU, LeakyReLU, Sigmoid, Tanh, GELU, SiLU, SELU)
