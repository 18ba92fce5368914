import pytest

from worker.execution.gpu_use import parse_gpu_use, read_gpu_use

_MIB = 2**20


@pytest.mark.parametrize(
    ("answer", "use"),
    [
        ("87, 21504\n", {"gpu": 0.87, "gpu_memory": 21504 * _MIB}),
        ("100, 10\n50, 30\n", {"gpu": 0.75, "gpu_memory": 40 * _MIB}),
        ("[N/A], 10\n", {"gpu_memory": 10 * _MIB}),
        ("[N/A], [N/A]\n", {}),
        ("", {}),
        ("No devices were found\n", {}),
    ],
)
def test_reads_what_nvidia_smi_says(answer: str, use: dict[str, float]) -> None:
    assert parse_gpu_use(answer) == use


def test_nothing_is_said_of_parts_and_without_gpus() -> None:
    assert read_gpu_use([]) == {}
    assert read_gpu_use(["MIG-1"]) == {}
