import base64
import hashlib
import io
import json
import os
import runpy
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.file_server import serve_files
from tests.paths import ROOT

FILES: dict[str, tuple[str, ...]] = runpy.run_path(str(ROOT / "tools" / "vendor.py"))["FILES"]


def pack(package: str) -> bytes:
    """An archive as npm packs them, of files that hold their names."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in ("package.json", *FILES[package]):
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    return packed.getvalue()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that pins such archives, and a folder `registry` that has them."""
    pins = {}
    for package in FILES:
        archive = pack(package)
        path = tmp_path / "registry" / package / "-" / f"{package}-1.0.tgz"
        path.parent.mkdir(parents=True)
        path.write_bytes(archive)
        integrity = f"sha512-{base64.b64encode(hashlib.sha512(archive).digest()).decode()}"
        pins[f"node_modules/{package}"] = {"version": "1.0", "integrity": integrity}
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": pins}))
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "vendor.py", tmp_path / "tools")
    return tmp_path


def vendor(checkout: Path, **environment: str) -> str:
    """Run the script; what it complains about."""
    inherited = {name: value for name, value in os.environ.items() if name.lower() != "npm_config_registry"}
    ended = subprocess.run(
        [sys.executable, checkout / "tools" / "vendor.py", checkout / "vendor"],
        env=inherited | {"HOME": str(checkout), "no_proxy": "127.0.0.1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode == 0) == (ended.stderr == "")
    return ended.stderr


@pytest.mark.parametrize("source", ["npm_config_registry", "NPM_CONFIG_REGISTRY", ".npmrc"])
def test_the_files_come_from_the_registry_that_npm_is_told(checkout: Path, source: str) -> None:
    with serve_files(checkout / "registry") as server:
        if source == ".npmrc":
            (checkout / source).write_text(f"fund=false\nregistry = {server.url}/\n")
        assert vendor(checkout, **({} if source == ".npmrc" else {source: server.url})) == ""
    found = {path.name: path.read_text() for path in (checkout / "vendor").iterdir()}
    assert found == {Path(name).name: name for names in FILES.values() for name in names}


def test_another_archive_than_the_pinned_one_is_refused(checkout: Path) -> None:
    (checkout / "registry/uplot/-/uplot-1.0.tgz").write_bytes(b"another")
    with serve_files(checkout / "registry") as server:
        complaint = vendor(checkout, npm_config_registry=server.url)
    url = f"{server.url}/uplot/-/uplot-1.0.tgz"
    assert complaint == f"{url}: is not what package-lock.json pins: its sha512 is another.\n"
    assert not list((checkout / "vendor").glob("uPlot*"))


def test_a_registry_that_cannot_be_reached_is_named(checkout: Path) -> None:
    complaint = vendor(checkout, npm_config_registry="http://127.0.0.1:1")
    assert complaint.startswith("http://127.0.0.1:1/bootstrap/-/bootstrap-1.0.tgz: is not available: ")
    assert complaint.count("\n") == 1


def test_the_lock_file_pins_what_package_json_asks_for() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    pins = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert wanted.keys() == FILES.keys()
    assert wanted == pins[""]["dependencies"] == {name: pins[f"node_modules/{name}"]["version"] for name in wanted}
    assert not any("resolved" in pin for pin in pins.values())
