"""Did the network learn what is true of new rows, or its own rows by heart, or too little?"""

from __future__ import annotations

from vouch.challenges.asking import Checklist
from vouch.challenges.overfitting.diagnose import beats_baselines, generalisation_gap, underfitting
from vouch.challenges.overfitting.folds import spread_over_folds
from vouch.challenges.overfitting.growth import data_needed
from vouch.challenges.overfitting.history import memorising, trained_too_briefly
from vouch.challenges.overfitting.treat import REMEDIES

CHALLENGE = Checklist(
    name="overfitting",
    asks="Does what the network learned hold for rows that it never saw, and would more data help?",
    checks=(
        memorising,
        trained_too_briefly,
        beats_baselines,
        generalisation_gap,
        underfitting,
        spread_over_folds,
        data_needed,
    ),
    remedies=REMEDIES,
    references=(
        "Prechelt, Early stopping, but when? (1998)",
        "Zhang and others, Understanding deep learning requires rethinking generalization (2017)",
        "Srivastava and others, Dropout: a simple way to prevent neural networks from overfitting (2014)",
        "Loshchilov and Hutter, Decoupled weight decay regularization (2019)",
        "Zhang and others, mixup: beyond empirical risk minimization (2018)",
        "Yun and others, CutMix: regularization strategy to train strong classifiers with localizable features (2019)",
        "Szegedy and others, Rethinking the inception architecture for computer vision (2016)",
        "Izmailov and others, Averaging weights leads to wider optima and better generalization (2018)",
        "Hestness and others, Deep learning scaling is predictable, empirically (2017)",
        "Cochran, The combination of estimates from different experiments (1954)",
    ),
)
