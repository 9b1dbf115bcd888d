"""The audit on the page: all there, escaped, small, typed right, and on one screen."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from report import audits
from report.bundles import bundle
from report.test_pages import Page
from vouch.contracts.bundle import BundleValue, Conformal
from vouch.contracts.finding import SEVERITY, Finding
from vouch.contracts.proof import Audit, Trial
from vouch.report import pages, report_of
from vouch.report.figures.tradeoff import trade_offs

MADE = {
    "three": lambda: audits.audited(),
    "eleven": lambda: audits.audited("multiclass", 11),
    "attacked": audits.attacked,
    "endless": audits.endless,
}


@cache
def texts(name: str) -> dict[str, str]:
    return pages(MADE[name]())


@cache
def shown(name: str) -> Page:
    return Page(texts(name)["report.html"])


def words(page: str) -> str:
    """What a reader sees, with a space where a tag is."""
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


def said(name: str) -> str:
    return words(texts(name)["report.html"])


def nothing_proved() -> BundleValue:
    """A network for which no remedy helped, and that was not audited."""
    tried = (Trial("nothing", "", 0.4, 0.0, 0.8, 0.0), Trial("raise_dropout", "0.6", 0.5, 0.01, 0.7, 2.0))
    proof = replace(
        audits.proof("no evidence"), remedy="nothing", strength="", before=(), after=(), differences=(), price=(),
        seeds=(), trials=tried, headline="None of 1 remedies was better; the sealed rows were not looked at.",
    )  # fmt: skip
    return replace(bundle("binary"), audit=Audit(proofs=(proof,)))


def test_every_verdict_is_a_word_and_not_only_a_colour() -> None:
    told = texts("three")["report.html"]
    for verdict in (*SEVERITY, "better", "worse", "no evidence"):
        assert re.search(rf'<span class="badge[^>]*><span aria-hidden="true">.</span> {verdict}</span>', told), verdict


def test_the_scorecard_says_verdict_headline_checks_and_time_of_each_challenge() -> None:
    told = said("eleven")
    assert "11 challenges: 3 fail, 2 inconclusive, 2 warn, 2 pass, 2 not applicable." in told
    for name in audits.CHALLENGES:
        assert name.replace("_", " ").capitalize() in told
    assert "1 fail, 3 pass, 1 not applicable 34.2 s" in told


def test_a_figure_stands_beside_its_interval_its_rows_and_its_threshold() -> None:
    told = said("three")
    assert "0.031 [0.020, 0.050], warns from 0.020, fails from 0.050; test rows, n = 1,409" in told
    assert "p < 0.001, corrected for all tests of the audit: 0.007" in told
    assert "Noise: yes to no 0.080 [0.050, 0.110] out-of-fold predictions, n = 390" in told
    assert "18 checks came with a p-value" in told
    assert "Thresholds set by the user: data_quality.label_errors.warn = 0.020." in told


def test_suspected_rows_are_the_first_ten_with_the_command_for_all() -> None:
    told = said("three")
    assert "109 0.978 no, looks like yes" in told
    assert "110 0.975" not in told
    assert "10 of 312 are shown." in told
    assert "vouch audit MODEL.vouch --export-rows rows.csv" in told


def test_a_check_that_passed_has_one_line_and_its_figures_are_folded_away() -> None:
    page = shown("three")
    assert sum(tag == "details" for tag, _ in page.tags) >= 3
    assert "Figures, intervals and levels of the 4 checks that passed" in page.text


def test_a_proof_has_claim_price_rows_seeds_choice_and_meaning() -> None:
    told = said("three")
    for part in (
        "The claim Log-loss lower is better 0.412 [0.392, 0.432] 0.388 [0.368, 0.408] −0.024 −0.033 to −0.015",
        "The price: every other figure ROC-AUC higher is better",
        "scored on the same 1,409 sealed rows, which chose neither.",
        "Each was trained 3 times, with the seeds 0, 1 and 2",
        "It is the first proof on these sealed rows",
        "It is proof number 2 on these sealed rows.",
        "widened from 95 % to 97.5 %, and p must be at most 0.025",
        "A3 ● prune label errors (1.0) chosen",
        "“Worse” means",
        "Not tried, for no time was left for them: raise_dropout 0.3, raise_dropout 0.5.",
    ):
        assert part in told, part


def test_the_trade_off_has_a_point_for_every_trial_and_every_proof() -> None:
    (found,) = trade_offs(audits.audited())
    labels = [row["label"] for row in found.spec["data"]["values"]]
    assert sorted(labels) == ["A", "A1", "A2", "A3", "A4", "B", "B1", "B2", "B3", "B4"]
    proved = next(row for row in found.spec["data"]["values"] if row["label"] == "A")
    assert (proved["x"], proved["y"]) == (pytest.approx(-0.024), pytest.approx(0.011))
    assert proved["x_low"] < proved["x"] < proved["x_high"]
    assert "Of 8 remedies and strengths tried, 6 made log-loss better" in found.says


def test_figures_of_the_audit_are_in_the_data_under_challenge_and_check() -> None:
    found = json.loads(texts("three")["figures.json"])
    assert {"overfitting_overfitting_check_curve", "overfitting_asked_pass_curve", "audit_trade_off_log_loss"} <= set(
        found
    )


@pytest.mark.parametrize("name", MADE)
def test_links_stay_on_the_page_and_lead_somewhere(name: str) -> None:
    page = shown(name)
    places = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(places) == len(set(places))
    links = {attributes.get("href") or "" for tag, attributes in page.tags if tag == "a"}
    assert links
    assert links <= {f"#{place}" for place in places}


@pytest.mark.parametrize("name", ["attacked", "endless"])
def test_words_from_the_data_stay_words(name: str) -> None:
    page, found = shown(name), texts(name)
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"script", "iframe", "object", "embed", "link", "form", "img", "image", "foreignobject", "template"}
    )
    assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on") or key == "style"]
    assert not set("\u202e\x00") & set(found["report.html"] + found["card.md"])
    body = found["card.md"].partition("\n---\n")[2]
    assert "\n# heading" not in body
    assert not re.search(r"(?<!\\)<(script|img)|(?<!\\)\]\(", re.sub(r"```.*?```", "", body, flags=re.DOTALL))


def test_a_figure_that_asks_for_data_from_elsewhere_is_not_drawn() -> None:
    found = texts("attacked")
    assert "127.0.0.1" not in found["report.html"] + found["figures.json"]
    assert "_away-title" not in found["report.html"]
    assert "_broken-title" not in found["report.html"]
    assert "3 figures not drawn here, in audit.json." in said("attacked")
    assert not any(name.endswith(("_away", "_odd")) for name in json.loads(found["figures.json"]))


@pytest.mark.parametrize("name", MADE)
def test_commands_are_words_that_a_shell_takes_as_they_are(name: str) -> None:
    typed = re.findall(r"<code>(vouch (?:fix|audit) .*?)</code>", texts(name)["report.html"])
    assert typed
    for line in typed:
        parts = shlex.split(Page(line).text)
        assert parts[2] == "MODEL.vouch"
        assert len(parts) in (4, 5, 6)
        assert len(parts) == 4 or parts[-2] in ("--remedy", "--export-rows")


def test_the_commands_of_a_remedy_name_it() -> None:
    assert "vouch fix MODEL.vouch data_quality --remedy prune_label_errors" in said("three")
    assert "--remedy 'it's; rm" not in shown("attacked").text
    assert """--remedy 'it'"'"'s; rm -rf /'""" in shown("attacked").text


@pytest.mark.parametrize("name", MADE)
def test_the_page_stays_under_a_megabyte_whatever_the_audit_holds(name: str) -> None:
    found = texts(name)
    assert len(found["report.html"].encode()) < 1_000_000
    assert len(found["figures.json"].encode()) < 1_000_000
    assert len(found["card.md"].encode()) < 100_000


def test_what_does_not_fit_is_counted() -> None:
    told = said("endless")
    assert re.search(r"And \d+ more checks, in audit\.json", told)
    assert "And 10 more challenges, in audit.json" in told
    assert "And 30 more proofs, in audit.json" in told
    assert "And 875 more trials, in audit.json" in told
    assert "And 30 more tables, in audit.json" in told or "And 26 more tables, in audit.json" in told
    assert "10 of 10,000 are shown." in told


def test_the_same_audit_gives_the_same_texts() -> None:
    assert pages(MADE["three"]()) == texts("three")
    assert report_of(MADE["three"]()) == texts("three")["report.html"]


def test_before_an_audit_the_page_has_none() -> None:
    made = report_of(bundle("binary"))
    assert not {"a", "nav", "details"} & {tag for tag, _ in Page(made).tags}
    assert "how it stands up to altered inputs and why it decides as it does was not measured here." in words(made)


def test_limits_stay_true_after_an_audit() -> None:
    assert "All figures rest" not in shown("three").text
    told = said("eleven")
    assert "How it treats groups of people and why it decides as it does was not measured here, beyond what" in told
    assert "it is no proof that there is none" in told
    assert re.search(r"\d checks of the audit could not tell", told)


def test_a_network_for_which_nothing_helped_says_so() -> None:
    told = words(report_of(nothing_proved()))
    assert "None was shown to be better than doing nothing." in told
    assert "The sealed rows were not looked at." in told
    assert "This network was not audited since it was made." in told


def test_treatments_recalibration_and_promises_are_on_the_page_and_on_the_card() -> None:
    for told in (said("three"), texts("three")["card.md"].replace("\\", "")):
        assert "Prune label errors (1.0), for data quality" in told
        assert "recalibrated by temperature scaling" in told
        assert (
            "Of new rows from the same source, at least 90 % have the truth in their set, on average over sets of "
            "calibration rows" in told
        )
        assert "2 training rows had another target" in told


def test_endless_intervals_promise_nothing() -> None:
    made = replace(bundle("regression"), conformal=Conformal("absolute_residual", 0.9, (float("inf"),), 5))
    assert "5 rows were too few" in words(report_of(made))


def test_the_card_has_every_verdict_and_every_proof() -> None:
    card = texts("eleven")["card.md"]
    assert "## Audit" in card
    assert card.count("| fail |") == 3
    assert "- better, for data quality: Prune label errors" in card


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    place = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if place is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_api.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=place, args=["--no-sandbox"])
        yield opened
        opened.close()


def opened(browser: Any, folder: Path, name: str, width: int, height: int) -> Any:
    file = folder / f"{name}.html"
    file.write_text(texts(name)["report.html"], encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(file.as_uri())
    return page


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "width", "height"), [("three", 1100, 800), ("three", 390, 844), ("eleven", 1100, 800)]
)
def test_the_scorecard_fits_one_screen(browser: Any, tmp_path: Path, name: str, width: int, height: int) -> None:
    page = opened(browser, tmp_path, name, width, height)
    box = page.locator("#audit").bounding_box()
    page.close()
    assert box["height"] <= height
    # With few challenges it is on the first screen, under the page's own heading.
    assert name == "eleven" or box["y"] + box["height"] <= height


@pytest.mark.browser
@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("width", [390, 1100])
def test_the_page_is_never_wider_than_the_screen(browser: Any, tmp_path: Path, name: str, width: int) -> None:
    page = opened(browser, tmp_path, name, width, 844)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert wide <= width


@pytest.mark.browser
def test_what_is_folded_away_is_printed(browser: Any, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, "three", 1100, 800)
    page.emulate_media(media="print")
    inside = page.locator("details:not([open]) > :not(summary)").first
    box = inside.bounding_box()
    page.close()
    assert box is not None
    assert box["height"] > 20


def test_a_finding_without_checks_has_its_section() -> None:
    made = replace(bundle("binary"), audit=Audit((Finding("drift", "not applicable", "It has no time."),)))
    told = words(report_of(made))
    assert "1 challenge: 1 not applicable." in told
    assert told.count("It has no time.") == 2
