"""Pictures that cannot be read, and paths that lead elsewhere: counted and skipped up to a tenth, refused above."""

from __future__ import annotations

import json
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cli.running import fitted, left, refused, run

SMALL = ("--set", "epochs=1", "--set", "image_width=4", "--set", "batch_size=16", "--device", "cpu")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def picture(shade: int, seed: int = 0, form: str = "PNG", side: int = 8) -> bytes:
    """A noisy square."""
    noise = np.random.default_rng(seed).integers(0, 60, (side, side, 3))
    out = BytesIO()
    Image.fromarray((noise + shade).astype(np.uint8)).save(out, form)
    return out.getvalue()


def folder(tmp_path, n=20):
    """Class folders of n pictures each."""
    for name, shade in (("cat", 40), ("dog", 160)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(n):
            (tmp_path / "pets" / name / f"{i:02d}.png").write_bytes(picture(shade, seed=i + shade))
    return tmp_path / "pets"


def bomb() -> bytes:
    """A PNG of a few bytes that says it has 60 000 x 60 000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


def animation() -> bytes:
    """A GIF of three frames."""
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (40, 90, 140)]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


BROKEN = {
    "zero bytes": b"",
    "no picture": b"this is a text",
    "truncated": picture(40, form="JPEG", side=64)[:900],
    "damaged": picture(40)[:60] + b"\xff" * 40,
    "decompression bomb": bomb(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_few_pictures_that_cannot_be_read_are_counted_and_skipped(capsys, tmp_path, name):
    pets = folder(tmp_path)
    for i in range(2):
        (pets / "cat" / f"bad{i}.png").write_bytes(BROKEN[name])
    ran = fitted(run(capsys, "fit", pets, *SMALL, "--json", "-q"), tmp_path / "pets.vouch")
    facts = json.loads(ran.out)
    assert facts["rows"]["dropped"] == 2
    assert any("2 rows whose picture in 'image' cannot be read" in note for note in facts["notes"])


def test_an_animated_picture_is_read_by_its_first_frame(capsys, tmp_path):
    pets = folder(tmp_path)
    (pets / "cat" / "moves.gif").write_bytes(animation())
    ran = fitted(run(capsys, "fit", pets, *SMALL, "--json"), tmp_path / "pets.vouch")
    facts = json.loads(ran.out)
    assert facts["rows"]["dropped"] == 0
    assert sum(facts["rows"].values()) == 41


@pytest.mark.parametrize("name", BROKEN)
def test_more_than_a_tenth_of_broken_pictures_is_refused(capsys, tmp_path, name):
    pets = folder(tmp_path)
    for i in range(6):
        (pets / "cat" / f"bad{i}.png").write_bytes(BROKEN[name])
    line = refused(run(capsys, "fit", pets, *SMALL, "-q"), "V207")
    assert "6 of 46 pictures cannot be read" in line
    assert "at most a tenth" in line
    assert left(tmp_path) == ["pets"]


def test_a_folder_without_pictures_is_refused(capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(run(capsys, "fit", "empty"), "V207")
    (tmp_path / "classes" / "cat").mkdir(parents=True)
    (tmp_path / "classes" / "dog").mkdir()
    refused(run(capsys, "fit", "classes"), "V207")
    (tmp_path / "classes" / "dog" / "a.docx").write_bytes(b"text")
    refused(run(capsys, "fit", "classes"), "V207")


def test_a_single_class_folder_is_refused(capsys, tmp_path):
    pets = folder(tmp_path)
    for file in (pets / "dog").iterdir():
        file.unlink()
    (pets / "dog").rmdir()
    refused(run(capsys, "fit", pets, *SMALL), "V205")


def described(tmp_path, names, column="file_name", file="metadata.csv"):
    """The class folders with a table that names their pictures, and some names more."""
    pets = folder(tmp_path)
    sound = sorted(path.relative_to(pets).as_posix() for path in pets.glob("*/*.png"))
    lines = [f"{name},{'no' if name.startswith('cat') else 'yes'}" for name in (*sound, *names)]
    (pets / file).write_text("\n".join([f"{column},y", *lines]) + "\n")
    return pets


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "cat/../../secret.png", "..\\secret.png", "C:/a.png"])
def test_a_path_that_leads_out_of_the_folder_is_refused(capsys, tmp_path, name):
    (tmp_path / "secret.png").write_bytes(picture(9))
    pets = described(tmp_path, [name])
    assert "leads out" in refused(run(capsys, "fit", pets, "--target", "y", *SMALL), "V207")


def test_a_link_that_leads_out_or_round_in_a_circle_is_refused(capsys, tmp_path):
    (tmp_path / "secret.png").write_bytes(picture(9))
    pets = described(tmp_path, ["cat/link.png"])
    (pets / "cat" / "link.png").symlink_to(tmp_path / "secret.png")
    refused(run(capsys, "fit", pets, "--target", "y", *SMALL), "V207")
    (pets / "metadata.csv").unlink()
    refused(run(capsys, "fit", pets, *SMALL), "V207")
    (pets / "cat" / "link.png").unlink()
    (pets / "cat" / "circle").symlink_to(pets, target_is_directory=True)
    refused(run(capsys, "fit", pets, *SMALL), "V207")


def test_a_link_to_itself_in_metadata_is_refused(capsys, tmp_path):
    pets = described(tmp_path, ["cat/loop.png"])
    (pets / "cat" / "loop.png").symlink_to("loop.png")
    assert "cannot be followed" in refused(run(capsys, "fit", pets, "--target", "y", *SMALL), "V207")
    assert left(tmp_path) == ["pets"]


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd.png", "cat/loop.png"])
def test_a_table_whose_paths_lead_elsewhere_is_refused(capsys, tmp_path, name):
    (tmp_path / "secret.png").write_bytes(picture(9))
    pets = described(tmp_path, [name], column="photo", file="table.csv")
    (pets / "cat" / "loop.png").symlink_to("loop.png")
    refused(run(capsys, "fit", pets / "table.csv", "--target", "y", *SMALL), "V207")


def test_a_table_that_names_pictures_that_are_not_there(capsys, tmp_path):
    pets = described(tmp_path, ["cat/none.png"], column="photo", file="table.csv")
    ran = fitted(run(capsys, "fit", pets / "table.csv", "--target", "y", *SMALL, "--json"), tmp_path / "table.vouch")
    assert json.loads(ran.out)["rows"]["dropped"] == 1
    (pets / "table.csv").write_text("photo,y\n" + "".join(f"none{i}.png,{('no', 'yes')[i % 2]}\n" for i in range(40)))
    line = refused(run(capsys, "fit", pets / "table.csv", "--target", "y", *SMALL, "-q"), "V207")
    assert "40 of 40" in line


def test_pictures_that_cannot_be_read_get_no_prediction_and_are_counted(capsys, tmp_path):
    pets = folder(tmp_path)
    fitted(run(capsys, "fit", pets, *SMALL, "-q"), tmp_path / "pets.vouch")
    (pets / "cat" / "00.png").write_bytes(b"")
    ran = run(capsys, "predict", "pets.vouch", pets, "--json")
    facts = json.loads(ran.out)
    assert facts["rows"] == 40
    assert facts["predictions"][0]["prediction"] is None
    assert any("1 rows have no prediction" in note for note in facts["notes"])
