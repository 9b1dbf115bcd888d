"""Delimited text in all its dialects."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from vouch.contracts.dataset import Dataset
from vouch.data.read import delimited, read
from vouch.errors import ColumnError, DataNotFoundError, EmptyDataError, FormatError, UsageError

ROWS = "name,size,kind\nAda,1.5,x\nBob,2.25,y\nCy,-3,x\n"


def write(folder: Path, text: str | bytes, name: str = "a.csv") -> Path:
    """A file with that text."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def said(dataset: Dataset) -> str:
    """All notes as one text."""
    return "; ".join(note.text for note in dataset.notes)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    frame = read(write(tmp_path, ROWS.replace(",", delimiter))).frame
    assert frame.columns == ["name", "size", "kind"]
    assert frame["size"].to_list() == [1.5, 2.25, -3.0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(tmp_path: Path, end: str) -> None:
    assert read(write(tmp_path, ROWS.replace("\n", end).encode())).frame.rows()[1] == ("Bob", 2.25, "y")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_the_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    text = "Stadt,Maß\nKöln,1\nMünster,2\nGörlitz,3\n"
    frame = read(write(tmp_path, text.encode(encoding))).frame
    assert frame.columns == ["Stadt", "Maß"]
    assert frame["Stadt"].to_list() == ["Köln", "Münster", "Görlitz"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1251", "Привет мир, как дела"), ("big5", "景點編號測試一下這個"), ("shift_jis", "日本語のテキスト")],
)
def test_alphabets_other_than_latin_are_recognised(tmp_path: Path, encoding: str, text: str) -> None:
    data = ("id;text\n" + f"1;{text}\n" * 30).encode(encoding)
    assert read(write(tmp_path, data)).frame["text"].to_list()[0] == text


def test_a_byte_that_is_no_utf8_far_into_the_file_changes_the_encoding(tmp_path: Path) -> None:
    data = b"name,size\n" + b"plain,1\n" * 200_000 + "Müller,2\n".encode("cp1252")
    dataset = read(write(tmp_path, data))
    assert dataset.frame["name"][-1] == "Müller"
    assert "Windows-1252" in said(dataset)


def test_a_decimal_comma_is_read_where_the_delimiter_is_none(tmp_path: Path) -> None:
    dataset = read(write(tmp_path, "a;b\n1,5;2\n-3,25;4\n"))
    assert dataset.frame["a"].to_list() == [1.5, -3.25]
    assert "decimal comma" in said(dataset)


def test_commas_that_may_mean_thousands_stay_text(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a;b\n1,500;2\n3,250;4\n")).frame["a"].to_list() == ["1,500", "3,250"]


def test_no_header_gives_numbered_columns(tmp_path: Path) -> None:
    dataset = read(write(tmp_path, "39, Private, <=50K\n50, State-gov, >50K\n38, Private, <=50K\n"))
    assert dataset.frame.columns == ["x0", "x1", "x2"]
    assert dataset.frame["x0"].dtype == pl.Int64
    assert "no header" in said(dataset)
    assert "white space" in said(dataset)


def test_given_names_are_used(tmp_path: Path) -> None:
    path = write(tmp_path, "39, Private\n50, State\n38, Private\n")
    assert read(path, columns=["age", "work"]).frame.columns == ["age", "work"]


def test_given_names_replace_a_header_that_is_there(tmp_path: Path) -> None:
    dataset = read(write(tmp_path, ROWS), columns=["a", "b", "c"])
    assert dataset.frame["b"].to_list() == [1.5, 2.25, -3.0]
    assert "replaced" in said(dataset)


def test_too_few_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match="expected 3 names, got 2"):
        read(write(tmp_path, ROWS), columns=["a", "b"])
    with pytest.raises(UsageError, match="given twice"):
        read(write(tmp_path, ROWS), columns=["a", "b", "a"])


@pytest.mark.parametrize("header", ["0,1,2,3", "Year,2000,2001,2002"])
def test_numbers_that_count_up_are_a_header(tmp_path: Path, header: str) -> None:
    dataset = read(write(tmp_path, f"{header}\n7,1.5,2.5,3.5\n9,1.5,0.5,3.25\n"))
    assert dataset.frame.columns == header.split(",")


def test_a_header_over_texts_alone_is_kept(tmp_path: Path) -> None:
    assert read(write(tmp_path, "sequence,label\nACGT,n\nTTAC,ei\n")).frame.columns == ["sequence", "label"]


def test_title_comments_and_blank_lines_above_the_table_are_left_out(tmp_path: Path) -> None:
    dataset = read(write(tmp_path, "# made by hand\n\nSizes of things,,\n" + ROWS))
    assert dataset.frame.columns == ["name", "size", "kind"]
    assert "the table begins on line 4" in said(dataset)


def test_a_doubled_name_is_refused_with_its_places(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match=r"2 columns have the name 'a' .*line 1, columns 1, 3"):
        read(write(tmp_path, "a,b,a\n1,2,3\n"))


def test_nameless_columns_get_a_name(tmp_path: Path) -> None:
    dataset = read(write(tmp_path, ",a,b\n0,1.5,x\n1,2.5,y\n"))
    assert dataset.frame.columns == ["column_1", "a", "b"]
    assert "1 column without a name" in said(dataset)


@pytest.mark.parametrize(
    ("text", "line", "got"), [("a,b,c\n1,2,3\n1,2\n1,2,3\n", 3, 2), ("a,b,c\n1,2,3\n1,2,3\n1,2,3,4\n", 4, 4)]
)
def test_ragged_rows_are_refused_with_their_line(tmp_path: Path, text: str, line: int, got: int) -> None:
    with pytest.raises(FormatError, match=rf"1 of 3 rows .*line {line}\): expected 3 cells, got {got}"):
        read(write(tmp_path, text))


def test_a_short_row_below_many_quoted_ones_is_refused(tmp_path: Path) -> None:
    text = "a,b,c\n" + '"x, y",2,\n' * 50 + '"x\nz",2\n'
    with pytest.raises(FormatError, match="line 52"):
        read(write(tmp_path, text))


def test_empty_cells_at_the_end_of_rows_are_tolerated(tmp_path: Path) -> None:
    dataset = read(write(tmp_path, "a,b\n1,2,\n3,4,,\n5,6\n"))
    assert dataset.frame.rows() == [(1, 2), (3, 4), (5, 6)]
    assert "in 2 rows" in said(dataset)


def test_an_empty_column_without_a_name_is_dropped(tmp_path: Path) -> None:
    dataset = read(write(tmp_path, "a,b,\n1,2,\n3,4,\n"))
    assert dataset.frame.columns == ["a", "b"]


def test_quoted_cells_may_hold_delimiters_and_lines(tmp_path: Path) -> None:
    frame = read(write(tmp_path, 'a,b\n"x, ""y""\nz",1\n"q",2\n')).frame
    assert frame.rows() == [('x, "y"\nz', 1), ("q", 2)]


def test_quotes_within_text_are_text(tmp_path: Path) -> None:
    text = 'ham\the said "hi" twice\nham\t"So it begins\nspam\tGo" now\nham\tfine\n'
    dataset = read(write(tmp_path, text, "a.tsv"))
    assert dataset.frame.height == 4
    assert dataset.frame.rows()[1] == ("ham", '"So it begins')


def test_lines_between_stray_quotes_are_not_lost(tmp_path: Path) -> None:
    text = "kind\ttext\n" + "ham\tplain\n" * 20_000 + 'ham\t"Open\nspam\tclose"\n' + "ham\tend\n"
    assert read(write(tmp_path, text, "a.tsv")).frame.height == 20_003


def test_quotes_after_a_space_are_quotes(tmp_path: Path) -> None:
    assert read(write(tmp_path, 'a, b\n1, "x, y"\n2, "z"\n')).frame.rows() == [(1, "x, y"), (2, "z")]


def test_quotes_escaped_by_a_backslash_are_quotes(tmp_path: Path) -> None:
    frame = read(write(tmp_path, 'a,b\n"say \\"hi, you\\" now",1\n"z",2\n')).frame
    assert frame.rows() == [('say "hi, you" now', 1), ("z", 2)]


def test_a_quote_that_never_closes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        read(write(tmp_path, 'a,b\n1,"x\n2,y,z\n3,"w",q"\n'))


@pytest.mark.parametrize("end", ['"', '"\n', '"\n\n', ' " '])
def test_a_quote_alone_at_the_end_is_text_and_no_panic(tmp_path: Path, end: str, capfd: pytest.CaptureFixture[str]):
    frame = read(write(tmp_path, f"a\n1\n2\n3\n{end}")).frame
    assert [cell.strip() for cell in frame["a"]] == ["1", "2", "3", '"']
    assert capfd.readouterr().err == ""


def test_a_quote_alone_at_the_end_is_refused_where_rows_have_more_cells(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    with pytest.raises(FormatError, match=r"a quote does not fit .* after line 3"):
        read(write(tmp_path, 'a,b\nx,1\ny,2\n"'))
    assert capfd.readouterr().err == ""


def test_a_quote_alone_on_the_last_line_may_close_a_cell_of_several_lines(tmp_path: Path) -> None:
    assert read(write(tmp_path, 'a,b\n1,y\n2,"z\nu\n"\n')).frame["b"].to_list() == ["y", "z\nu"]


def test_columns_of_white_space_are_read(tmp_path: Path) -> None:
    frame = read(write(tmp_path, "id  t   v\n1   2  3.5 \n10  20 30.5\n", "a.txt")).frame
    assert frame.rows() == [(1, 2, 3.5), (10, 20, 30.5)]


def test_one_column_is_a_table(tmp_path: Path) -> None:
    assert read(write(tmp_path, "text\nhello, you\nand you\n")).frame["text"].to_list() == ["hello, you", "and you"]


def test_numbers_that_would_lose_something_stay_text(tmp_path: Path) -> None:
    frame = read(write(tmp_path, "zip,phone,big\n01099,+4930,12345678901234567890\n80331,+4989,1\n")).frame
    assert frame.dtypes == [pl.String] * 3


def test_a_late_text_makes_its_column_text_and_no_other(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,c\n" + "1,2.5,3\n" * 200_000 + "NA,2.5,3.5\n" + "1,2.5,3\n" * 200_000)
    frame = read(path).frame
    assert frame.dtypes == [pl.String, pl.Float64, pl.Float64]
    assert frame["a"].to_list().count("NA") == 1


def test_blank_cells_are_missing(tmp_path: Path) -> None:
    frame = read(write(tmp_path, "a,b\n1, \n2,3\n,\n4,\n")).frame
    assert frame.rows() == [(1, None), (2, 3), (4, None)]


def test_large_files_keep_ordinary_decimals_in_32_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "a,b,c\n0.5,1e9,1\n0.25,2e9,2\n")
    assert read(path).frame.dtypes == [pl.Float64, pl.Float64, pl.Int64]
    monkeypatch.setattr(delimited, "LARGE", 1)
    assert read(path).frame.dtypes == [pl.Float32, pl.Float64, pl.Int64]


@pytest.mark.parametrize("text", ["", "\n\n", "a,b,c\n", "a,b\n\n,\n"])
def test_a_table_without_rows_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(EmptyDataError):
        read(write(tmp_path, text))


def test_nul_bytes_are_refused_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"NUL bytes.*line 3"):
        read(write(tmp_path, b"a,b\n1,2\n3,\x004\n"))


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n0000", b"PK\x03\x04junk", b"<!DOCTYPE html><html></html>", b"PAR1xxxx", b"%PDF-1.7"]
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(FormatError):
        read(write(tmp_path, data))


def test_a_path_with_a_slip_gets_a_suggestion(tmp_path: Path) -> None:
    write(tmp_path, ROWS, "churn.csv")
    with pytest.raises(DataNotFoundError, match=r"Did you mean 'churn\.csv'"):
        read(tmp_path / "chrun.csv")
    with pytest.raises(DataNotFoundError):
        read("a\0b.csv")
    with pytest.raises(DataNotFoundError, match="addresses"):
        read("https://example.org/a.csv")


def test_several_files_are_joined(tmp_path: Path) -> None:
    write(tmp_path, "a,b\n1,x\n", "1.csv")
    write(tmp_path, "b,a\ny,2.5\n", "2.csv")
    frame = read(f"{tmp_path}/*.csv").frame
    assert frame.rows() == [(1.0, "x"), (2.5, "y")]
    assert read([tmp_path / "2.csv", tmp_path / "1.csv"]).frame.columns == ["b", "a"]


def test_a_file_with_other_columns_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a,b\n1,x\n", "1.csv")
    write(tmp_path, "a,c\n1,x\n", "2.csv")
    with pytest.raises(ColumnError, match=r"2\.csv"):
        read(f"{tmp_path}/*.csv")
    with pytest.raises(DataNotFoundError, match="no file matches"):
        read(f"{tmp_path}/*.tsv")
