"""What is wrong with a platform, and what to do about it."""

import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from deeplab.formats import plural, size
from deeplab.mirrors import is_url
from deeplab.remote_probe import require_answer, require_writable
from worker.jobs import storage, workers
from worker.jobs.catalog import QUEUES
from worker.jobs.data_roots import complaint
from worker.jobs.database import DatabaseError, open_session, read_clock
from worker.jobs.named_places import text_of
from worker.jobs.operations.checks import Check, Checks
from worker.jobs.operations.readiness import REMOTE_STORAGE, check_readiness
from worker.jobs.ownership.room import enough_bytes, list_free
from worker.jobs.settings import Settings

_ENOUGH_BYTES = 5 * 10**9  # free, on every disk that is written, unless the settings ask for more
_LARGEST_DRIFT = 5.0  # seconds between the database's clock and this machine's


@dataclass(frozen=True)
class Finding:
    """What was found of one part of the platform."""

    name: str
    ok: bool
    says: str
    remedy: str | None = None  # if something is wrong


def examine(settings: Settings, gpus: Sequence[str], driver: bool) -> list[Finding]:
    """Look at everything.

    Args:
        settings: of the platform, as this process has them.
        gpus: names of the CUDA devices that this process may use.
        driver: whether this machine has an NVIDIA driver.
    """
    return [
        _versions(),
        *_parts(settings),
        *_remote(settings),
        _clock(settings),
        *_disks(settings),
        *_permissions(settings),
        _gpus(gpus, driver),
        *_workers(settings),
    ]


def _versions() -> Finding:
    found = [f"python {'.'.join(map(str, sys.version_info[:3]))}"]
    for name in ("deeplab-platform", "torch", "sqlalchemy", "celery"):
        with suppress(PackageNotFoundError):  # a web server needs no torch
            found.append(f"{name} {version(name)}")
    return Finding("versions", True, ", ".join(found))


def _parts(settings: Settings) -> Iterator[Finding]:
    remedies = {
        "database": "start it, or correct DEEPLAB_DATABASE_URL; `deeplab up` makes the one of the home",
        "revision": "run `deeplab db upgrade` with the newest version that you have installed",
        "broker": "start it, or correct DEEPLAB_BROKER_URL; `deeplab up` starts the one of the home",
        "storage": f"make {settings.home} writable, or choose another folder with DEEPLAB_HOME",
        REMOTE_STORAGE: "correct DEEPLAB_STORAGE_URL or AWS_ENDPOINT_URL, and let this user read and write there",
    }
    for check in check_readiness(settings):
        yield _finding(check, remedies[check.name])


def _remote(settings: Settings) -> Iterator[Finding]:
    """Storage at URLs: that of jobs can be written, and data roots and named roots answer."""
    questions: dict[str, Callable[[], object]] = {}
    if settings.storage_url:
        questions[f"{settings.storage_url} can be written"] = partial(require_writable, settings.storage_url)
    folders = [*settings.data_roots, *(folder for _, folder in settings.named_roots)]
    for url in filter(is_url, (text_of(folder, settings.home) for folder in folders)):
        questions[url] = partial(require_answer, url)
    remedy = "correct the settings that name it, start it, or let this user in by its credentials"
    for check in Checks(questions).ask():
        yield _finding(check, remedy)


def _finding(check: Check, remedy: str) -> Finding:
    says = f"answered in {1000 * check.seconds:.0f} ms" if check.problem is None else check.problem.rstrip(".")
    return Finding(check.name, check.ok, says, None if check.ok else remedy)


def _clock(settings: Settings) -> Finding:
    try:
        with open_session(settings, reads_only=True) as session:
            asked_at = time.time()
            drift = read_clock(session) - asked_at
    except DatabaseError:
        return Finding("clock", False, "the database's clock cannot be read", "mend the database first")
    says = f"this machine's is {abs(drift):.1f} s {'behind' if drift > 0 else 'ahead of'} the database's"
    ok = abs(drift) <= _LARGEST_DRIFT
    return Finding("clock", ok, says, None if ok else "set both by NTP (chrony, systemd-timesyncd)")


def _disks(settings: Settings) -> Iterator[Finding]:
    for folder, free in list_free(settings):
        ok = free >= max(_ENOUGH_BYTES, enough_bytes(settings))
        remedy = None if ok else "delete what nobody needs, or let the folder lie on a larger disk"
        yield Finding(f"disk of {folder}", ok, f"{size(free)} free", remedy)


def _permissions(settings: Settings) -> Iterator[Finding]:
    if settings.home.is_dir():
        mode = stat.S_IMODE(settings.home.stat().st_mode)
        ok = not mode & 0o077
        yield Finding("home", ok, f"{settings.home} has {mode:04o}", None if ok else f"run: chmod 700 {settings.home}")
    secrets = (storage.secret_key_path(settings), storage.token_path(settings))
    for path in secrets:
        if path.exists() and path.stat().st_mode & 0o077:
            yield Finding("secret", False, f"{path} can be read by others", f"run: chmod 600 {path}, and change it")
    for root in settings.data_roots:
        if not is_url(text_of(root, settings.home)):
            yield _root(root)


def _root(root: Path) -> Finding:
    problem = complaint(root, writes=False)
    if problem is None:
        return Finding("data root", True, f"{root} can be read")
    return Finding(
        "data root", False, problem.rstrip("."), "mount it, let this user read it, or change DEEPLAB_DATA_ROOTS"
    )


def _gpus(gpus: Sequence[str], driver: bool) -> Finding:
    if gpus:
        return Finding("gpus", True, ", ".join(gpus))
    if driver:
        return Finding("gpus", False, "none, though there is a driver", "look at nvidia-smi, and CUDA_VISIBLE_DEVICES")
    return Finding("gpus", True, "none; jobs compute on the CPU")


def _workers(settings: Settings) -> Iterator[Finding]:
    try:
        with open_session(settings, reads_only=True) as session:
            alive = workers.list_alive(session)
    except DatabaseError:
        return
    for queue in QUEUES:
        found = [worker for worker in alive if worker.queue == queue]
        says = f"{plural(len(found), 'live worker')} for the {queue} queue"
        remedy = None if found else f"start one: deeplab worker start --queue {queue}"
        yield Finding(f"{queue} workers", bool(found), says, remedy)
