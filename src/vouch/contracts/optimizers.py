"""The optimisers that a recipe may name, each with its own settings; rate and weight decay are keys of the recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW:
    """Adam with decoupled weight decay: Loshchilov and Hutter (2019).

    Args:
        beta1: share of the running gradient that is kept in a step.
        beta2: share of the running squared gradient that is kept in a step.
        epsilon: added to the root of the squares.
    """

    when: ClassVar[str] = "the first choice for tables, texts and transformers"
    name: Literal["adamw"] = "adamw"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Adam:
    """Adam: Kingma and Ba (2015); weight decay is added to the gradient.

    Args:
        beta1: share of the running gradient that is kept in a step.
        beta2: share of the running squared gradient that is kept in a step.
        epsilon: added to the root of the squares.
    """

    when: ClassVar[str] = "to repeat what was published with it; adamw decays better"
    name: Literal["adam"] = "adam"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class SGD:
    """Stochastic gradient descent: Robbins and Monro (1951); Nesterov momentum: Sutskever et al. (2013).

    Weight decay is added to the gradient.

    Args:
        momentum: share of the running step that is kept; 0 is plain descent.
        nesterov: look ahead along the running step.
    """

    when: ClassVar[str] = "pictures and long runs, with a rate of 0.01 to 0.5 that is looked for"
    name: Literal["sgd"] = "sgd"
    momentum: float = 0.9
    nesterov: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RMSprop:
    """RMSprop: Tieleman and Hinton (2012); weight decay is added to the gradient.

    Args:
        decay: share of the running squared gradient that is kept in a step.
        momentum: share of the running step that is kept.
        epsilon: added to the root of the squares.
    """

    when: ClassVar[str] = "recurrent nets, and rows that come in no random order"
    name: Literal["rmsprop"] = "rmsprop"
    decay: float = 0.99
    momentum: float = 0.0
    epsilon: float = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Adagrad:
    """Adagrad: Duchi, Hazan and Singer (2011); weight decay is added to the gradient.

    Args:
        epsilon: added to the root of the sum of squares.
    """

    when: ClassVar[str] = "rare features, such as words and categories; its steps only shrink"
    name: Literal["adagrad"] = "adagrad"
    epsilon: float = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Muon:
    """Muon for hidden matrices and kernels, Adam for the rest: Jordan et al. (2024).

    Args:
        momentum: share of the running gradient that is kept in a step.
    """

    when: ClassVar[str] = "pictures in few epochs"
    name: Literal["muon"] = "muon"
    momentum: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFree:
    """AdamW that averages its own path, so that no rate has to fall: Defazio et al., The road less scheduled (2024).

    The averaged weights are what is scored and kept, so that ``averaging`` adds nothing to it.

    Args:
        beta1: how near to the average the gradient is taken.
        beta2: share of the running squared gradient that is kept in a step.
        epsilon: added to the root of the squares.
    """

    when: ClassVar[str] = "when nobody knows how long the run will be; with a constant schedule and some warm-up"
    name: Literal["schedule_free"] = "schedule_free"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


Optimizer = AdamW | Adam | SGD | RMSprop | Adagrad | Muon | ScheduleFree
OPTIMIZERS: tuple[type[Optimizer], ...] = (AdamW, Adam, SGD, RMSprop, Adagrad, Muon, ScheduleFree)
