"""Unpack downloaded archives, which are not trusted: nothing is written outside the folder. Torch-free."""

import lzma
import math
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from deeplab.errors import DatasetError, OutputError
from deeplab.files import make_folder, printable, replace_file
from deeplab.formats import words_of
from deeplab.reporter import Reporter, Stopped

_MB = 10**6


@dataclass(frozen=True)
class _Member:
    """A file of an archive."""

    name: str
    size: int  # bytes, unpacked
    is_plain: bool  # neither a link nor a device
    extract: Callable[[Path], object]  # into this folder, under its name


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to."""

    files: int
    ratio: int  # bytes for each byte of the archive
    always: int = 10**9  # bytes that any archive may unpack to, whatever its size


def unpack(archive: Path, folder: Path, reporter: Reporter, *, limits: Limits | None = None) -> int:
    """Unpack a .zip or .tar file, compressed or not. Files that exist with their full size are skipped.

    An interrupted call can therefore be repeated, and unpacks the rest.

    Args:
        archive: the file; its content tells its format.
        folder: where the files go; made if missing.
        reporter: hears of each file.
        limits: what the archive may unpack to, if anybody may have made it.

    Returns:
        How many files the archive holds.

    Raises:
        DatasetError: if the archive is damaged, or holds links, paths that lead out of the folder, or more than the
            limits allow. Nothing is unpacked in the latter cases.
        OutputError: if the disk is too small or a file cannot be written.
        Stopped: when asked to stop.
    """
    make_folder(folder)
    try:
        with ExitStack() as stack:
            members = list(_members(archive, stack))
            for member in members:
                _require_inside(member, archive)
            if limits is not None:
                _require_within(limits, members, archive)
            missing = [member for member in members if not _is_unpacked(folder / member.name, member.size)]
            _require_space(folder, sum(member.size for member in missing))
            for done, member in enumerate(missing, start=len(members) - len(missing) + 1):
                if reporter.should_stop():
                    raise Stopped
                _extract(member, folder)
                reporter.progress(done, len(members), "file")
            return len(members)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno is None:  # the decoders of gzip and bzip2 raise it
            raise _damaged(archive, error) from error
        raise OutputError(f"{printable(error.filename or folder)}: cannot be written: {error.strerror}.") from error


def unpack_member(archive: Path, name: str) -> Path:
    """Unpack one file of a .zip archive beside it, unless it is there already, and return its path.

    Args:
        archive: the archive.
        name: of the file, without its folder.

    Raises:
        DatasetError: if the archive is damaged, or lacks the file.
        OutputError: if it cannot be written.
    """
    path = archive.with_name(name)
    try:
        with zipfile.ZipFile(archive) as zipped:
            info = next((each for each in zipped.infolist() if PurePosixPath(each.filename).name == name), None)
            if info is None:
                raise DatasetError(f"{printable(archive)}: lacks {name}.")
            if not _is_unpacked(path, info.file_size):
                _require_space(path.parent, info.file_size)
                with replace_file(path) as file, zipped.open(info) as content:
                    shutil.copyfileobj(content, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise _damaged(archive, error) from error
    return path


def _members(archive: Path, stack: ExitStack) -> Iterator[_Member]:
    """List the files of an archive; folders are made with their files."""
    try:
        if zipfile.is_zipfile(archive):
            zipped = stack.enter_context(zipfile.ZipFile(archive))
            for info in zipped.infolist():
                if not info.filename.endswith("/"):
                    is_plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
                    yield _Member(info.filename, info.file_size, is_plain, _zip_extractor(zipped, info))
            return
        packed = stack.enter_context(tarfile.open(archive))  # noqa: SIM115 -- the stack closes it
        for entry in packed.getmembers():
            if not entry.isdir():
                yield _Member(entry.name, entry.size, entry.isreg(), _tar_extractor(packed, entry))
    except FileNotFoundError:
        raise DatasetError(f"{printable(archive)}: the archive does not exist.") from None


def _zip_extractor(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[Path], object]:
    return lambda folder: archive.extract(info, folder)


def _tar_extractor(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Callable[[Path], object]:
    def extract(folder: Path) -> None:  # not by TarFile.extract, which has no filters before Python 3.11.4
        path = folder / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with cast(IO[bytes], archive.extractfile(entry)) as content, path.open("wb") as file:
            shutil.copyfileobj(content, file)

    return extract


def _extract(member: _Member, folder: Path) -> None:
    path = folder / member.name
    if path.is_symlink():
        path.unlink()  # or another file would be written
    try:
        member.extract(folder)
    except BaseException:
        path.unlink(missing_ok=True)  # it may have its full size and the wrong content
        raise


def _damaged(archive: Path, error: Exception) -> DatasetError:
    return DatasetError(f"{printable(archive)}: cannot be unpacked: {words_of(error)}.")


def _require_inside(member: _Member, archive: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise DatasetError(f"{printable(archive)}: holds {member.name!r}, a path that leads out of the folder.")
    if not member.is_plain:
        raise DatasetError(f"{printable(archive)}: holds {member.name!r}, which is a link or a device and not a file.")


def _require_within(limits: Limits, members: Sequence[_Member], archive: Path) -> None:
    if len(members) > limits.files:
        raise DatasetError(f"{printable(archive)}: holds {len(members):,} files; the limit is {limits.files:,}.")
    n_bytes, most = sum(member.size for member in members), max(limits.always, limits.ratio * archive.stat().st_size)
    if n_bytes > most:
        raise DatasetError(
            f"{printable(archive)}: unpacks to {n_bytes:,} bytes, more than {limits.ratio} times its size; it is no"
            " archive of images."
        )


def _is_unpacked(path: Path, size: int) -> bool:
    return not path.is_symlink() and path.is_file() and path.stat().st_size == size


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(f"{printable(folder)}: has {free // _MB} MB free; {math.ceil(needed / _MB)} MB are needed.")
