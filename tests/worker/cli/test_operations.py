"""`deeplab backup`, `restore` and `doctor`."""

import json
from pathlib import Path

import pytest

from tests.worker.cli.conftest import Deeplab
from worker.jobs.settings import Settings


def test_a_backup_is_restored_into_another_home(
    deeplab: Deeplab, home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b.tar"
    ended = deeplab("backup", file)
    assert (ended.exit_code, ended.output.startswith(f"{file}: the database, ")) == (0, True)
    again = deeplab("restore", file)
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    assert "not empty" in again.stderr
    monkeypatch.setenv("DEEPLAB_HOME", str(tmp_path / "new"))
    assert deeplab("restore", file).exit_code == 0
    assert deeplab("job", "list").exit_code == 0


def test_the_doctor_names_each_remedy(deeplab: Deeplab, home: Settings) -> None:
    home.home.chmod(0o755)
    ended = deeplab("doctor", "--json")
    assert ended.exit_code == 1
    findings = {finding["name"]: finding for finding in json.loads(ended.output)}
    assert {
        name for name in ("versions", "database", "revision", "storage", "clock") if not findings[name]["ok"]
    } == set()
    assert findings["home"]["remedy"] == f"run: chmod 700 {home.home}"
    assert "deeplab up" in findings["broker"]["remedy"]
    assert findings["gpu workers"]["remedy"] == "start one: deeplab worker start --queue gpu"
    assert all(finding["ok"] == (finding["remedy"] is None) for finding in findings.values())
    assert "What to do: run: chmod 700" in deeplab("doctor").output


def test_the_doctor_looks_at_a_platform_that_is_not_there(
    deeplab: Deeplab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPLAB_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("DEEPLAB_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/none")
    ended = deeplab("doctor")
    assert ended.exit_code == 1
    assert "WRONG  database: " in ended.output
    assert "secret" not in ended.output
