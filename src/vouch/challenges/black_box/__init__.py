"""Can it be said why the network answers as it does: explanations that are tested before they are shown."""

from __future__ import annotations

from vouch.challenges.asking import Checklist
from vouch.challenges.black_box.faithful import faithful_explanations
from vouch.challenges.black_box.leaning import leans_on_one_column
from vouch.challenges.black_box.permuted import knows_the_target
from vouch.challenges.black_box.randomised import knows_the_weights
from vouch.challenges.black_box.stable import stable_explanations
from vouch.challenges.black_box.surrogate import simple_rules

CHALLENGE = Checklist(
    "black_box",
    "Can it be said why the network answers as it does?",
    (
        leans_on_one_column,
        simple_rules,
        faithful_explanations,
        knows_the_weights,
        stable_explanations,
        knows_the_target,
    ),
    (),
    (
        "Samek and others, 2017: Evaluating the visualization of what a deep neural network has learned",
        "Petsiuk, Das and Saenko, 2018: RISE: Randomized Input Sampling for Explanation of Black-box Models",
        "Adebayo and others, 2018: Sanity checks for saliency maps",
        "Alvarez-Melis and Jaakkola, 2018: On the robustness of interpretability methods",
        "Fisher, Rudin and Dominici, 2019: All models are wrong, but many are useful",
        "Craven and Shavlik, 1996: Extracting tree-structured representations of trained networks",
    ),
)
