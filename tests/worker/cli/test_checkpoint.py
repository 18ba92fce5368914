import json

from deeplab.files import sha256_of, write_text
from tests.worker.cli.conftest import Deeplab, Files
from worker.jobs import leases, storage, submission
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints, metrics
from worker.jobs.requests.specs import parse_spec
from worker.jobs.settings import Settings


def test_checkpoints(deeplab: Deeplab, home: Settings, files: Files) -> None:
    assert deeplab("checkpoint", "list").output == "No checkpoints found.\n"
    submitted = submission.submit(home, parse_spec("train", {"config": str(files.config)}))
    with open_session(home) as session:
        job = leases.claim(session, submitted.id, "gpu@test", 60)
        assert job is not None
        path = storage.attempt_dir(home, job.id, job.fence) / "checkpoint_final.pth"
        write_text(path, "weights")
        checkpoints.add(session, job.id, job.fence, 120, path, sha256_of(path))
    line = deeplab("checkpoint", "list").output.splitlines()[1]
    assert line.split() == ["1", "1", "120", "7", "B", str(path)]
    assert deeplab("checkpoint", "list", "--job", 2).output == "No checkpoints found.\n"
    text = deeplab("checkpoint", "show", 1).output
    assert text.startswith("Checkpoint 1 of job 1, iteration 120\n")
    assert "Mean IoU:  not evaluated\n" in text
    assert "N_CLASSES: 3\n" in text
    assert json.loads(deeplab("checkpoint", "show", 1, "--json").output)["sha256"] == sha256_of(path)
    missing = deeplab("checkpoint", "show", 2)
    assert (missing.exit_code, missing.stderr) == (1, "Error: There is no checkpoint 2.\n")


def test_the_best_checkpoint_is_marked(deeplab: Deeplab, home: Settings, files: Files) -> None:
    job = submission.submit(home, parse_spec("train", {"config": str(files.config)}))
    with open_session(home) as session:
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
