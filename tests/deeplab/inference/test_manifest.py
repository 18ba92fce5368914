import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deeplab.errors import OutputError
from deeplab.inference.manifest import (
    FrameRow,
    ManifestWriter,
    Row,
    read_frames,
    read_manifest,
    stream_manifest,
    write_frames,
    write_manifest,
)
from deeplab.scores.image_scores import Certainty

OK = Row("a b/ü \"q\",'s'.jpg", 30, 20, "ok", "", 0.25, {0: 500, 4: 100})
ERROR = Row("broken.jpg", None, None, "error", "broken.jpg: is not an image.", 0.001, {})
FILM = Row("film.mp4", 48, 32, "ok", "", 9.5, {1: 15360}, 10)
SURE = Row("sure.png", 3, 2, "ok", "", 1.5, {0: 4, 2: 2}, certainty=Certainty(0.75, {0: 0.8125, 2: 0.625}, None, {}))
ODD = Row(os.fsdecode(b"caf\xe9\n\r.png"), 1, 1, "ok", "", 1.5, {3: 1})


def write(path: Path, *rows: Row) -> None:
    with ManifestWriter(path) as manifest:
        for row in rows:
            manifest.add(row)


def test_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "manifest.csv"
    write(path, OK, ERROR, ODD, FILM, SURE)
    assert read_manifest(path) == [OK, ERROR, ODD, FILM, SURE]
    assert list(stream_manifest(path)) == [OK, ERROR, ODD, FILM, SURE]
    first, second = path.read_bytes().splitlines()[:2]
    assert first == b"path,width,height,status,error,seconds,pixels,frames,confidence,class_confidence"
    assert second.decode() == '"a b/ü ""q"",\'s\'.jpg",30,20,ok,,0.250,"{""0"":500,""4"":100}",,,'
    assert path.read_bytes().splitlines()[-1].endswith(b',,0.750000,"{""0"":0.8125,""2"":0.625}"')


def test_manifests_from_before_there_were_videos_are_read(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text('path,width,height,status,error,seconds,pixels\na.png,30,20,ok,,0.250,"{""0"":600}"\n')
    assert read_manifest(path) == [Row("a.png", 30, 20, "ok", "", 0.25, {0: 600})]


def test_manifests_from_before_there_was_confidence_are_read(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text('path,width,height,status,error,seconds,pixels,frames\na.mp4,30,20,ok,,0.250,"{""0"":600}",1\n')
    assert read_manifest(path) == [Row("a.mp4", 30, 20, "ok", "", 0.25, {0: 600}, 1)]


def test_frames_come_back(tmp_path: Path) -> None:
    path, rows = (
        tmp_path / "new" / "a.mp4.csv",
        [FrameRow(0, 0.0, {0: 4}), FrameRow(10, 0.4004, {0: 3, 2: 1}, SURE.certainty)],
    )
    with write_frames(path) as add:
        for row in rows:
            add(row)
        assert not path.exists()
    first, *_ = path.read_text().splitlines()[1:]
    assert first == '0,0.000000,"{""0"":4}",,'
    assert list(read_frames(path)) == rows


def test_tables_of_frames_from_before_there_was_confidence_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('frame,time,pixels\n0,0.000000,"{""0"":4}"\n')
    assert list(read_frames(tmp_path / "a.csv")) == [FrameRow(0, 0.0, {0: 4})]


@pytest.mark.parametrize("content", ["", "a,b\n", "frame,time,pixels\n0,0\n", "frame,time,pixels\n0,0,[]\n"])
def test_what_is_no_table_of_frames_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(OutputError, match=r"a\.csv: is not a table of frames; expected frame,time,pixels,confidence,"):
        list(read_frames(tmp_path / "a.csv"))
    with pytest.raises(OutputError, match=r"b\.csv: the table of frames cannot be read: No such file"):
        list(read_frames(tmp_path / "b.csv"))


def test_all_rows_are_written_or_none(tmp_path: Path) -> None:
    def failing() -> Iterator[Row]:
        yield ODD
        raise ZeroDivisionError

    path = tmp_path / "new" / "m.csv"
    write_manifest(path, [OK, ERROR])
    assert read_manifest(path) == [OK, ERROR]
    with pytest.raises(ZeroDivisionError):
        write_manifest(path, failing())
    assert read_manifest(path) == [OK, ERROR]
    assert [entry.name for entry in path.parent.iterdir()] == ["m.csv"]


def test_a_row_is_on_disk_when_add_returns(tmp_path: Path) -> None:
    with ManifestWriter(tmp_path / "m.csv") as manifest:
        manifest.add(OK)
        assert read_manifest(tmp_path / "m.csv") == [OK]


def test_no_manifest_has_no_rows(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "m.csv") == []


def test_every_cut_of_the_last_row_leaves_the_rows_before(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    write(path, OK, ERROR)
    before = path.stat().st_size
    write(path, OK, ERROR, ODD)
    whole = path.read_bytes()
    for length in range(before, len(whole)):
        path.write_bytes(whole[:length])
        assert read_manifest(path) == [OK, ERROR]
    path.write_bytes(whole[:10])
    assert read_manifest(path) == []


def test_continuing_keeps_the_named_rows_and_removes_the_cut_one(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    write(path, OK, ERROR)
    path.write_bytes(path.read_bytes() + b'"cut')
    with ManifestWriter(path, keep=read_manifest(path)[:1]) as manifest:
        manifest.add(ODD)
    assert read_manifest(path) == [OK, ODD]
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.csv"]


def test_only_complete_manifests_are_streamed(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    for content in (b"", b"path,wid"):
        path.write_bytes(content)
        with pytest.raises(OutputError, match=r"m\.csv: line 1 is not from a manifest"):
            list(stream_manifest(path))
    write(path, OK, ODD)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(OutputError, match="is not from a manifest"):
        list(stream_manifest(path))
    with pytest.raises(OutputError, match=r"gone\.csv: the manifest cannot be read: No such file or directory\."):
        list(stream_manifest(tmp_path / "gone.csv"))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a,b\n", 1),
        ("path,width,height,status,error,seconds,pixels\na,1,1,ok\n", 2),
        ("path,width,height,status,error,seconds,pixels\na,1,1,done,,1,{}\n", 2),
        ("path,width,height,status,error,seconds,pixels\na,1,1,ok,,1,[]\n", 2),
    ],
)
def test_a_file_that_is_not_a_manifest_is_refused(tmp_path: Path, content: str, line: int) -> None:
    path = tmp_path / "m.csv"
    path.write_text(content)
    with pytest.raises(OutputError, match=rf"m\.csv: line {line} is not from a manifest; expected path,width"):
        read_manifest(path)


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    # A process of its own, whose files have room for the header and a part of the row.
    code = f"""
import resource, signal
from tests.deeplab.inference.test_manifest import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
with ManifestWriter(Path({str(path)!r})) as manifest:
    for reason in ("No space left on device", "File too large"):
        with pytest.raises(OutputError, match=f"m.csv: cannot be written: {{reason}}"):
            manifest.add(OK)
"""
    subprocess.run([sys.executable, "-B", "-c", code], check=True)
    assert path.stat().st_size == 100
    assert read_manifest(path) == []


@pytest.mark.parametrize(
    "name",
    ["=cmd|calc!A1.png", "@SUM(1).png", "+1.png", "-1.png", "'=1", "''@x", "'a.png", "a=b", "\t=1", "\r.png", "a\rb"],
)
def test_no_cell_is_taken_for_a_formula_and_all_are_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / "manifest.csv"
    row = Row(name, None, None, "error", f"{name}: is torn.", 0.5, {})
    write_manifest(path, [row])
    assert read_manifest(path) == [row]
    with path.open(newline="", encoding="utf-8") as file:
        cells = [cell for record in csv.reader(file) for cell in record]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
