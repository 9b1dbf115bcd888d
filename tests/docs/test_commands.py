"""Every command and Python block that README, tutorial and how-to show is run: small data, few epochs and trainings."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image as Pillow
from sklearn.datasets import load_digits

import vouch
from api.checkpoints import TEXTS, bert
from docs.pages import FEW_TRAININGS, ROOT, Block, blocks, run_as_module
from helpers import rows
from vouch import demo
from vouch.cli import app, main

PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/index.md",
    "docs/tutorial/first-model.md",
    *(f"docs/how-to/{name}.md" for name in ("predict-on-new-data", "use-your-own-split", "train-within-a-budget")),
    "docs/how-to/resume.md",
    "docs/how-to/audit-and-fix.md",
    "docs/how-to/explain.md",
    "docs/how-to/fairness.md",
    "docs/how-to/regularise.md",
    "docs/how-to/large-data.md",
    "docs/how-to/tune.md",
    *(f"docs/how-to/{name}.md" for name in ("choose-an-optimiser", "cross-validate", "log-a-run", "workers")),
    *(f"docs/how-to/{name}.md" for name in ("transfer", "learn-without-labels")),
]
QUICK = {"epochs": 4, "batch_size": 8, "members": 2, "width": 16}
QUICK_SEARCH = ("--trials", "3", *(f"--set={key}={value}" for key, value in QUICK.items()))
OUTSIDE = (". .venv/bin/activate", "pre-commit install")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with every file that the pages name, in which their blocks run quickly."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vouch, "fit", partial(vouch.fit, settings=QUICK))
    monkeypatch.setattr(vouch, "tune", partial(tune, vouch.tune))
    monkeypatch.setattr(*FEW_TRAININGS)
    demo.cancer(Path("demo/data/cancer"))
    shutil.copy("demo/data/cancer/cancer.csv", "cancer.csv")
    for name, seed in (("churn", 0), ("new", 1), ("test", 2), ("next-year", 3)):
        churn(seed).write_csv(f"{name}.csv")
    reviews().write_csv("reviews.csv")
    people().write_csv("adult.csv")
    photos(Path("photos"))
    for levels in blocks("docs/how-to/audit-and-fix.md", "toml"):
        Path(levels.title).write_text(levels.text, encoding="utf-8")
    assert main(quickly(["fit", "churn.csv", "--target", "Churn"])) == 0
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_what_the_page_shows_runs(page: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said, real = "", page == "README.md"  # the figures of cancer that are shown there are real
    for number, block in enumerate(blocks(page, "sh", "python", "text")):
        if page.endswith("resume.md"):
            interrupt()
        if page.endswith("transfer.md") and not number:
            checkpoint()
        if page.endswith("labels.md") and not number:
            half_labelled()
        if block.language == "text":
            check_shown(block, said)
        elif block.language == "python":
            run_as_module(block.text, folder / f"page_{PAGES.index(page)}_{number}.py")
        else:
            said = "".join(run(line, capsys, not real or "cancer" not in line) for line in block.text.splitlines())


@pytest.mark.parametrize("page", PAGES)
def test_what_the_page_shows_for_other_machines_can_be_parsed(page: str) -> None:
    for block in blocks(page, "yaml"):
        for verb, options in re.findall(r"vouch (\w+) (.*)$", block.text, re.MULTILINE):
            app.commands[verb].make_context(verb, shlex.split(options))


def run(line: str, capsys: pytest.CaptureFixture[str], quick: bool) -> str:
    """Run one line of shell and return what it printed."""
    command, _, place = line.split("  #")[0].strip().partition(" > ")
    words = shlex.split(command)
    if not words or command in OUTSIDE:
        return ""
    if words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), f"there is no target {words[1]}"
        return ""
    if words[0] == "cp":
        return str(shutil.copy(*words[1:]))[:0]
    assert words[0] == "vouch", f"the test of the pages does not know how to run: {line}"
    capsys.readouterr()
    given = quickly(words[1:]) if quick and words[1] in ("fit", "pretrain") else words[1:]
    done = main([*given, *QUICK_SEARCH] if words[1] == "tune" else given)
    assert done == 0 or (done == 1 and "--fail-on" in words), line
    out = capsys.readouterr().out
    if place:
        Path(place).write_text(out, encoding="utf-8")
    return out


def check_shown(block: Block, said: str) -> None:
    """Each line of a shown output is one that was printed, whatever the figures; "…" stands for lines left out."""
    printed = {skeleton(line) for line in said.splitlines()}
    for line in block.text.splitlines():
        if line.strip() not in ("", "…"):
            assert skeleton(line) in printed, f"the page shows a line that is not printed: {line}"


def skeleton(line: str) -> str:
    """What a line begins with, up to its first figure or its third word."""
    return " ".join(re.split(r"\d|\[", line.strip())[0].split()[:3])


def quickly(words: list[str]) -> list[str]:
    """The arguments of a training that takes few epochs."""
    # The sizes of a network that starts from another follow from that one.
    sizes = {"width", "members"} if "--from" in words or "--backbone" in words else set()
    return [*words, *(f"--set={key}={value}" for key, value in QUICK.items() if key not in sizes)]


def checkpoint() -> None:
    """A checkpoint from elsewhere, and texts for it."""
    bert(Path("tiny-bert"))
    frame = pl.DataFrame({"text": TEXTS, "rating": ["good" if "opened" in text else "bad" for text in TEXTS]})
    frame.write_csv("reviews.csv")


def half_labelled() -> None:
    """Digits in class folders, and others without a label."""
    shutil.rmtree("photos")
    found = load_digits()
    for number, (picture, digit) in enumerate(zip(found.images[:160], found.target, strict=False)):
        place = Path("photos") if number < 80 else Path("labelled", "odd" if digit % 2 else "even")
        place.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray((picture * 15.9).astype("uint8")).save(place / f"{number}.png")


def tune(plain: Callable[..., vouch.Bundle], data: str, **asked: object) -> vouch.Bundle:
    """A search of three quick attempts, whatever the page asks for."""
    return plain(data, **{**asked, "trials": 3, "settings": QUICK})


def interrupt() -> None:
    """Leave behind what Ctrl-C in mid-training leaves."""

    def stop(event: str, /, **facts: float | int | str | None) -> None:
        if event == "epoch":
            raise KeyboardInterrupt(facts)

    with pytest.raises(KeyboardInterrupt):
        vouch.fit("churn.csv", "Churn", out="churn.vouch", settings=QUICK, progress=stop)


def churn(seed: int) -> pl.DataFrame:
    """Customers who left or stayed, each with two contracts."""
    frame = rows(120, seed).rename({"day": "signed", "y": "Churn"})
    return frame.with_columns(customer=pl.int_range(120) // 2)


def people() -> pl.DataFrame:
    """Who earns more follows from a number and from a group, of which there are two of each kind."""
    rng = np.random.default_rng(0)
    sex, race, skill = rng.choice(["Female", "Male"], 800), rng.choice(["Black", "White"], 800), rng.normal(size=800)
    income = np.where(skill + (sex == "Male") + rng.logistic(size=800) > 0.5, ">50K", "<=50K")
    return pl.DataFrame({"skill": skill, "sex": sex, "race": race, "income": income})


def reviews() -> pl.DataFrame:
    """Short texts, good or bad."""
    rng = np.random.default_rng(0)
    words = {"good": ["fine", "great", "again", "the", "food"], "bad": ["cold", "late", "never", "the", "food"]}
    verdicts = rng.choice(list(words), 100)
    return pl.DataFrame({"text": [" ".join(rng.choice(words[one], 8)) for one in verdicts], "verdict": verdicts})


def photos(folder: Path) -> None:
    """Small pictures in class folders: light above, or light below."""
    rng = np.random.default_rng(0)
    for kind, light in (("above", slice(0, 8)), ("below", slice(8, 16))):
        (folder / kind).mkdir(parents=True)
        for i in range(40):
            pixels = rng.integers(0, 120, (16, 16, 3), dtype=np.uint8)
            pixels[light] += 100
            Pillow.fromarray(pixels).save(folder / kind / f"{i}.png")
