"""What several processes share and agree on."""

import json
import sys
from pathlib import Path

import pytest

from deeplab.distributed import ALONE, World, joined_world
from deeplab.errors import ConfigError, DeepLabError
from deeplab.reporter import Stopped
from tests.deeplab.training.torchrun import run_unsupervised

CASES = '''
import json, sys
from pathlib import Path
import torch
from deeplab.distributed import joined_world
from deeplab.errors import CheckpointError, DeepLabError
from deeplab.reporter import Stopped

def end_of(*ends):
    """What a block comes to that ends so in the first and in the second process."""
    try:
        with world.together():
            if ends[world.rank] is not None:
                raise ends[world.rank]
    except (DeepLabError, Stopped) as error:
        return [type(error).__name__, str(error)]

with joined_world() as world:
    seen = {
        "world": [world.rank, world.size, world.is_main],
        "share": list(world.share(4)),
        "sum": world.all_reduce_sum(torch.tensor([1.0, 10.0]) * (world.rank + 1)).tolist(),
        "in turn": world.gather_in_turn(["a", "b", "c"] if world.rank == 0 else ["d", "e"]),
        "device": str(world.choose_device("cpu")),
        "fine": end_of(None, None),
        "failed": end_of(None, CheckpointError("no such file")),
        "both": end_of(DeepLabError("mine"), DeepLabError("yours")),
        "stopped": end_of(Stopped(), None),
        "failed while stopping": end_of(Stopped(), DeepLabError("disk full")),
    }
    try:
        world.choose_device("cuda:1")
    except DeepLabError as error:
        seen["other device"] = str(error)
Path(sys.argv[1], f"{world.rank}.json").write_text(json.dumps(seen))
'''


@pytest.mark.slow
def test_two_processes_agree(tmp_path: Path) -> None:
    for ended in run_unsupervised(sys.executable, "-c", CASES, tmp_path):
        assert ended.returncode == 0, ended.stderr

    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))

    assert (first.pop("world"), second.pop("world")) == ([0, 2, True], [1, 2, False])
    assert (first.pop("share"), second.pop("share")) == ([0, 1], [2, 3])
    assert first.pop("failed") == ["DeepLabError", "no such file"]
    assert second.pop("failed") == ["CheckpointError", "no such file"]
    assert (first.pop("both")[1], second.pop("both")[1]) == ("mine", "yours")
    assert first == second
    assert first == {
        "sum": [3.0, 30.0],
        "in turn": ["a", "d", "b", "e", "c"],
        "device": "cpu",
        "fine": None,
        "stopped": ["Stopped", ""],
        "failed while stopping": ["DeepLabError", "disk full"],
        "other device": "Several processes use one GPU each; expected auto, cuda or cpu, got cuda:1.",
    }


@pytest.mark.slow
def test_a_process_whose_companion_is_gone_says_so() -> None:
    script = """
import os
from deeplab.distributed import joined_world
with joined_world() as world:
    with world.together():
        pass
    if world.rank == 1:
        os._exit(7)
    with world.together():
        pass
"""
    survivor, gone = run_unsupervised(sys.executable, "-c", script)  # torchrun ends a survivor before it can speak
    assert (survivor.returncode, gone.returncode) == (1, 7)
    assert "ProcessLostError: Another process of this run ended; its own output says why." in survivor.stderr


@pytest.mark.slow
def test_no_thread_is_left_that_could_abort_the_process_at_its_end() -> None:
    script = """
import os, time
from pathlib import Path
from deeplab.distributed import joined_world
def threads():
    return [name for name in (each.read_text() for each in Path("/proc/self/task").glob("*/comm")) if "gloo" in name]
with joined_world() as world:
    with world.together():
        assert threads()
    import torch._dynamo  # as optimizers do
deadline = time.monotonic() + 30
while threads() and time.monotonic() < deadline:
    time.sleep(0.1)
assert not threads()
"""
    for ended in run_unsupervised(sys.executable, "-c", script):
        assert ended.returncode == 0, ended.stderr


def test_a_process_alone_is_the_main_one() -> None:
    with joined_world() as world:
        assert world is ALONE
    assert (world.is_main, list(world.share(3))) == (True, [0, 1, 2])
    assert world.gather_in_turn(["a", "b"]) == ["a", "b"]
    for end in (Stopped(), DeepLabError("why")):
        with pytest.raises(type(end)) as caught, world.together():
            raise end
        assert caught.value is end


def test_a_batch_has_equal_shares() -> None:
    assert list(World(2, 3).share(6)) == [4, 5]
    with pytest.raises(ConfigError) as caught:
        World(0, 4).share(6)
    assert str(caught.value) == "SOLVER.BATCH_SIZE.TRAIN must be a multiple of the number of processes, 4; it is 6."
