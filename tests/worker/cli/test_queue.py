import json

from tests.worker.cli.conftest import Deeplab
from worker.jobs.settings import Settings


def test_a_queue_is_paused_and_resumed(deeplab: Deeplab, home: Settings) -> None:
    assert deeplab("queue", "pause", "gpu").output == "The gpu queue is paused.\n"
    gpu, cpu = json.loads(deeplab("queue", "list", "--json").output)
    assert (gpu["paused"], cpu["paused"]) == (True, False)
    assert deeplab("queue", "list").output.splitlines()[1].split() == ["gpu", "paused", "0", "0"]
    assert deeplab("queue", "resume", "gpu").output == "The gpu queue is at work.\n"
    assert deeplab("queue", "pause", "tpu").exit_code == 2
