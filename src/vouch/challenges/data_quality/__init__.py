"""Data quality: what is wrong with the data that a network learned from, and with the data that it was measured on."""

from vouch.challenges.asking import Checklist
from vouch.challenges.data_quality.across import scores_across_parts
from vouch.challenges.data_quality.appearance import blurred_pictures, dark_pictures, odd_sizes, uniform_pictures
from vouch.challenges.data_quality.duplicates import exact_duplicates
from vouch.challenges.data_quality.encodings import broken_encodings
from vouch.challenges.data_quality.imbalance import imbalance
from vouch.challenges.data_quality.labelling import label_errors
from vouch.challenges.data_quality.leaks import (
    groups_across_parts,
    identifiers,
    ignored_columns,
    leaking_columns,
    time_across_parts,
)
from vouch.challenges.data_quality.missing import missing_patterns, missing_values
from vouch.challenges.data_quality.outliers import outliers
from vouch.challenges.data_quality.overlap import conflicting_labels, near_duplicates, train_test_overlap
from vouch.challenges.data_quality.rows import export_rows
from vouch.challenges.data_quality.spelling import misspelt_categories
from vouch.challenges.data_quality.treat import REMEDIES
from vouch.challenges.data_quality.units import unit_mixups

__all__ = [
    "CHALLENGE",
    "blurred_pictures",
    "broken_encodings",
    "conflicting_labels",
    "dark_pictures",
    "exact_duplicates",
    "export_rows",
    "groups_across_parts",
    "identifiers",
    "ignored_columns",
    "imbalance",
    "label_errors",
    "leaking_columns",
    "missing_patterns",
    "missing_values",
    "misspelt_categories",
    "near_duplicates",
    "odd_sizes",
    "outliers",
    "scores_across_parts",
    "time_across_parts",
    "train_test_overlap",
    "uniform_pictures",
    "unit_mixups",
]  # fmt: skip

CHALLENGE = Checklist(
    "data_quality",
    "What is wrong with the data that the network learned from, and with the rows that it was measured on?",
    (
        missing_values, missing_patterns, exact_duplicates, conflicting_labels, train_test_overlap, near_duplicates,
        imbalance, identifiers, ignored_columns, leaking_columns, groups_across_parts, time_across_parts,
        misspelt_categories, unit_mixups, broken_encodings, uniform_pictures, dark_pictures, odd_sizes,
        blurred_pictures, outliers, label_errors, scores_across_parts,
    ),
    REMEDIES,
    (
        "Broder, 1997: On the resemblance and containment of documents",
        "Zauner, 2010: Implementation and benchmarking of perceptual image hash functions",
        "Kaufman, Rosset, Perlich and Stitelman, 2012: Leakage in data mining",
        "Hill, 1975: A simple general approach to inference about the tail of a distribution",
        "Ramaswamy, Rastogi and Shim, 2000: Efficient algorithms for mining outliers from large data sets",
        "Damerau, 1964: A technique for computer detection and correction of spelling errors",
        "Northcutt, Jiang and Chuang, 2021: Confident learning",
        "Newcombe, 1998: Interval estimation for the difference between independent proportions",
        "Menon et al., 2021: Long-tail learning via logit adjustment",
        "Lin et al., 2017: Focal loss for dense object detection",
    ),
    criterion={"binary": "roc_auc", "multiclass": "accuracy", "multilabel": "roc_auc", "regression": "rmse"},
)  # fmt: skip
