import json
from typing import Any

from deeplab.files import sha256_of, write_text
from tests.worker.cli.conftest import Deeplab, Files
from worker.jobs import leases, storage, submission
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints, deleted_jobs, evaluations, metrics
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
    assert line.split() == ["1", "1", "120", "7", "B", "val", str(path)]
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
        ["25.0", "%", "val", str(home.home / "20.pth")],
        ["50.0", "%", "val", "best", str(home.home / "10.pth")],
    ]
    assert [each["is_best"] for each in json.loads(deeplab("checkpoint", "list", "--json").output)] == [False, True]
    assert "Mean IoU:  50.0 % on val, the best of its job\n" in deeplab("checkpoint", "show", 1).output
    assert "1: iteration 10, best, " in deeplab("job", "show", job.id).output


def test_scores_of_other_splits_and_with_a_crf_stand_beside(deeplab: Deeplab, home: Settings, files: Files) -> None:
    job = submission.submit(home, parse_spec("train", {"config": str(files.config)}))
    (files.config.parent / "drawn" / "test.txt").write_text("0\n")
    path = home.home / "10.pth"
    path.touch()
    found: list[tuple[float, str, dict[str, Any]]] = [(0.87, "val", {}), (0.91, "val", {"crf": {}}), (0.92, "test", {})]
    with open_session(home) as session:
        checkpoints.add(session, job.id, 1, 10, path, "0" * 64)
    for mean_iou, split, settings in found:
        request = {"checkpoint": "1", "split": split}
        evaluated = submission.submit(home, parse_spec("evaluate", request))
        with open_session(home) as session:
            evaluations.add(
                session,
                evaluated.id,
                checkpoint="1",
                dataset=evaluated.dataset or "",
                split=split,
                settings=settings,
                scores={"mean_iou": mean_iou},
            )
    line = deeplab("checkpoint", "list").output.splitlines()[1]
    assert "  87.0 %  " in line
    assert "  92.0 % test; 91.0 % val with CRF  " in line
    shown = deeplab("checkpoint", "show", 1).output
    assert "Mean IoU:  87.0 % on val\n           92.0 % on test (job 4)\n" in shown
    (listed,) = json.loads(deeplab("checkpoint", "list", "--json").output)
    assert listed["mean_iou"] == 0.87


def test_an_alias_names_a_checkpoint(deeplab: Deeplab, home: Settings, files: Files) -> None:
    job = submission.submit(home, parse_spec("train", {"config": str(files.config)}))
    path = home.home / "10.pth"
    path.touch()
    with open_session(home) as session:
        checkpoints.add(session, job.id, 1, 10, path, "0" * 64)
    assert (
        deeplab("checkpoint", "alias", "set", "champion", f"job:{job.id}").output
        == "champion stands for checkpoint 1.\n"
    )
    assert deeplab("checkpoint", "show", "champion").output.startswith("Checkpoint 1 of job 1")
    assert json.loads(deeplab("checkpoint", "alias", "list", "--json").output)[0]["checkpoint_id"] == 1
    submitted = json.loads(deeplab("job", "submit", "evaluate", "--checkpoint", "champion", "--json").stdout)
    assert (submitted["checkpoint"], submitted["alias"]) == ("1", "champion")
    assert "stood for checkpoint 1" in deeplab("checkpoint", "alias", "remove", "champion").output
    assert len(deeplab("checkpoint", "alias", "history", "champion").output.splitlines()) == 3
    refused = deeplab("job", "submit", "evaluate", "--checkpoint", "champion")
    assert (refused.exit_code, "--checkpoint: There is no alias 'champion'" in refused.stderr) == (2, True)


def test_a_checkpoint_is_fetched_and_deleted(deeplab: Deeplab, home: Settings, files: Files) -> None:
    job = submission.submit(home, parse_spec("train", {"config": str(files.config)}))
    path = home.home / "10.pth"
    path.write_bytes(b"weights")
    with open_session(home) as session:
        checkpoints.add(session, job.id, 1, 10, path, sha256_of(path))
    copy, config = home.home / "copy" / "mine.pth", home.home / "mine.yaml"
    assert deeplab("checkpoint", "download", 1, "-o", copy, "--config", config).exit_code == 0
    assert (copy.read_bytes(), "N_CLASSES: 3" in config.read_text()) == (b"weights", True)
    deeplab("job", "cancel", job.id)
    assert "To do it: deeplab checkpoint delete 1 --yes" in deeplab("checkpoint", "delete", 1).output
    path.write_bytes(b"other")
    assert "is damaged" in deeplab("checkpoint", "download", 1, "-o", copy).stderr
    assert deeplab("checkpoint", "delete", 1, "--yes").output.endswith("it is the last of job 1. Done.\n")
    assert not path.exists()


def test_checkpoints_are_pruned_but_for_those_that_are_pinned(deeplab: Deeplab, home: Settings, files: Files) -> None:
    job = submission.submit(home, parse_spec("train", {"config": str(files.config)}))
    with open_session(home) as session:
        for iteration in (10, 20, 30):
            path = home.home / f"{iteration}.pth"
            path.write_bytes(b"1234")
            checkpoints.add(session, job.id, 1, iteration, path, "0" * 64)
    assert deeplab("checkpoint", "pin", 1).output == "Checkpoint 1 is pinned.\n"
    command = ["checkpoint", "prune", "--job", job.id]
    assert "This would delete 1 checkpoint, 4 B; --yes does." in deeplab(*command).output
    assert (home.home / "20.pth").exists()
    assert "Deleted 1 checkpoint, 4 B." in deeplab(*command, "--yes").output
    assert [path.name for path in sorted(home.home.glob("*.pth"))] == ["10.pth", "30.pth"]
    assert "pinned" in deeplab("checkpoint", "list").output
    deeplab("checkpoint", "unpin", 1)
    assert [each["id"] for each in json.loads(deeplab(*command, "--json").output)["checkpoints"]] == [1]
    assert deeplab("checkpoint", "prune", "--job", 99).exit_code == 1


def test_a_job_is_deleted_and_the_rest_cleaned_up(deeplab: Deeplab, home: Settings, files: Files) -> None:
    job = submission.submit(home, parse_spec("train", {"config": str(files.config)}))
    write_text(storage.attempt_dir(home, job.id, 1) / "log.txt", "said")
    assert "cancel it before you delete it" in deeplab("job", "delete", job.id).output
    deeplab("job", "cancel", job.id)
    assert f"To do it: deeplab job delete {job.id} --yes" in deeplab("job", "delete", job.id).output
    assert storage.job_dir(home, job.id).exists()
    assert deeplab("job", "delete", job.id, "--yes").output.endswith("logs and metrics. Done.\n")
    assert not storage.job_dir(home, job.id).exists()

    write_text(storage.job_dir(home, 7) / "log.txt", "said")
    with open_session(home) as session:
        deleted_jobs.add(session, 7, storage.job_dir(home, 7), None)
    assert "This would delete 1 leftover, 4 B; `deeplab gc --yes` does." in deeplab("gc").output
    assert storage.job_dir(home, 7).exists()
    assert "Deleted 1 leftover, 4 B." in deeplab("gc", "--yes").output
    assert not storage.job_dir(home, 7).exists()
    assert deeplab("gc").output == "Nothing to delete.\n"
