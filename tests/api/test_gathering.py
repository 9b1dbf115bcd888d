"""What verbs have found is remembered, in a folder or in memory alone, and so are the looks at the sealed rows."""

from __future__ import annotations

from pathlib import Path

import pytest

import vouch
from helpers import FAST, rows


@pytest.mark.parametrize("folder", [False, True], ids=["in memory", "in a folder"])
def test_each_proof_on_the_same_rows_counts_the_ones_before(tmp_path: Path, folder: bool) -> None:
    bundle = vouch.fit(rows(200), "y", settings=FAST, out=tmp_path / "a.vouch" if folder else None)
    proofs = [vouch.fix(bundle, "calibration") for _ in range(3)]
    looked = [proof.look for proof in proofs if proof.after]
    assert looked == list(range(1, 1 + len(looked)))
    assert len(looked) >= 2
    assert [proof.differences[0].level for proof in proofs if proof.after][1] == pytest.approx(0.975)


def test_a_bundle_in_memory_remembers_its_audit_and_is_itself_left_alone() -> None:
    bundle = vouch.fit(rows(200), "y", settings=FAST)
    looks = bundle.looks
    vouch.audit(bundle, only=["calibration"])
    proof = vouch.fix(bundle, "calibration")
    assert bundle.looks == looks
    assert bundle.audit is None
    again = vouch.audit(bundle, only=["calibration"])
    assert [one.challenge for one in again.proofs] == [proof.challenge]
