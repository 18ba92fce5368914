import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

from tests.file_server import serve_files
from tests.worker.cli.conftest import Deeplab
from worker.downloads.datasets import PUBLISHED


def write_archive(folder: Path, content: bytes = b"jpeg") -> None:
    folder.mkdir()
    with zipfile.ZipFile(folder / "cocostuff-10k-v1.1.zip", "w") as archive:
        archive.writestr("images/0.jpg", content)


def test_every_published_dataset_can_be_named(deeplab: Deeplab) -> None:
    assert f"{{{'|'.join(PUBLISHED)}}}" in deeplab("dataset", "download", "--help").output


def test_download(deeplab: Deeplab, tmp_path: Path) -> None:
    write_archive(tmp_path / "served")
    with serve_files(tmp_path / "served") as server:
        ended = deeplab("dataset", "download", "cocostuff10k", tmp_path / "data", "--mirror", server.url)
        again = deeplab("dataset", "download", "cocostuff10k", tmp_path / "data", "--mirror", server.url, "--json")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == f"cocostuff10k is complete. Set DATASET.ROOT to: {tmp_path / 'data'}\n"
    assert json.loads(again.stdout) == {"name": "cocostuff10k", "root": str(tmp_path / "data")}
    assert (tmp_path / "data/images/0.jpg").read_bytes() == b"jpeg"


def test_download_of_what_is_not_there(deeplab: Deeplab, tmp_path: Path) -> None:
    with serve_files(tmp_path) as server:
        ended = deeplab("dataset", "download", "voc12", tmp_path / "data", "--mirror", server.url)
    assert ended.exit_code == 1
    assert ended.stderr.splitlines()[-1] == (
        f"Error: {server.url}/VOCtrainval_11-May-2012.tar: the server answered 404 Not Found."
    )


def test_download_of_an_unknown_dataset(deeplab: Deeplab, tmp_path: Path) -> None:
    ended = deeplab("dataset", "download", "imagenet", tmp_path)
    assert ended.exit_code == 2
    assert "'imagenet' is not one of 'voc12', 'cocostuff10k', 'cocostuff164k'" in ended.stderr


def test_download_is_stopped_by_ctrl_c_and_continued(deeplab: Deeplab, tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(100_000)
    write_archive(tmp_path / "served", content)
    part = tmp_path / "data/cocostuff-10k-v1.1.zip.part"
    with serve_files(tmp_path / "served") as server:
        server.piece, server.pause = 1000, 0.2
        command = ["dataset", "download", "cocostuff10k", str(tmp_path / "data"), "--mirror", server.url]
        child = subprocess.Popen([sys.executable, "-m", "worker.cli", *command], stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while not part.with_name(f"{part.name}.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 130, errors
        assert errors.splitlines()[-1].endswith("Run the same command again to continue.")
        kept = part.stat().st_size
        server.pause = 0
        assert deeplab(*command).exit_code == 0
    assert 0 < kept < len(content)
    assert server.ranges[-1] == f"bytes={kept}-"
    assert (tmp_path / "data/images/0.jpg").read_bytes() == content
