"""Folders of pictures and documents, and paths that lead elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from vouch.data.read import read
from vouch.data.read.paths import Inside
from vouch.errors import ColumnError, DataError, FormatError, MediaError, UsageError


def picture(path: Path) -> Path:
    """A small picture at that path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (3, 3)).save(path)
    return path


def text(path: Path, words: str | bytes) -> Path:
    """A document at that path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(words if isinstance(words, bytes) else words.encode())
    return path


def test_class_folders_give_the_label(tmp_path: Path) -> None:
    for name in ("cat/2.png", "cat/1.JPG", "dog/deep/3.png"):
        picture(tmp_path / name)
    dataset = read(tmp_path)
    assert dataset.frame.rows() == [("cat/1.JPG", "cat"), ("cat/2.png", "cat"), ("dog/deep/3.png", "dog")]
    assert (dataset.target, dataset.part, dataset.root) == ("label", None, tmp_path)


def test_hidden_and_foreign_files_are_counted(tmp_path: Path) -> None:
    for name in ("cat/1.png", "dog/1.png", "dog/.2.png"):
        picture(tmp_path / name)
    text(tmp_path / "cat/Thumbs.db", "x")
    text(tmp_path / "cat/notes.xml", "x")
    dataset = read(tmp_path)
    assert dataset.frame.height == 2
    counts = {note.count for note in dataset.notes if note.kind == "skipped"}
    assert counts == {2, 1}


def test_part_folders_give_the_split_in_order(tmp_path: Path) -> None:
    for part in ("test", "train", "validation"):
        for kind in ("cat", "dog"):
            picture(tmp_path / part / kind / "1.png")
    dataset = read(tmp_path)
    assert dataset.frame["split"].to_list() == ["train"] * 2 + ["valid"] * 2 + ["test"] * 2
    assert dataset.part == "split"
    assert dataset.frame["image"][0] == "train/cat/1.png"


def test_a_class_called_train_is_a_class(tmp_path: Path) -> None:
    for kind in ("car", "train"):
        picture(tmp_path / kind / "1.png")
    assert read(tmp_path).frame["label"].to_list() == ["car", "train"]


def test_documents_are_read_as_text(tmp_path: Path) -> None:
    text(tmp_path / "ham/1.txt", "Hello\nyou\n")
    text(tmp_path / "spam/1.txt", "Größe".encode("cp1252"))
    text(tmp_path / "spam/2.txt", "")
    dataset = read(tmp_path)
    assert dataset.frame["text"].to_list() == ["Hello\nyou", "Größe", None]
    assert dataset.target == "label"


def test_flat_pictures_have_no_target(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    picture(tmp_path / "2.png")
    dataset = read(tmp_path)
    assert dataset.frame.columns == ["image"]
    assert dataset.target is None


def test_a_single_folder_is_no_class(tmp_path: Path) -> None:
    picture(tmp_path / "recordings/1.png")
    assert read(tmp_path).target is None


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_metadata_gives_columns(tmp_path: Path, name: str) -> None:
    for at in range(3):
        picture(tmp_path / f"pics/{at}.png")
    rows = {
        "metadata.csv": "file_name,price\npics/2.png,1.5\npics/0.png,2.5\n",
        "metadata.jsonl": '{"file_name": "pics/2.png", "price": 1.5}\n{"file_name": "pics/0.png", "price": 2.5}\n',
    }
    text(tmp_path / name, rows[name])
    dataset = read(tmp_path)
    assert dataset.frame.rows() == [("pics/2.png", 1.5), ("pics/0.png", 2.5)]
    assert dataset.frame.columns == ["image", "price"]
    assert dataset.root == tmp_path


def test_metadata_without_file_names_is_refused(tmp_path: Path) -> None:
    text(tmp_path / "metadata.csv", "filename,price\n1.png,2\n2.png,3\n")
    with pytest.raises(ColumnError, match="Did you mean 'filename'"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "pics/../../x.png", "..\\x.png", "C:\\x.png"])
def test_paths_in_metadata_never_lead_out(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "set/pics/1.png")
    text(tmp_path / "set/metadata.csv", f"file_name,price\npics/1.png,2\n{name},3\n")
    with pytest.raises(MediaError, match=r"leads out.*row 2"):
        read(tmp_path / "set")


def test_metadata_through_a_link_never_leads_out(tmp_path: Path) -> None:
    picture(tmp_path / "outside/1.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/link").symlink_to(tmp_path / "outside")
    (tmp_path / "set/file.png").symlink_to(tmp_path / "outside/1.png")
    for name in ("link/1.png", "file.png"):
        with pytest.raises(MediaError, match="leads out"):
            Inside(tmp_path / "set").path(name)


def test_links_in_class_folders_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "set/cat/1.png")
    (tmp_path / "set/dog").symlink_to(tmp_path / "set")
    with pytest.raises(MediaError, match="symbolic link"):
        read(tmp_path / "set")
    (tmp_path / "set/dog").unlink()
    (tmp_path / "set/cat/loop.png").symlink_to(tmp_path / "set/cat/loop.png")
    with pytest.raises((MediaError, DataError)):
        read(tmp_path / "set")


def test_files_that_metadata_names_but_are_absent_are_told(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    text(tmp_path / "metadata.csv", "file_name,price\n1.png,2\n2.png,3\n")
    assert any("1 file named" in note.text for note in read(tmp_path).notes)
    text(tmp_path / "metadata.csv", "file_name,price\n8.png,2\n9.png,3\n")
    with pytest.raises(MediaError, match="none of the files is there"):
        read(tmp_path)


def test_a_folder_of_tables_suggests_a_glob(tmp_path: Path) -> None:
    text(tmp_path / "1.csv", "a,b\n1,2\n")
    with pytest.raises(FormatError, match=r"Give the file itself"):
        read(tmp_path)
    text(tmp_path / "2.csv", "a,b\n1,2\n")
    with pytest.raises(FormatError, match=r"\*\.csv"):
        read(tmp_path)


def test_a_folder_without_anything_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no files"):
        read(tmp_path)
    text(tmp_path / "a/1.xml", "x")
    with pytest.raises(MediaError, match="1 file of other kinds"):
        read(tmp_path)


def test_names_for_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        read(tmp_path, columns=["a"])


def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(FormatError, match="neither"):
        read(tmp_path / "a.csv")
