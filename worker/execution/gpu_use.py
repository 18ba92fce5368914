"""How busy GPUs are, by nvidia-smi: without an NVIDIA driver, nothing is said."""

import shutil
import subprocess
from collections.abc import Sequence

_MIB = 2**20
_TIMEOUT = 10  # seconds


def read_gpu_use(ids: Sequence[str]) -> dict[str, float]:
    """Measure "gpu", the mean utilization in [0, 1], and "gpu_memory", bytes in use, of the GPUs of these ids.

    Empty without GPUs, and for parts of GPUs (MIG), of which nvidia-smi says neither.
    """
    program = shutil.which("nvidia-smi")
    if program is None or not ids or any(each.startswith("MIG-") for each in ids):
        return {}
    query = [
        program,
        "--query-gpu=utilization.gpu,memory.used",
        "--format=csv,noheader,nounits",
        f"--id={','.join(ids)}",
    ]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=True, timeout=_TIMEOUT).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse_gpu_use(answer)


def parse_gpu_use(answer: str) -> dict[str, float]:
    """Read the lines of nvidia-smi, such as "87, 21504": percent and MiB of each GPU. "[N/A]" is left out."""
    busy: list[float] = []
    memory: list[float] = []
    for line in answer.splitlines():
        for text, values in zip(line.split(","), (busy, memory), strict=False):
            if text.strip().isdecimal():
                values.append(float(text))
    return {
        **({"gpu": sum(busy) / len(busy) / 100} if busy else {}),
        **({"gpu_memory": sum(memory) * _MIB} if memory else {}),
    }
