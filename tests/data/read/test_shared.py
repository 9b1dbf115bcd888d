"""Every messy file at hand gives a data set or one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.read.places import SHARED, shared
from vouch.contracts.dataset import Dataset
from vouch.data.read import read
from vouch.errors import VouchError
from vouch.modalities.image.decode import Probe, Unreadable, decode_many, probe

MESSY, CORRUPT = shared("messy-tables"), shared("corrupt-images")
absent = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not beside the repository")


def attempt(path: Path) -> Dataset | VouchError:
    """The rows, or the error that is said in their place."""
    try:
        return read(path)
    except VouchError as error:
        return error


@absent
@pytest.mark.timeout(20)
@pytest.mark.parametrize("path", MESSY + CORRUPT, ids=lambda path: path.name)
def test_a_messy_file_gives_rows_or_one_line(path: Path) -> None:
    result = attempt(path)
    if isinstance(result, VouchError):
        assert "\n" not in str(result)
        assert path.name in str(result)
    else:
        assert result.frame.height
        assert result.frame.width


@absent
@pytest.mark.timeout(20)
@pytest.mark.parametrize("path", CORRUPT, ids=lambda path: path.name)
def test_a_corrupt_picture_gives_pixels_or_a_reason(path: Path) -> None:
    assert isinstance(probe(path), Probe | Unreadable)
    result = decode_many([path], (16, 16), 3)
    assert result.array.shape == (1, 16, 16, 3)
    assert result.reasons[0] != ""


@absent
@pytest.mark.parametrize("names", [("messy-tables",), ("corrupt-images",), ("",)])
def test_a_messy_folder_gives_rows_or_one_line(names: tuple[str, ...]) -> None:
    result = attempt(SHARED.joinpath(*names))
    assert "\n" not in str(result) if isinstance(result, VouchError) else result.frame.height


@absent
@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("adult/adult-train.csv.gz", 32561, 15),
        ("adult/adult-test.csv.gz", 16281, 15),
        ("telco-churn/Telco-Customer-Churn.csv", 7043, 21),
        ("california-housing/housing.csv.gz", 20640, 10),
        ("dirty-categories/employee_salaries.zip", 9228, 9),
        ("dirty-categories/open_payments.zip", 73558, 6),
        ("ag-news/train-subset.csv.gz", 30027, 3),
        ("ag-news/test.csv.gz", 7600, 3),
        ("sms-spam/sms.tsv", 5574, 2),
        ("noisy-ag-news/samples10000valMed.csv.gz", 10000, 4),
        ("dna-splice/splice.csv", 3186, 2),
        ("fraud-handbook/transactions_2018-07-25_2018-08-14.parquet", 201295, 23),
        ("adbench/38_thyroid.npz", 3772, 7),
        ("fashion-mnist", 70000, 3),
        ("clothing-small/train", 600, 2),
        ("clothing-small", 972, 3),
    ],
)
def test_known_data_has_its_known_size(name: str, rows: int, columns: int) -> None:
    assert read(SHARED / name).frame.shape == (rows, columns)
