"""Find the data of a bundle again, and make the case that challenges are asked about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vouch import store
from vouch.api.casing import LiveCase, Means
from vouch.api.predicting import Bundle, as_bundle, device_of, load
from vouch.api.preparing import fingerprint_of
from vouch.api.training import silent
from vouch.auditing import Clock
from vouch.contracts.bundle import Look
from vouch.contracts.dataset import Dataset
from vouch.contracts.options import AuditOptions, FixOptions
from vouch.contracts.proof import Audit
from vouch.data.clean import clean
from vouch.data.join import join_test
from vouch.data.read import read
from vouch.errors import DataError, DataNotFoundError, TargetError, TooFewRowsError, UsageError
from vouch.report import pages

_FEWEST_SEALED = 5
_TEST_DATA = "TEST_DATA"


def as_it_stands(bundle: Bundle | str | Path) -> Bundle:
    """A bundle with the audit, and the looks at its sealed rows, that were gathered since it was made or loaded.

    Raises:
        BundleError: its folder is damaged, or of a later version.
    """
    if not isinstance(bundle, Bundle):
        return load(bundle)
    if bundle.place is None and bundle.later:
        kept = bundle.later[-1]
    elif bundle.place is None or not bundle.place.exists():
        return bundle
    else:
        kept = load(bundle.place)
    if (kept.run, kept.recipe, kept.treatments) != (bundle.run, bundle.recipe, bundle.treatments):
        return bundle
    gathered = replace(bundle, audit=kept.audit, looks=kept.looks, out_of_fold=kept.out_of_fold)
    return as_bundle(gathered).known(bundle.place, bundle.at_hand, bundle.later)


def keep(model: Bundle, case: LiveCase, audit: Audit, look: Look | None) -> Bundle:
    """The bundle with what a verb has found: written to its folder, or remembered by the one in memory.

    Args:
        model: as it stood.
        case: what the verb was asked about, with predictions that were paid for.
        audit: findings and proofs, the earlier ones too.
        look: at the sealed rows; none where nobody looked.
    """
    looks = (*model.looks, look) if look else model.looks
    fresh = as_bundle(replace(model, audit=audit, looks=looks, out_of_fold=case.folds_frame))
    fresh.known(model.place, (case.raw, case.dataset), model.later)
    if model.place is not None:
        store.save(fresh, model.place, pages(fresh))
        case.means.kept.end()
    elif model.later is not None:
        model.later[:] = [fresh]
    return fresh


def case_of(bundle: Bundle, options: AuditOptions | FixOptions, clock: Clock, thresholds: Any = None) -> LiveCase:
    """The case of a bundle: its data is looked for where it was, or where the options say.

    Raises:
        DataError: the data is not there, is other data, or is too little to measure anything on.
    """
    device_of(options.get("device", "auto"))
    raw, canonical = bundle.at_hand or _read_again(bundle, options)
    _check(bundle, canonical)
    kept = store.Kept.beside(bundle.place)
    means = Means(kept, options.get("device", "auto"), thresholds or {}, options.get("progress", silent))
    return LiveCase(bundle, raw, canonical, clock, means)


def training_data(bundle: Bundle) -> Dataset | None:
    """The canonical data that a bundle was fitted on; none where it is not at hand, or has changed since."""
    if bundle.at_hand is not None:
        return bundle.at_hand[1]
    try:
        return _read_again(bundle, {})[1]
    except DataError:
        return None


def sources(bundle: Bundle) -> list[str]:
    """Where the data of a bundle was read from."""
    asked = dict(bundle.run.asked)
    return [bundle.run.source, *([asked["--test"]] if "--test" in asked else [])]


def _read_again(bundle: Bundle, options: AuditOptions | FixOptions) -> tuple[Dataset, Dataset]:
    """The data as it was read, and canonical under the bundle's schema."""
    asked = dict(bundle.run.asked)
    columns = asked["--columns"].split(",") if "--columns" in asked else None
    raw = _read(options.get("data"), bundle.run.source, "--data", columns)
    if options.get("test") is not None and "--test" not in asked:
        raise UsageError(
            "the bundle was fitted without test data", where="--test", received=str(options.get("test"))[:80],
            next_step="Leave --test out; the sealed rows are in the data.",
        )  # fmt: skip
    if "--test" in asked:
        raw = join_test(raw, _read(options.get("test"), asked["--test"], "--test", columns), bundle.schema.target.name)
    canonical = clean(raw, bundle.schema)
    if fingerprint_of(canonical) != bundle.run.fingerprint:
        raise DataError(
            "this is not the data that the bundle was fitted on", where=raw.source,
            expected=f"fingerprint {bundle.run.fingerprint[:12]}", received=fingerprint_of(canonical)[:12],
            next_step="Give the same file as to 'vouch fit'; if it has changed since, fit again.",
        )  # fmt: skip
    return raw, canonical


def _read(given: object, source: str, option: str, columns: list[str] | None) -> Dataset:
    """What was given, or else what the bundle names as its source."""
    if given is not None:
        return read(given, columns=columns)
    needed = DataNotFoundError(
        "a bundle does not hold the data that it was fitted on, and the data is not where it was",
        where=source, next_step=f"Give it: {option} DATA.",
    )  # fmt: skip
    if source == _TEST_DATA or not _is_there(source):
        raise needed
    try:
        return read(source, columns=columns)
    except DataNotFoundError as error:
        raise needed from error


def _is_there(source: str) -> bool:
    """Whether a source names a path or a glob; frames and arrays have no place to be read from again."""
    try:
        return any(mark in source for mark in "*?[") or Path(source).exists()
    except (OSError, ValueError):
        return False


def _check(bundle: Bundle, canonical: Dataset) -> None:
    """Refuse what nothing can be measured on."""
    sealed = bundle.split.test
    if len(sealed) < _FEWEST_SEALED:
        raise TooFewRowsError(
            "there are too few sealed rows to audit anything", where=canonical.source,
            expected=f"at least {_FEWEST_SEALED}", received=str(len(sealed)),
            next_step="Fit on more rows, or with a larger --set test_fraction.",
        )  # fmt: skip
    if bundle.schema.task in ("binary", "multiclass"):
        truth = bundle.task.truth(canonical.frame[bundle.schema.target.name][sealed])
        if len(np.unique(truth)) < 2:
            raise TargetError(
                "the sealed rows hold one class only, so nothing can be measured on them", where=canonical.source,
                received=str(bundle.task.classes[int(truth[0])]),
                next_step="Fit again with test rows of every class.",
            )  # fmt: skip
