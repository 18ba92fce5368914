import json
import socket
from pathlib import Path

from tests.worker.cli.conftest import Deeplab, Files
from worker.jobs import jobs, leases, storage, workers
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints, metrics
from worker.jobs.settings import Settings
from worker.jobs.specs import parse_spec


def draw_dataset(root: Path) -> Path:
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    (root / "train.txt").write_text("a\nb\n")
    (root / "labels.txt").write_text("0\troad\n1\tsky\n")
    return root


def test_datasets(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    root = draw_dataset(tmp_path / "street")
    assert deeplab("dataset", "list").output == "No data set is registered yet.\n"
    assert deeplab("dataset", "register", "street", root).output == "Registered street: 2 classes, train 2.\n"
    assert deeplab("dataset", "list").output.splitlines()[1].split() == ["street", "2", "train", "2", str(root)]
    (listed,) = json.loads(deeplab("dataset", "list", "--json").output)
    assert listed["splits"] == {"train": 2}
    again = deeplab("dataset", "register", "street", root)
    assert (again.exit_code, again.stderr) == (1, "Error: There is already a dataset named 'street'.\n")


def test_dataset_with_labels_elsewhere(deeplab: Deeplab, home: Settings, tmp_path: Path) -> None:
    root = draw_dataset(tmp_path / "street")
    labels = (root / "labels.txt").rename(tmp_path / "names.txt")
    ended = deeplab("dataset", "register", "street", root, "--labels", labels, "--json")
    assert json.loads(ended.output)["labels"] == str(labels)


def test_checkpoints(deeplab: Deeplab, home: Settings, files: Files) -> None:
    assert deeplab("checkpoint", "list").output == "There is no checkpoint yet.\n"
    with open_session(home) as session:
        submitted = jobs.submit(session, home, parse_spec("train", {"config": str(files.config)}))
        job = leases.claim(session, submitted.id, "gpu@test", 60)
        assert job is not None
        path = storage.attempt_dir(home, job.id, job.fence) / "checkpoint_final.pth"
        storage.write_text(path, "weights")
        checkpoints.add(session, job.id, job.fence, 120, path, storage.sha256_of(path))
    line = deeplab("checkpoint", "list").output.splitlines()[1]
    assert line.split() == ["1", "1", "120", "7", "B", str(path)]
    assert deeplab("checkpoint", "list", "--job", 2).output == "There is no checkpoint yet.\n"
    text = deeplab("checkpoint", "show", 1).output
    assert text.startswith("Checkpoint 1 of job 1, iteration 120\n")
    assert "Mean IoU:  not evaluated\n" in text
    assert "N_CLASSES: 3\n" in text
    assert json.loads(deeplab("checkpoint", "show", 1, "--json").output)["sha256"] == storage.sha256_of(path)
    missing = deeplab("checkpoint", "show", 2)
    assert (missing.exit_code, missing.stderr) == (1, "Error: There is no checkpoint 2.\n")


def test_the_best_checkpoint_is_marked(deeplab: Deeplab, home: Settings, files: Files) -> None:
    with open_session(home) as session:
        job = jobs.submit(session, home, parse_spec("train", {"config": str(files.config)}))
        for iteration, mean_iou in ((10, 0.5), (20, 0.25)):
            path = home.home / f"{iteration}.pth"
            path.touch()
            metrics.add(session, job.id, iteration, {"mean_iou": mean_iou})
            checkpoints.add(session, job.id, 1, iteration, path, "0" * 64, is_best=iteration == 10)
    lines = deeplab("checkpoint", "list").output.splitlines()[1:]
    assert [line.split()[5:] for line in lines] == [
        ["0.2500", str(home.home / "20.pth")],
        ["0.5000", "best", str(home.home / "10.pth")],
    ]
    assert [each["is_best"] for each in json.loads(deeplab("checkpoint", "list", "--json").output)] == [False, True]
    assert "Mean IoU:  0.5000, the best of its job\n" in deeplab("checkpoint", "show", 1).output
    assert "1: iteration 10, best, " in deeplab("job", "show", job.id).output


def test_workers(deeplab: Deeplab, home: Settings) -> None:
    assert deeplab("worker", "list").output == "No worker was started yet.\n"
    with open_session(home) as session:
        workers.register(session, "gpu@test", "gpu", "NVIDIA H200")
    assert deeplab("worker", "list").output.splitlines()[1].split()[:4] == ["gpu@test", "gpu", "alive", "NVIDIA"]
    (listed,) = json.loads(deeplab("worker", "list", "--json").output)
    assert (listed["name"], listed["alive"]) == ("gpu@test", True)


def test_worker_check_looks_for_one_of_this_machine(deeplab: Deeplab, home: Settings) -> None:
    with open_session(home) as session:
        workers.register(session, "gpu@elsewhere", "gpu", "CPU")
        workers.register(session, f"cpu@{socket.gethostname()}", "cpu", "CPU")
    assert deeplab("worker", "check", "--queue", "cpu").exit_code == 0
    ended = deeplab("worker", "check", "--queue", "gpu")
    assert ended.exit_code == 1
    assert ended.stderr == f"Error: No worker of the queue gpu is alive on {socket.gethostname()}.\n"
