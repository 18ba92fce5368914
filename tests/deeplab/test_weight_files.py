"""Files that shall hold weights and do not: each is refused with its own reason, and no code in it runs."""

import argparse
import io
import pickle
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._weights_only_unpickler import _get_allowed_globals

from deeplab.errors import CheckpointError
from deeplab.models.weights.state_dict import load_state_dict
from deeplab.weight_files import _PLAIN, conversion_command, explain_unreadable

STATE = {"conv.weight": torch.arange(4.0).reshape(2, 2)}


def saved(content: object, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def zipped(**files: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


def scripted() -> bytes:
    """What torch.jit.save leaves, as far as a look at it tells."""
    return zipped(**{"m/data.pkl": "", "m/constants.pkl": "", "m/code/__torch__.py": ""})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is an empty file"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n",
            "is a Git LFS pointer .*git lfs pull",
        ),
        (b"\n<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title>", "is a web page.*Google Drive"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "is a web page"),
        (b'{"message": "Not Found"}', "is a text file, which begins .*Not Found"),
        ("404: nicht gefunden, ä".encode(), "is a text file, which begins '404"),
        (saved(STATE)[:-100], "is cut off or damaged"),
        (b"PK\x03\x04broken", "is cut off or damaged"),
        (zipped(**{"weights.pth": "", "readme.txt": ""}), r"is an archive of other files \(weights.pth, readme.txt\)"),
        (scripted(), "is a TorchScript program"),
        (b"\x1f\x8b\x08\x00", "is a gzip archive; unpack it first"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes them"),
        (saved({"model": STATE, "args": argparse.Namespace(lr=0.1)}), r"\(argparse\.Namespace\).*can run code"),
        (
            saved({"a": Path("x")}, _use_new_zipfile_serialization=False),
            r"\(pathlib\.\w*Path|\(pathlib\._local\.PosixPath",
        ),
        (saved({"model": STATE, "best": np.float64(1)}), r"\(numpy\.\S*scalar, numpy.dtype"),
        (saved(nn.Conv2d(1, 1, 1)), r"\(torch\.nn\.modules\.conv\.Conv2d"),
        (pickle.dumps({"a": Path("x")}, protocol=4), r"\(pathlib"),
        (b"\x80\x04\x00\x01\x02\xff", "is damaged or cut off, or is not a checkpoint"),
    ],
)
def test_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"a\.pth: .*{reason}" if "|" not in reason else reason):
        load_state_dict(path)


def test_a_file_that_is_cut_off_in_the_old_format(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(saved(STATE, _use_new_zipfile_serialization=False)[:-8])
    with pytest.raises(CheckpointError, match="is damaged or cut off"):
        load_state_dict(path)


def test_a_caffemodel(tmp_path: Path) -> None:
    (tmp_path / "init.caffemodel").write_bytes(b"\n\x0bdeeplab\x00\xff")
    with pytest.raises(CheckpointError, match="deeplab convert caffemodel"):
        load_state_dict(tmp_path / "init.caffemodel")


def test_good_files_give_no_reason(tmp_path: Path) -> None:
    for number, options in enumerate(({}, {"_use_new_zipfile_serialization": False})):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(saved({**STATE, "half": torch.zeros(1, dtype=torch.bfloat16)}, **options))
        assert explain_unreadable(path) is None


def test_what_torch_loads_is_plain() -> None:
    assert [name for name in _get_allowed_globals() if not _PLAIN.fullmatch(name)] == []


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise AssertionError('the file was executed')",))


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_named_and_not_run(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(saved({"a": Hostile()}, _use_new_zipfile_serialization=zipped))
    with pytest.raises(CheckpointError, match=r"beside tensors \((builtins|__builtin__)\.exec\)"):
        load_state_dict(path)


@pytest.mark.slow
@pytest.mark.parametrize("wrapped", [True, False])
def test_the_command_for_a_trusted_file(tmp_path: Path, wrapped: bool) -> None:
    path, module = tmp_path / "it's a.pth", nn.Conv2d(1, 1, 1)
    torch.save({"model": STATE, "args": argparse.Namespace()} if wrapped else module, path)
    words = shlex.split(conversion_command(path))
    assert words[0] == "python"
    subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, check=True)
    expected = STATE if wrapped else module.state_dict()
    written = load_state_dict(tmp_path / "it's a_weights.pth")
    assert written.keys() == expected.keys()
    assert all(torch.equal(value, expected[key]) for key, value in written.items())
