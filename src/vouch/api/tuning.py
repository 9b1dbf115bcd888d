"""The verb that searches for better settings, and proves what they are worth."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Unpack

from vouch import store
from vouch.api.concluding import concluded
from vouch.api.deciding import decided, looks_with
from vouch.api.predicting import Bundle
from vouch.api.questing import check, place_of, quest_of
from vouch.api.searching import searched
from vouch.api.workers import Orders, check_workers, crew_of
from vouch.contracts.options import TuneOptions
from vouch.report import pages
from vouch.training.leash import end_with_caller
from vouch.training.search import attempts, explore
from vouch.training.studies import Place, check_place, kept_recipe, opened


def tune(data: object, target: str | None = None, **options: Unpack[TuneOptions]) -> Bundle:
    """Search for settings that are better than the default ones, and prove on the sealed rows what they are worth.

    The default recipe is tried first; others are drawn by a tree-structured Parzen estimator (Bergstra and others,
    2011), and stopped early when they do not keep up (successive halving: Li and others, 2020). Every attempt trains
    on the training rows and is judged on the validation rows. The best few are trained again with other seeds, and so
    is the default; the best mean is kept, and held against the default on the sealed rows.

    Args:
        data: whatever ``fit`` reads.
        target: the column to predict; may be left out when the data itself says it (class folders).
        options: see :class:`vouch.contracts.options.TuneOptions`.

    Returns:
        The bundle of the best recipe, with the proof in ``bundle.audit`` and every attempt in ``bundle.search``.

    Raises:
        VouchError: the data, the options or the storage are not usable, or every attempt failed.

    Example:
        >>> import vouch
        >>> rows = {"size": [float(i) for i in range(60)], "large": ["no"] * 30 + ["yes"] * 30}
        >>> bundle = vouch.tune(rows, "large", trials=2, settings={"epochs": 1})
        >>> bundle.search.attempts[0].default
        True
    """
    started = time.monotonic()
    check(options)
    check_workers(data, options)
    with TemporaryDirectory(prefix="vouch-") as folder:
        place, again = place_of(options, Path(folder)), options.get("resume", False)
        check_place(place, resume=again)
        quest = quest_of(data, target, options, place, started)
        crew = crew_of(data, options, quest)
        with opened(quest.place, quest.identity, resume=again) as study:
            quest = quest.kept(kept_recipe(study))
            held = searched(study, quest, crew)
            every = attempts(study)
            decision = decided(quest, every)
            looks = looks_with(study, decision)
    bundle = concluded(quest, decision, every, held, (looks, crew.complaints))
    out = None if options.get("out") is None else store.save(bundle, Path(str(options.get("out"))), pages(bundle))
    quest.told("done", seconds=round(time.monotonic() - started, 1))
    return bundle.known(out, (quest.raw, quest.ready.dataset))


def assist(data: object, target: str | None, orders: str | Path, **options: Unpack[TuneOptions]) -> None:
    """Search beside another process, which has written down what is to be done.

    Args:
        data: as that process was given it.
        target: the column to predict.
        orders: the file in which it says so.
        options: those that concern the data and the device.

    Raises:
        VouchError: the orders, the data or the storage are not usable.
    """
    end_with_caller()
    started, told = time.monotonic(), Orders.read(Path(orders))
    fixed = {key: told.recipe[key] for key in told.fixed}
    options |= TuneOptions(recipe=told.recipe, settings=fixed, trials=1, resume=True)
    quest = quest_of(data, target, options, Place(told.name, told.storage), started)
    with opened(quest.place, quest.identity, resume=True) as study:
        explore(study, quest.kept(kept_recipe(study)).field, told.limits, lambda _, __: None)
