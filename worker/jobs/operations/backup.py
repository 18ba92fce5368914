"""A backup: the database as it is at one moment, and with `files` what jobs have written into the home.

It is one tar file: backup.json says what it is, then comes the database, then the files. Rows come first and files
second, as jobs write them the other way round: so every file that a row names is there, unless it was deleted
meanwhile. Secrets of the home (its key, its token, the broker's password) are left out; they are made anew.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Literal

from sqlalchemy import inspect, make_url
from sqlalchemy.exc import DBAPIError

from deeplab.errors import DeepLabError
from deeplab.files import replace_file
from worker.jobs import database, storage
from worker.jobs.revisions import known_revisions, read_revision
from worker.jobs.settings import Settings

_DESCRIPTION, _JOBS = "backup.json", "jobs"
_DATABASE = {"sqlite": "database.sqlite", "postgresql": "database.dump"}  # names in the archive


class BackupError(DeepLabError):
    """A backup cannot be made, read or restored."""


@dataclass(frozen=True)
class Description:
    """What a backup is."""

    platform: str  # version that made it
    revision: str  # of the tables
    kind: Literal["sqlite", "postgresql"]
    has_files: bool


def back_up(settings: Settings, target: Path, *, files: bool) -> Description:
    """Write a backup, whole or not at all; the platform may run meanwhile.

    Args:
        settings: name the database and the home.
        target: the file to write, readable by its owner alone; one that exists is replaced.
        files: whether to add the folders of all jobs: checkpoints, masks, logs.

    Raises:
        DatabaseError: if the database cannot be read.
        BackupError: if pg_dump is missing or fails, or if the files of jobs lie elsewhere.
        OutputError: if the file cannot be written.
    """
    if files and settings.storage_url:
        raise BackupError(
            f"The files of jobs lie at {settings.storage_url}, of which the home has copies of some; have them backed"
            " up there, and take a backup without --files."
        )
    with database.open_session(settings, reads_only=True) as session:
        revision = read_revision(session)
    description = Description(version("deeplab-platform"), revision, _kind(settings), files)
    umask = os.umask(0o077)
    try:
        with replace_file(target) as file, tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as folder:
            dump = Path(folder, _DATABASE[description.kind])
            _dump(settings, dump)
            with tarfile.open(fileobj=file, mode="w") as archive:
                _add_text(archive, _DESCRIPTION, json.dumps(asdict(description), indent=2))
                archive.add(dump, dump.name)
                if files and storage.jobs_dir(settings).is_dir():
                    archive.add(storage.jobs_dir(settings), _JOBS)
    finally:
        os.umask(umask)
    return description


def restore(settings: Settings, source: Path) -> Description:
    """Fill an empty home and an empty database from a backup, and bring its tables up to date.

    Files come first, the database last: what was interrupted can be seen, for it has no database.

    Raises:
        BackupError: if the file is no backup, or one of another kind of database or a newer version; if the database
            or the folder of jobs is not empty; or if pg_restore is missing or fails.
    """
    try:
        with tarfile.open(source) as archive, tempfile.TemporaryDirectory(dir=_home(settings)) as folder:
            description = _describe(archive, source)
            _check_fits(settings, description, source)
            archive.extractall(folder, filter="data")
            if description.has_files:
                _bring_jobs(settings, Path(folder, _JOBS))
            _load(settings, Path(folder, _DATABASE[description.kind]))
    except (OSError, tarfile.TarError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BackupError(f"{source}: cannot be restored: {reason or error}.") from error
    database.upgrade(settings)
    return description


def _home(settings: Settings) -> Path:
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.home


def _describe(archive: tarfile.TarFile, source: Path) -> Description:
    try:
        file = archive.extractfile(_DESCRIPTION)
        return Description(**json.loads(file.read() if file else b""))
    except (KeyError, TypeError, ValueError) as error:
        raise BackupError(f"{source}: is no backup of this platform; expected a file of `deeplab backup`.") from error


def _check_fits(settings: Settings, description: Description, source: Path) -> None:
    """Check that nothing would be lost, and that the backup is one for this database."""
    if description.kind != _kind(settings):
        raise BackupError(
            f"{source}: is a backup of {description.kind}, but the database is {_kind(settings)};"
            " set DEEPLAB_DATABASE_URL to one of its kind."
        )
    if description.revision not in known_revisions():
        raise BackupError(
            f"{source}: was made by a newer version ({description.platform}); update this installation first."
        )
    if _has_tables(settings):
        raise BackupError("The database is not empty; restore into an empty one, or into another home (DEEPLAB_HOME).")
    if description.has_files and any(storage.jobs_dir(settings).glob("*")):
        raise BackupError(f"{storage.jobs_dir(settings)}: is not empty; restore into an empty home.")


def _has_tables(settings: Settings) -> bool:
    if _kind(settings) == "sqlite":
        return _sqlite_file(settings).exists()
    try:
        with database.engine_for(settings.database, settings.database_seconds).connect() as connection:
            return bool(inspect(connection).get_table_names())
    except DBAPIError as error:
        raise BackupError(f"The database cannot be reached: {' '.join(str(error.orig).split())}.") from error


def _bring_jobs(settings: Settings, extracted: Path) -> None:
    jobs = storage.jobs_dir(settings)
    if not extracted.is_dir():  # there were none
        return
    if jobs.is_dir():
        jobs.rmdir()
    extracted.rename(jobs)


def _dump(settings: Settings, target: Path) -> None:
    """Copy the database as it is at one moment into a file."""
    if _kind(settings) == "sqlite":
        with closing(sqlite3.connect(_sqlite_file(settings))) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
        return
    _run(settings, "pg_dump", "--format=custom", "--no-owner", f"--file={target}")


def _load(settings: Settings, dump: Path) -> None:
    """Make a database of such a file, whole or not at all."""
    if _kind(settings) == "sqlite":
        dump.chmod(0o600)
        shutil.move(dump, _sqlite_file(settings))
        return
    _run(settings, "pg_restore", "--no-owner", "--single-transaction", "--exit-on-error", str(dump))


def _run(settings: Settings, name: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on the database; the password is in its environment, where others do not see it."""
    program = shutil.which(name)
    if program is None:
        raise BackupError(f"{name} is not on the PATH; install PostgreSQL's client programs (postgresql-client).")
    url = make_url(settings.database)
    address = url.set(drivername="postgresql", password=None).render_as_string()
    password = {} if url.password is None else {"PGPASSWORD": str(url.password)}
    command = [program, *arguments, f"--dbname={address}"]
    ended = subprocess.run(command, env=os.environ | password, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise BackupError(f"{name} failed: {' '.join(ended.stderr.split()).rstrip('.')}.")


def _kind(settings: Settings) -> Literal["sqlite", "postgresql"]:
    return "sqlite" if make_url(settings.database).get_backend_name() == "sqlite" else "postgresql"


def _sqlite_file(settings: Settings) -> Path:
    return Path(str(make_url(settings.database).database))


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, BytesIO(content))
