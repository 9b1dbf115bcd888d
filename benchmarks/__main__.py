"""``make bench``: every measurement, or the one that is named.

python -m benchmarks              # all, hours on two cores
python -m benchmarks adult        # one data set
python -m benchmarks epoch        # one measurement of speed
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PLAN = {
    "floor": ("floor.py", "mlp-1e3", "mlp-1e5", "resnet", "transformer"),
    "epoch": ("floor.py", "ensemble-1e3", "ensemble-3e4", "ensemble-3e5"),
    "peers": ("peers",),
    "folds": ("folds.py",),
    "memory": ("memory.py",),
    "resume": ("resume.py",),
    "workers": ("workers.py", "adult", "news", "fashion", "--kill"),
    "start": ("speed.py", "start"),
    "csv": ("speed.py", "csv"),
    "explaining": ("explaining.py",),
    "planted": ("planted.py",),
    "interactive": ("interactive.py",),
    "large": ("large.py", "csv", "parquet"),
    "large-pictures": ("large.py", "pictures", "--rows", "1e4", "1e5", "1e6"),
    "parts": ("parts.py",),
    "coverage": ("intervals.py",),
    "plants": ("plants",),
    "labels": ("labels.py",),
    "cleaned": ("cleaned.py",),
    "trust": ("trust.py", "--fits", "5"),
    "scaling": ("trust.py", "fashion"),
    "overconfident": ("trust.py", "adult", "telco", "news", "--overconfident"),
    "forecast-adult": ("forecast.py", "adult"),
    "forecast-fashion": ("forecast.py", "fashion"),
    "small-fashion": ("small.py", "fashion"),
    "small-adult": ("small.py", "adult"),
    "small-telco": ("small.py", "telco"),
    "plain-fashion": ("small.py", "fashion", "--plain"),
    "plain-adult": ("small.py", "adult", "--plain"),
    "plain-telco": ("small.py", "telco", "--plain"),
    "small-california": ("small.py", "california"),
    "small-salaries": ("small.py", "salaries"),
    "loop-telco": ("loop.py", "telco", "--fix", "calibration", "data_quality", "overfitting"),
    "loop-clothing": ("loop.py", "clothing", "--budget", "90s", "--fix", "calibration", "data_quality", "overfitting"),
    "loop-noisy": ("loop.py", "noisy", "--fix", "calibration", "data_quality", "overfitting"),
    "fair-adult": ("fair.py", "sex", "both"),
    "selfsup": ("selfsup.py", "--unlabelled", "--pictures", "55000", "--set", "epochs=10"),
    "transfer": ("transfer.py",),
    "ratio-adult": ("loop.py", "adult"),
    "ratio-fashion": ("loop.py", "fashion"),
    "ratio-news": ("loop.py", "news"),
    "adult": ("quality.py", "adult", "--seeds", "0", "1", "2"),
    "adult20": ("quality.py", "adult", "--seeds", "0", "1", "2", "--budget", "20m"),
    "california": ("quality.py", "california", "--seeds", "0", "1", "2"),
    "telco": ("quality.py", "telco", "--seeds", "0", "1"),
    "tune-adult": ("tune.py", "adult", "--budget", "20m"),
    "tune-california": ("tune.py", "california", "--budget", "20m"),
    "tune-telco": ("tune.py", "telco", "--budget", "20m", "--fits", "3"),
    "salaries": ("quality.py", "salaries"),
    "sms": ("quality.py", "sms", "--seeds", "0", "1", "2", "3", "4", "5"),
    "news": ("quality.py", "news", "--seeds", "0", "1", "2"),
    "clothing": ("quality.py", "clothing"),
    "fashion": ("quality.py", "fashion"),
    "fashion40": ("quality.py", "fashion", "--budget", "40m"),
}


def main(names: list[str]) -> int:
    """Run the named measurements in processes of their own, or all of them."""
    unknown = [name for name in names if name not in PLAN]
    if unknown:
        print(f"there is no measurement {unknown}; there is: {', '.join(PLAN)}", file=sys.stderr)
        return 2
    for name in names or PLAN:
        script, *arguments = PLAN[name]
        print(f"== {name}", flush=True)
        # A measurement of several files imports them as a package.
        run = ["-m", f"benchmarks.{script}"] if (HERE / script).is_dir() else [str(HERE / script)]
        subprocess.run([sys.executable, *run, *arguments], check=True, cwd=HERE.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
