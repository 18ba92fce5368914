"""What a file that shall hold weights is, judged by its bytes alone, and why it cannot be read. Torch-free."""

import pickletools
import re
import shlex
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from deeplab.files import printable

_HEAD_BYTES = 512
_LARGEST_HEADER = 100_000_000  # bytes, of safetensors
_LARGEST_GROWTH = 4  # of packed weights; PyTorch packs none
_SMALL = 2**24  # bytes
_ZIP = b"PK\x03\x04"
_OTHER_KINDS = {
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"BZh": "a bzip2 archive; unpack it first",
    b"\xfd7zXZ": "an xz archive; unpack it first",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"\x89HDF": "an HDF5 file, as Keras writes them; expected PyTorch's weights",
    b"\x93NUMPY": "a NumPy array; expected PyTorch's weights",
    b"GGUF": "a GGUF file; expected PyTorch's weights",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x89PNG": "a PNG image",
    b"%PDF": "a PDF",
}  # by their first bytes
_PLAIN = re.compile(
    r"collections\.(OrderedDict|Counter)|_codecs\.encode|(builtins|__builtin__)\.(bytearray|set|complex)"
    r"|torch\.(Size|Tensor|device|[a-z]+\d+\w*|bool|half|\w+Tensor|\w+Storage|per_\w+|q\w+)|torch\.storage\.\w+Storage"
    r"|torch(\.cuda)?(\.sparse)?\.\w+Tensor|torch\.cuda\.\w+Storage|torch\.nn\.parameter\.\w+|torch\.serialization\._get_layout|torch\._utils\._rebuild_\w+"
    r"|torch\._tensor\._rebuild_\w+"
)  # what torch.load(weights_only=True) makes; it has the last word
_MANY = 4  # so many classes are named


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do, whatever it is called: the length of a JSON object, and that."""
    with path.open("rb") as file:
        head = file.read(10)
    return len(head) == 10 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= _LARGEST_HEADER


def explain_unreadable(path: Path, *, quotes: bool = True) -> str | None:
    """Say why a file cannot hold weights that we read, as far as a look at it tells; None if it looks well.

    Reads the beginning of the file and the list of an archive's members, and runs nothing.

    Args:
        path: the file.
        quotes: whether the sentence may repeat what is in the file.

    Returns:
        A sentence that names the file.

    Raises:
        OSError: if the file cannot be read.
    """
    reason = _explain(path, quotes)
    return None if reason is None else f"{printable(path)}: {reason}."


def _explain(path: Path, quotes: bool) -> str | None:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        return "is an empty file; a download or a copy of it has failed"
    if path.suffix == ".caffemodel":
        return "is a caffemodel; `deeplab convert caffemodel` makes weights of it"
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer and not the file that it stands for; fetch that with `git lfs pull`"
    if re.match(rb"\s*<(!doctype|html|\?xml|!--)", head, re.IGNORECASE):
        return (
            "is a web page and not weights; some servers, such as Google Drive, answer so in place of a large file:"
            " download it with a browser"
        )
    for magic, kind in _OTHER_KINDS.items():
        if head.startswith(magic):
            return f"is {kind}"
    if head.startswith(_ZIP):
        return _explain_zip(path, quotes)
    if is_safetensors(path):
        return _explain_safetensors(path, head)
    if _is_text(head):
        begins = f", which begins {_first_line(head)!r}" if quotes else ""
        return f"is a text file{begins}; expected weights"
    return explain_objects(path, quotes=quotes)


def explain_excess(path: Path) -> str | None:
    """Say that an archive unpacks to far more than its own size, which would fill the memory; None if it does not.

    Raises:
        OSError: if the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError):
        return None
    if unpacked <= _LARGEST_GROWTH * path.stat().st_size + _SMALL:
        return None
    return f"unpacks to {unpacked:,} bytes, far more than the file's own; weights are stored as they are"


def explain_objects(path: Path, *, quotes: bool = True) -> str | None:
    """Name the Python objects beside tensors and plain values in a pickle, and how to be rid of them; None if none."""
    classes = _foreign_classes(path)
    if not classes:
        return None
    named = ", ".join(classes[:_MANY]) + (f" and {len(classes) - _MANY} more" if len(classes) > _MANY else "")
    which = f" ({named})" if quotes else ""
    return (
        f"holds Python objects beside tensors{which}; they are not loaded, because loading them can run code."
        f" If you trust whom the file is from, take the weights out of it:\n{conversion_command(path)}"
    ).removesuffix(".")


def conversion_command(path: Path) -> str:
    """A shell command that takes the weights out of a file that is trusted: it runs whatever code is in it."""
    code = (
        f"import torch; c = torch.load({str(path)!r}, map_location='cpu', weights_only=False);"
        " c = next((c[k] for k in ('state_dict', 'model', 'model_state_dict', 'net') if k in c), c)"
        " if isinstance(c, dict) else c;"
        f" torch.save(c.state_dict() if hasattr(c, 'state_dict') else c, {f'{path.stem}_weights.pth'!r})"
    )
    quoted = f'"{code}"' if not set('"$`\\\\!') & set(code) else shlex.quote(code)
    return f"python -c {quoted}"


def _explain_zip(path: Path, quotes: bool) -> str | None:
    if excess := explain_excess(path):
        return excess
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError):
        return "is cut off or damaged: its end is missing; copy or download it again"
    if any(name.endswith("/constants.pkl") for name in names) and any("/code/" in name for name in names):
        return "is a TorchScript program; expected a state dict, which its `state_dict()` gives"
    if not any(name.endswith("/data.pkl") or name == "data.pkl" for name in names):
        which = f" ({', '.join(names[:_MANY])})" if quotes else ""
        return f"is an archive of other files{which}; unpack it first"
    return explain_objects(path, quotes=quotes)


def _explain_safetensors(path: Path, head: bytes) -> str | None:
    header = struct.unpack("<Q", head[:8])[0]
    if path.stat().st_size < 8 + header:
        return "is cut off: its end is missing; copy or download it again"
    return None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) < _HEAD_BYTES or error.start < len(head) - 3:  # else a character is cut in two
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\r\n\t\ufeff" for character in text)


def _first_line(head: bytes) -> str:
    line = head.decode("utf-8", errors="replace").strip().splitlines() or [""]
    return line[0][:40]


def _foreign_classes(path: Path) -> list[str]:
    """The classes and functions that a pickle names and that are neither tensors nor plain values, in order."""
    found: dict[str, None] = {}
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                name = next(each for each in archive.namelist() if each.rpartition("/")[2] == "data.pkl")
                with archive.open(name) as pickled:
                    found.update(dict.fromkeys(_globals(pickled)))
        else:
            with path.open("rb") as pickled:
                while True:  # the old format is several pickles in a row, of which storages end the list
                    found.update(dict.fromkeys(_globals(pickled)))
    except (ValueError, zipfile.BadZipFile, StopIteration, OSError, EOFError, IndexError):
        pass  # not a pickle, or not any more
    return [name for name in found if not _PLAIN.fullmatch(name)]


def _globals(pickled: IO[bytes]) -> Iterator[str]:
    """Every "module.name" that a pickle looks up."""
    texts: list[str] = []  # in the order in which they were pushed; a later protocol makes a name of the last two
    memo: list[str | None] = []
    pushed: str | None = None  # by the last operation, if it was a text
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "MEMOIZE":
            memo.append(pushed)
            continue
        pushed = None
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".", 1)
        elif opcode.name == "STACK_GLOBAL" and len(texts) > 1:
            yield f"{texts[-2]}.{texts[-1]}"
        elif opcode.name in ("BINGET", "LONG_BINGET") and isinstance(argument, int) and argument < len(memo):
            pushed = memo[argument]
        elif isinstance(argument, str) and "UNICODE" in opcode.name:
            pushed = argument
        if pushed is not None:
            texts.append(pushed)
