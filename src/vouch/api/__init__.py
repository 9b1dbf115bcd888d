"""The verbs; the only package that knows every station."""

from vouch.api.auditing import audit, audited, suspect_rows
from vouch.api.explained import check_explained, explained_facts, explained_table, write_explained
from vouch.api.explaining import explain, explain_with_notes
from vouch.api.fitting import fit, recipe, resumable
from vouch.api.fixing import Proven, fix
from vouch.api.gathering import sources
from vouch.api.labelling import label, label_with_notes
from vouch.api.outputs import check_apart, check_table, check_text, write_table, write_text
from vouch.api.predicting import Bundle, load, predict, predict_with_notes
from vouch.api.pretraining import pretrain
from vouch.api.tuning import assist, tune
from vouch.auditing import is_met, junit
from vouch.report import report_of

__all__ = [
    "Bundle",
    "Proven",
    "assist",
    "audit",
    "audited",
    "check_apart",
    "check_explained",
    "check_table",
    "check_text",
    "explain",
    "explain_with_notes",
    "explained_facts",
    "explained_table",
    "fit",
    "fix",
    "is_met",
    "junit",
    "label",
    "label_with_notes",
    "load",
    "predict",
    "predict_with_notes",
    "pretrain",
    "recipe",
    "report_of",
    "resumable",
    "sources",
    "suspect_rows",
    "tune",
    "write_explained",
    "write_table",
    "write_text",
]
