"""The figures of an audit: those of its checks, of its proofs, and the trade-off over all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from vouch.contracts.bundle import BundleValue
from vouch.contracts.finding import Figure
from vouch.report.figures.tradeoff import letter, trade_offs

_MOST_OF_ONE = 4


@dataclass(frozen=True, slots=True)
class Audited:
    """Every figure of an audit, under a name that no other figure of the page has.

    Args:
        checks: by the number of the finding and of the check in it.
        proofs: by the number of the proof.
        trade_offs: over all proofs.
    """

    checks: Mapping[tuple[int, int], tuple[Figure, ...]] = field(default_factory=dict)
    proofs: Mapping[int, tuple[Figure, ...]] = field(default_factory=dict)
    trade_offs: tuple[Figure, ...] = ()

    def __iter__(self) -> Iterator[Figure]:
        for some in (*self.checks.values(), *self.proofs.values(), self.trade_offs):
            yield from some


def audited(bundle: BundleValue, others: Iterable[str] = ()) -> Audited:
    """The figures of the bundle's audit, named by challenge and check; none before an audit.

    Args:
        bundle: with its audit.
        others: names that other figures of the page have.
    """
    audit = bundle.audit
    if audit is None:
        return Audited()
    taken = set(others)
    checks = {
        (i, j): tuple(_named(f"{one.challenge}_{check.name}", drawn, taken) for drawn in check.figures[:_MOST_OF_ONE])
        for i, one in enumerate(audit.findings)
        for j, check in enumerate(one.checks)
    }
    proofs = {
        i: tuple(_named(f"proof_{letter(i)}", drawn, taken) for drawn in proof.figures[:_MOST_OF_ONE])
        for i, proof in enumerate(audit.proofs)
    }
    return Audited(checks, proofs, tuple(_named("audit", one, taken) for one in trade_offs(bundle)))


def _named(prefix: str, figure: Figure, taken: set[str]) -> Figure:
    """The same figure under a name of its own, which is fit to be an identifier."""
    plain = f"{prefix}_{figure.name}" if figure.name != prefix else prefix
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", plain)[:120] or "figure"
    name, more = plain, 1
    while name in taken:
        more += 1
        name = f"{plain}_{more}"
    taken.add(name)
    return replace(figure, name=name)
