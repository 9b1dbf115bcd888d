"""Files that know their types, archives, arrays, IDX and spreadsheets."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from vouch.data.read import archive, read
from vouch.errors import ColumnError, EmptyDataError, FormatError, MediaError, UsageError

TABLE = "name,size\nAda,1.5\nBob,2\n"
FRAME = pl.DataFrame({"name": ["Ada", "Bob"], "size": [1.5, 2.0]})


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    """A zip archive of those files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def png(value: int = 0) -> bytes:
    """A small picture."""
    data = io.BytesIO()
    Image.new("RGB", (4, 4), (value, value, value)).save(data, "PNG")
    return data.getvalue()


def idx(array: np.ndarray) -> bytes:
    """An 8-bit array in the IDX format."""
    return struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def test_parquet_arrow_and_json_lines_give_the_same_frame(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "a.parquet")
    FRAME.write_ipc(tmp_path / "a.arrow")
    FRAME.write_ndjson(tmp_path / "a.jsonl")
    for name in ("a.parquet", "a.arrow", "a.jsonl"):
        assert read(tmp_path / name).frame.equals(FRAME)


def test_nested_columns_become_plain_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"who": {"age": 3}, "tags": ["a", "b"], "n": 1}\n{"who": {"age": 4}, "tags": [], "n": 2}\n')
    dataset = read(path)
    assert dataset.frame.rows() == [(3, '["a", "b"]', 1), (4, "[]", 2)]
    assert dataset.frame.columns == ["who.age", "tags", "n"]


def test_a_bad_json_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 2\n')
    with pytest.raises(FormatError, match="line 3"):
        read(path)
    path.write_text('{"a": 1}\n[2]\n')
    with pytest.raises(FormatError, match=r"line 2.*expected an object, got list"):
        read(path)


def test_json_cells_of_mixed_types_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{"a": "x"}\n{"b": 2.5}\n')
    assert read(path).frame["a"].to_list() == ["1", "x", None]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.npz", "a.xlsx", "a.zip", "a.gz", "a.npy"])
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    magic = {"parquet": b"PAR1", "arrow": b"ARROW1", "gz": b"\x1f\x8b\x08", "npy": b"\x93NUMPY"}
    path = tmp_path / name
    path.write_bytes(magic.get(name.split(".")[1], b"PK\x03\x04") + b"\x01\x02garbage" * 20)
    with pytest.raises(FormatError):
        read(path)


@pytest.mark.parametrize("kind", ["gzip", "bz2", "lzma", "zstd"])
def test_compressed_files_are_read(tmp_path: Path, kind: str) -> None:
    suffix = {"gzip": "gz", "bz2": "bz2", "lzma": "xz", "zstd": "zst"}[kind]
    path = tmp_path / f"a.csv.{suffix}"
    if kind == "zstd":
        path.write_bytes(pa.compress(TABLE.encode(), codec="zstd", asbytes=True))
    else:
        path.write_bytes(__import__(kind).compress(TABLE.encode()))
    assert read(path).frame.equals(FRAME)


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(TABLE.encode() * 100)[:-20])
    with pytest.raises(FormatError, match="damaged"):
        read(path)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_ALWAYS_FINE", 1 << 16)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"0,0\n" * 1_000_000))
    zipped(tmp_path / "a.zip", {"a.csv": b"a,b\n" + b"0,0\n" * 1_000_000})
    for name in ("a.csv.gz", "a.zip"):
        with pytest.raises(FormatError, match="swells"):
            read(tmp_path / name)


def test_the_table_in_an_archive_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"d/README.txt": b"x", "d/metadata.json": b"{}", "d/a.csv": TABLE.encode()})
    dataset = read(path)
    assert dataset.frame.equals(FRAME)
    assert dataset.source == str(path)


def test_several_tables_in_an_archive_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="2 tables"):
        read(zipped(tmp_path / "a.zip", {"a.csv": TABLE.encode(), "b.csv": TABLE.encode()}))


def test_class_folders_in_an_archive_are_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {f"set/{kind}/{i}.png": png(i) for kind in ("cat", "dog") for i in range(3)})
    dataset = read(path)
    assert dataset.target == "label"
    assert dataset.frame["label"].to_list() == ["cat"] * 3 + ["dog"] * 3
    assert dataset.root is not None
    assert (dataset.root / dataset.frame["image"][0]).is_file()


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "a/../../evil.png", "..\\evil.png", "C:/evil.png"])
def test_archives_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaError, match="leads elsewhere"):
        read(zipped(tmp_path / "a.zip", {"a/1.png": png(), name: png()}))


def test_symbolic_links_in_archives_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a/link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a/1.png", png())
        file.writestr(link, "/etc/passwd")
    with pytest.raises(MediaError):
        read(tmp_path / "a.zip")


def test_npz_arrays_become_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.arange(6.0).reshape(3, 2), y=np.array([0, 1, 0]), city=np.array(["a", "b", "c"]))
    dataset = read(tmp_path / "a.npz")
    assert dataset.frame.columns == ["x0", "x1", "y", "city"]
    assert dataset.target == "y"


def test_npz_parts_become_a_split(tmp_path: Path) -> None:
    pictures = np.zeros((3, 8, 6), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x_train=pictures, y_train=np.arange(3), x_test=pictures[:2], y_test=np.arange(2))
    dataset = read(tmp_path / "a.npz")
    assert dataset.frame.schema["image"] == pl.Array(pl.UInt8, (8, 6))
    assert (dataset.part, dataset.target) == ("split", "y")
    assert dataset.frame["split"].to_list() == ["train"] * 3 + ["test"] * 2


def test_arrays_of_objects_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(FormatError, match="could run code"):
        read(tmp_path / "a.npz")


def test_arrays_of_several_lengths_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.zeros((3, 2)), y=np.zeros(4))
    with pytest.raises(FormatError, match="several lengths"):
        read(tmp_path / "a.npz")


def test_an_array_that_claims_more_than_is_there_takes_no_memory(tmp_path: Path) -> None:
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    zipped(tmp_path / "a.npz", {"x.npy": data.getvalue()})
    with pytest.raises(FormatError, match="cut off"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_pairs_are_read_with_their_parts(tmp_path: Path, suffix: str) -> None:
    pack = gzip.compress if suffix else bytes
    pictures = np.arange(5 * 12, dtype=np.uint8).reshape(5, 4, 3)
    for part, count in (("train", 5), ("t10k", 2)):
        (tmp_path / f"{part}-images-idx3-ubyte{suffix}").write_bytes(pack(idx(pictures[:count])))
        (tmp_path / f"{part}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(np.arange(count, dtype=np.uint8))))
    whole, one = read(tmp_path), read(tmp_path / f"t10k-images-idx3-ubyte{suffix}")
    assert whole.frame["split"].to_list() == ["train"] * 5 + ["test"] * 2
    assert (whole.target, whole.part, one.part) == ("label", "split", None)
    assert np.array_equal(one.frame["image"].to_numpy(), pictures[:2])


def test_an_idx_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((5, 4, 3), dtype=np.uint8))[:-1])
    with pytest.raises(FormatError, match="expected 60 bytes"):
        read(tmp_path / "train-images-idx3-ubyte")


def test_pictures_and_labels_of_different_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((5, 4, 3), dtype=np.uint8)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(4, dtype=np.uint8)))
    with pytest.raises(FormatError, match="expected 5 labels, got 4"):
        read(tmp_path)


def test_names_for_data_that_has_names_are_refused(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(UsageError):
        read(tmp_path / "a.parquet", columns=["a", "b"])


def test_a_parquet_table_without_rows_is_refused(tmp_path: Path) -> None:
    FRAME.clear().write_parquet(tmp_path / "a.parquet")
    with pytest.raises(EmptyDataError):
        read(tmp_path / "a.parquet")


def test_a_struct_whose_name_is_taken_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"a": [{"b": 1}], "a.b": [2]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(ColumnError):
        read(tmp_path / "a.parquet")
