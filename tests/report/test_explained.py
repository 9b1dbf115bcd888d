"""The page of explanations: no script, nothing loaded, every word from the data escaped."""

from __future__ import annotations

import re

import pytest

from vouch.contracts.explaining import Explained, Explanation, Share
from vouch.contracts.finding import Estimate
from vouch.report.explained import bars, explained_page

EVIL = "<script>alert(1)</script>"
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def page() -> str:
    shares = (
        Share(EVIL, EVIL, 0, EVIL, 0.4, 0.01),
        Share("age", "age", 0, "39", -0.2),
        Share("photo[0:4,0:4]", "photo", 0, "", 0.3, box=(0, 0, 4, 4)),
        Share("photo[0:4,4:8]", "photo", 1, "", -0.1, box=(0, 4, 4, 8)),
        Share("note[1] free", "note", 1, "free", 0.25),
        Share("note[0] <b>", "note", 0, "<b>", -0.05),
    )
    cells = ((EVIL, EVIL), ("age", "39"), ("photo", PIXEL), ("note", "<b> free"))
    one = Explanation(3, EVIL, f"probability[{EVIL}]", 0.9, 0.3, shares, "shapley", cells)
    gap = Estimate("insertion_less_deletion", 0.2, 0.1, 0.3, 2)
    return explained_page(Explained((one, one), "shapley", "says", ("a note", EVIL), (gap,)), EVIL)


def test_nothing_from_the_data_is_markup() -> None:
    assert "<script" not in page()
    assert "<b>" not in page().replace("<bdi>", "").replace("<br>", "")


def test_nothing_is_loaded() -> None:
    assert not re.findall(r'(?:src|href)="(?!data:image/png)', page())
    assert "default-src 'none'" in page()


def test_patches_and_words_stand_where_they_belong() -> None:
    found = page()
    assert 'viewBox="0 0 8 4"' in found
    assert re.search(r'<rect class="for" x="0" y="0" width="4" height="4"', found)
    assert found.index("&lt;b&gt;</span>") < found.index("free</span>")


def test_texts_stand_as_in_the_data_and_bars_by_their_size() -> None:
    shares = Share("body[0] second", "body", 0, "second", 0.1), Share("title[0] first", "title", 0, "first", -0.3)
    cells = (("title", "first"), ("body", "second"))
    one = Explanation(0, "yes", "probability[yes]", 0.1, 0.3, shares, "lime", cells)
    found = explained_page(Explained((one,), "lime", "says", (), ()), "why")
    assert found.index("first</span>") < found.index("second</span>")
    told = found[found.rindex(">Contributions<") :]
    assert told.index("-0.3") < told.index("+0.1")


def test_what_is_inside_a_cell_is_one_bar() -> None:
    assert "+0.2<" in page().replace(" ", "")


def test_bars_lie_on_one_scale_and_the_rest_is_joined() -> None:
    found = bars([Share(f"c{k}", f"c{k}", 0, "", value) for k, value in enumerate([0.5, -0.25, *([0.01] * 20)])])
    assert len(found) == 15
    assert found[-1].name == "8 others together"
    assert found[-1].value == "+0.08"
    assert found[0].start + found[0].width == pytest.approx(100, abs=0.02)
    assert found[1].start == 0
    assert not found[1].speaks_for
