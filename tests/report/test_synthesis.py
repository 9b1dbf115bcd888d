"""What a network looks for, on the page: words escaped, pictures that are none left out, and all said in words."""

from __future__ import annotations

from vouch.contracts.explaining import Explained
from vouch.contracts.synthesis import Exciting, Synthesis, Synthesised
from vouch.report.explained import explained_page
from vouch.report.synthesis import panels

EVIL = "<script>alert(1)</script>"
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def seen(of: str = "class", value: float = 2.5) -> Synthesis:
    real = (Exciting(7, EVIL, 3.0, PIXEL), Exciting(9, "", 2.0, EVIL))
    first = Synthesised(of, EVIL, EVIL, PIXEL, value, 0.1, 0.98, real, 0.7 if of == "class" else None)  # type: ignore[arg-type]
    unit = Synthesised("unit", "17", EVIL, PIXEL, 4.0, 0.1, 1.0, real, None, 0.02)
    return Synthesis((first, unit), 128, "the log-odds of a label", 50, True, (EVIL,))


def test_nothing_from_the_data_is_markup() -> None:
    page = explained_page(Explained((), "shapley", "says", (), (), seen()), "name")
    assert "<script" not in page
    assert page.count(PIXEL) == 4
    assert "128 steps" in page
    assert "50 training rows" in page


def test_classes_and_units_stand_apart_with_what_their_numbers_are() -> None:
    (classes, says, _), (stage, _, some) = panels(seen())
    assert (classes, says) == ("Classes", "Numbers: the log-odds of a label.")
    assert "last convolutional stage" in stage
    assert some[0]["title"] == "Unit 17"
    assert some[0]["anchor"] == "synthesised-1"


def test_how_a_picture_stands_beside_the_real_rows_is_said() -> None:
    (_, _, classes), (_, _, stage) = panels(seen())
    assert classes[0]["exceeds"] == "exceeds 49 of 50 rows, 1 of the 2 shown"
    assert stage[0]["exceeds"] == "exceeds all 50 rows"
    lowered = panels(seen("low", 2.5))[0]
    assert lowered[0] == "The target, raised and lowered"
    assert lowered[2][0]["exceeds"] == "lies below 49 of 50 rows, 1 of the 2 shown"


def test_a_cell_without_a_picture_is_shown_without_one() -> None:
    found = panels(seen())[0][2][0]["real"]
    assert isinstance(found, list)
    assert found[1]["picture"] is None
