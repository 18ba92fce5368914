import multiprocessing
import os

import pytest

from deeplab.processes import n_cpus
from worker.execution.slots import Gpu, Slots, StopFlag, find_gpus, parse_gpus, visible_gpus

TWO = """\
GPU 0: NVIDIA H200 (UUID: GPU-5d0f4e0c-0000-1111-2222-333344445555)
GPU 1: NVIDIA H200 (UUID: GPU-6d0f4e0c-0000-1111-2222-333344445555)
"""
DIVIDED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d0f4e0c-0000-1111-2222-333344445555)
  MIG 3g.20gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)
  MIG 2g.10gb     Device  1: (UUID: MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-6d0f4e0c-0000-1111-2222-333344445555)
"""


def test_gpus_are_read() -> None:
    assert parse_gpus(TWO) == [
        Gpu("GPU-5d0f4e0c-0000-1111-2222-333344445555", "NVIDIA H200"),
        Gpu("GPU-6d0f4e0c-0000-1111-2222-333344445555", "NVIDIA H200"),
    ]
    assert parse_gpus("No devices found.\n") == []


def test_a_divided_gpu_is_replaced_by_its_parts() -> None:
    assert parse_gpus(DIVIDED) == [
        Gpu("MIG-c7384736-a75d-5afc-978f-d2f1294409fd", "NVIDIA A100-SXM4-40GB MIG 3g.20gb"),
        Gpu("MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d", "NVIDIA A100-SXM4-40GB MIG 2g.10gb"),
        Gpu("GPU-6d0f4e0c-0000-1111-2222-333344445555", "NVIDIA A100-SXM4-40GB"),
    ]


@pytest.mark.parametrize(
    ("allowed", "numbers"),
    [(None, [0, 1]), ("", []), ("-1", []), ("1", [1]), ("1,0", [1, 0]), ("GPU-6d", [1]), ("0,9,1", [0]), ("GPU-", [])],
)
def test_cuda_visible_devices_is_honoured(allowed: str | None, numbers: list[int]) -> None:
    gpus = parse_gpus(TWO)
    assert visible_gpus(gpus, allowed) == [gpus[number] for number in numbers]


def test_a_cpu_worker_s_children_see_no_gpu() -> None:
    slots = Slots("cpu@here", [], None)
    assert (slots.count, slots.most_gpus) == (1, 0)
    assert slots.device.startswith("CPU (")
    with slots.reserved(1, lambda: True) as slot:
        assert slot is not None
        assert slot.environment == {"CUDA_VISIBLE_DEVICES": ""}
        assert (slot.owner, slot.device) == (f"cpu@here/0.{os.getpid()}", slots.device)
    assert Slots("cpu@here", [], 3).count == 3


def test_a_slot_has_the_gpus_that_its_job_asks_for() -> None:
    gpus = parse_gpus(TWO)
    slots = Slots("gpu@here", gpus, None)
    assert (slots.count, slots.most_gpus, slots.device) == (2, 2, "2 x NVIDIA H200")
    with slots.reserved(1, lambda: True) as slot:
        assert slot is not None
        assert slot.environment["CUDA_VISIBLE_DEVICES"] == gpus[0].id
        assert slot.device == "NVIDIA H200"
    with slots.reserved(2, lambda: True) as slot:
        assert slot is not None
        assert slot.environment["CUDA_VISIBLE_DEVICES"] == f"{gpus[0].id},{gpus[1].id}"
        assert slot.environment["OMP_NUM_THREADS"] == str(max(1, n_cpus() // 2))
        assert slot.device == "2 x NVIDIA H200"


def test_parts_of_gpus_are_for_jobs_that_ask_for_one() -> None:
    divided = parse_gpus(DIVIDED)  # two parts and a whole one
    assert Slots("gpu@here", divided, None).most_gpus == 1
    slots = Slots("gpu@here", [*divided, *parse_gpus(TWO)[:1]], None)
    assert slots.most_gpus == 2
    with slots.reserved(2, lambda: True) as slot:
        assert slot is not None
        assert "MIG" not in slot.environment["CUDA_VISIBLE_DEVICES"]


@pytest.mark.parametrize(
    ("gpus", "concurrency", "cores", "threads"),
    [([], 1, 3, "3"), ([], 3, 12, "4"), ([], 4, 2, "1"), (parse_gpus(TWO), None, 8, "4"), (parse_gpus(TWO), 4, 8, "2")],
)
def test_slots_share_out_the_cores(gpus: list[Gpu], concurrency: int, cores: int, threads: str) -> None:
    with Slots("gpu@here", gpus, concurrency, cores=cores).reserved(1, lambda: True) as slot:
        assert slot is not None
        assert slot.environment["OMP_NUM_THREADS"] == threads


@pytest.mark.gpu
def test_this_machine_s_gpus_are_found() -> None:
    assert find_gpus({})
    assert find_gpus({"CUDA_VISIBLE_DEVICES": ""}) == []


def test_the_stop_flag_is_seen_by_forked_processes() -> None:
    flag = StopFlag()
    assert not flag.is_set()
    process = multiprocessing.get_context("fork").Process(target=flag.set)
    process.start()
    process.join()
    assert flag.is_set()
