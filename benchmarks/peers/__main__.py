"""Vouch's training time over that of Lightning, Keras (on torch) and skorch: same net, rows, epochs and optimiser.

    python -m benchmarks.peers
    python -m benchmarks.peers table-1e3 --only lightning --rounds 9

Each peer is installed into an environment of its own under ``--cache``, with the torch that Vouch is tested with; pip
looks for it where pip is told to look. All train in processes of their own, one after the other, in an order that turns
from round to round. What is timed begins after a first epoch and ends after the last one, the validation loss of each
epoch included. Nobody may do less: the numbers of weights and of steps must agree, and the final loss must be alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.peers.work import Report, read_report

ROOT = Path(__file__).resolve().parents[2]
TORCH = "torch==2.13.0"
PEERS = {"lightning": "lightning==2.6.6", "keras": "keras==3.15.1", "skorch": "skorch==1.4.0"}
ROUNDS = 5
# Nets that begin with other weights and see the rows in another order end near each other, not at the same point.
LOOSE, LEAST = 0.3, 0.05


def main() -> int:
    """Install what is missing, measure what is named, and print the ratios."""
    from benchmarks.peers.arrays import SETS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="SET", help=", ".join(SETS))
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--rows", type=int, help="rows that train, where they are to be other than by default")
    parser.add_argument("--fused", action="store_true", help="the peers' AdamW in one kernel too, where it can be")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "vouch-peers")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in SETS]:
        parser.error(f"there is no {unknown}; there is: {', '.join(SETS)}")
    pythons = {"vouch": Path(sys.executable), **{peer: environment(asked.cache, peer) for peer in asked.only}}
    agreed = True
    for name in asked.names or SETS:
        with tempfile.TemporaryDirectory() as folder:
            work, arrays = SETS[name](asked.rows)
            replace(work, fused=asked.fused).write(Path(folder), arrays)
            rounds = [run_all(turned(pythons, i), Path(folder)) for i in range(asked.rounds)]
        for line in lines(name, rounds):
            print(line, flush=True)
        agreed = agreed and not any(differences(reports) for reports in rounds)
    return 0 if agreed else 1


def environment(cache: Path, peer: str) -> Path:
    """The Python of the peer's environment, made when it is not there."""
    home = cache / peer
    python, stamp = home / "bin" / "python", home / "installed.txt"
    wanted = f"{TORCH}\n{PEERS[peer]}\n"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {PEERS[peer]} in {home}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", TORCH, PEERS[peer]], check=True)
        stamp.write_text(wanted)
    return python


def turned(pythons: Mapping[str, Path], number: int) -> dict[str, Path]:
    """The same in another order: each begins once, then each once with the others backwards."""
    names = list(pythons)
    shift = number % len(names)
    order = names[shift:] + names[:shift]
    return {name: pythons[name] for name in (order[::-1] if number // len(names) % 2 else order)}


def run_all(pythons: Mapping[str, Path], folder: Path) -> dict[str, Report]:
    """One round: everybody does the work, one after the other."""
    return {name: run(name, python, folder) for name, python in pythons.items()}


def run(name: str, python: Path, folder: Path) -> Report:
    """One peer's work in a process of its own."""
    command = [str(python), "-m", f"benchmarks.peers.with_{name}", str(folder)]
    told = {**os.environ, "KERAS_BACKEND": "torch"}
    ran = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"{name} did not do its work:\n{ran.stderr}")
    return read_report(ran.stdout)


def lines(name: str, rounds: Sequence[Mapping[str, Report]]) -> list[str]:
    """A line for each peer with the median ratio and its spread, and one for each disagreement."""
    said = []
    for peer in (one for one in PEERS if one in rounds[0]):
        ratios = [reports["vouch"].seconds / reports[peer].seconds for reports in rounds]
        theirs = statistics.median(reports[peer].seconds for reports in rounds)
        spread = f"{min(ratios):.3f} to {max(ratios):.3f} over {len(ratios)} rounds"
        losses = " and ".join(f"{rounds[0][one].loss:.3f}" for one in ("vouch", peer))
        said.append(
            f"{name}: {statistics.median(ratios):.3f} of {rounds[0][peer].version}'s time ({spread}); "
            f"{theirs:.2f} s there, loss {losses}"
        )
    return said + [f"{name}: NOT ALIKE: {one}" for reports in rounds for one in differences(reports)]


def differences(reports: Mapping[str, Report]) -> list[str]:
    """What shows that a peer did not do the work that Vouch did."""
    ours, found = reports["vouch"], []
    for peer, report in reports.items():
        for what in ("parameters", "steps"):
            if getattr(report, what) != getattr(ours, what):
                found.append(f"{peer} has {getattr(report, what)} {what}, vouch {getattr(ours, what)}")
        if abs(report.loss - ours.loss) > max(LEAST, LOOSE * max(report.loss, ours.loss)):
            found.append(f"{peer} ends at a loss of {report.loss:.3f}, vouch at {ours.loss:.3f}")
        if len(report.ends) != len(ours.ends):
            found.append(f"{peer} trained for {len(report.ends)} epochs, vouch for {len(ours.ends)}")
    return found


if __name__ == "__main__":
    sys.exit(main())
