"""What is said about the data."""

import pytest

from vouch.contracts.dataset import Note


@pytest.mark.parametrize("name", ["a\nb", "a\r\x1b[2Jb", "a\x85b", "\u202ea b"])
def test_a_note_stays_one_printable_line_whatever_it_quotes(name: str):
    text = Note("read", f"'{name}' was read as text").text
    assert text.isprintable()
    assert text.endswith("was read as text")
