"""Gaps between groups on Adult before and after ``vouch fix``, on the official test rows.

    python benchmarks/fair.py sex both
    python benchmarks/fair.py sex --remedy shift_thresholds_by_group

"sex" asks for demographic parity of the sexes at no more than two points of accuracy, "both" for equalised odds of
sex and race together. Remedies and strengths are chosen on rows of the training file; each run prints the claim, the
price and how many seconds it took.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from quality import ADULT, DATA

import vouch

# Sensitive columns and criterion.
PLANS = {"sex": (("sex",), "demographic_parity"), "both": (("sex", "race"), "equalized_odds")}


def main() -> None:
    """Fit, fix, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=sorted(PLANS))
    parser.add_argument("--remedy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the bundles and their reports stay")
    asked = parser.parse_args()
    for name in asked.names:
        with tempfile.TemporaryDirectory() as folder:
            measured(name, (asked.keep or Path(folder)) / f"{name}.vouch", asked.remedy, asked.seed)


def measured(name: str, place: Path, remedy: str | None, seed: int) -> None:
    """One proof, printed line by line."""
    sensitive, criterion = PLANS[name]
    train, test = (DATA / f"adult/adult-{part}.csv.gz" for part in ("train", "test"))
    vouch.fit(train, "income", test=test, columns=ADULT, sensitive=sensitive, seed=seed, out=place)
    started = time.perf_counter()
    proof = vouch.fix(place, "fairness", criterion=criterion, remedy=remedy)
    seconds = time.perf_counter() - started
    print(f"{name}: {proof.headline} [{seconds:.0f} s]", flush=True)
    after = {one.name: one for one in proof.after}
    moved = {one.name: one for one in (*proof.differences, *proof.price)}
    for one in proof.before:
        then, by = after[one.name], moved[one.name]
        print(
            f"  {one.name:<40} {one.value:.4f} [{one.low:.4f}, {one.high:.4f}] -> {then.value:.4f} "
            f"[{then.low:.4f}, {then.high:.4f}]  {by.value:+.4f} [{by.low:+.4f}, {by.high:+.4f}] {by.verdict}"
        )
    for one in proof.trials:
        mark = "*" if one.chosen else " "
        print(f"  {mark} {one.remedy} {one.strength}: {one.score:.4f} ± {one.error:.4f}, {one.main:.4f} {one.why}")
    print("\n".join(f"  {note}" for note in proof.notes))


if __name__ == "__main__":
    main()
