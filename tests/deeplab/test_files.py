import hashlib
import os
from pathlib import Path
from types import ModuleType

import pytest

import deeplab
import web
import worker
from deeplab.errors import OutputError
from deeplab.files import (
    delete_file,
    flush_to_disk,
    is_plain,
    make_folder,
    printable,
    read_tail,
    real_path,
    replace_file,
    sha256_of,
    visible,
    write_text,
)


def test_the_name_holds_the_old_content_until_the_new_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with replace_file(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replace_file(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_files_have_the_permissions_that_the_user_wants(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with replace_file(tmp_path / "a.txt"):
            pass
    finally:
        os.umask(old)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_failures_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(OutputError, match="folder: cannot be written: Is a directory"),
        replace_file(tmp_path / "folder"),
    ):
        pass
    with (
        pytest.raises(OutputError, match=r"gone/a\.txt: cannot be written: No such file or directory"),
        replace_file(tmp_path / "gone" / "a.txt"),
    ):
        pass
    make_folder(tmp_path / "new" / "folder")
    make_folder(tmp_path / "new" / "folder")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: the folder cannot be created: File exists"):
        make_folder(tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "new"]


def test_what_cannot_be_deleted_stays_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "file"
    file.touch()
    for path in (file, tmp_path / "gone", tmp_path):  # a folder is no file
        delete_file(path)
    assert not file.exists()
    assert [record.getMessage() for record in caplog.records] == [f"{tmp_path}: cannot be deleted: Is a directory."]


def test_names_that_are_not_utf8_can_be_printed() -> None:
    name = os.fsdecode(b"caf\xe9/\xc3\xbc.png")
    assert printable(name) == r"caf\xe9/ü.png"
    printable(Path(name)).encode()


def test_links_are_followed_as_far_as_they_lead_somewhere(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "loop").symlink_to("loop")
    assert real_path(tmp_path / "link" / "new" / ".." / "x") == tmp_path / "folder" / "x"
    assert real_path(tmp_path / "loop" / "x") == tmp_path / "loop" / "x"


@pytest.mark.parametrize("package", [deeplab, worker, web], ids=lambda package: package.__name__)
def test_nobody_uses_what_depends_on_the_version_of_python(package: ModuleType) -> None:
    """Path.resolve, see real_path."""
    sources = Path(str(package.__file__)).parent.rglob("*.py")
    assert [path for path in sources if ".resolve()" in path.read_text("utf-8")] == []


def test_text_is_written_whole_and_keeps_odd_names(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    write_text(path, "caf\udce9")
    assert path.read_bytes() == b"caf\xe9"
    assert list(path.parent.iterdir()) == [path]


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"weights")
    flush_to_disk(path)
    flush_to_disk(tmp_path)
    assert sha256_of(path) == hashlib.sha256(b"weights").hexdigest()


def test_the_tail_begins_with_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    assert read_tail(path) == ""
    path.write_text("first\nsecond\nthird\n")
    assert read_tail(path) == "first\nsecond\nthird\n"
    assert read_tail(path, 10) == "third\n"


def test_what_nobody_sees_in_a_name_is_shown() -> None:
    assert printable("\ufeffa\u200b\u00a0b\n\u00e9 c") == "\\ufeffa\\u200b\\xa0b\\n\u00e9 c"


def test_what_nobody_sees_is_escaped_for_terminals() -> None:
    assert visible("a\tb\nc é 中 😀") == "a\tb\nc é 中 😀"
    assert visible("\x1b[31m\r\0\x9b\u202e\u2066\u2028\ud800") == (r"\x1b[31m\r\x00\x9b\u202e\u2066\u2028\ud800")


def test_a_plain_text_is_one_line_that_shows_all_of_itself() -> None:
    assert all(map(is_plain, ("", "a b", "é中😀", "a\u00a0b")))
    assert not any(map(is_plain, ("a\nb", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\u2028", "\ud800")))
