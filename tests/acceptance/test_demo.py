"""`deeplab demo`, with a training that is too short for its goal, so that the whole road takes less than a minute."""

from pathlib import Path

import psutil
import pytest

from deeplab.images.masks import read_mask
from worker.platform.demo import DemoFailedError, run_demo

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]


def test_runs_every_step_and_judges_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(
        DemoFailedError, match=r"The mean IoU on the held-out images is 0\.\d{3}; expected more than 0\.9"
    ):
        run_demo(goal=0.99, overrides=["SOLVER.ITER_MAX=10"])
    printed = capsys.readouterr().out
    table = [line.split() for line in printed[printed.index("JOB") :].splitlines()[1:5]]
    assert [line[:2] for line in table] == [[kind, "succeeded"] for kind in ("train", "evaluate", "crf", "segment")]
    assert [len(line) for line in table] == [3, 4, 4, 3]  # evaluate and crf have a mean IoU
    masks = Path(printed.partition("Masks: ")[2].splitlines()[0])
    assert masks.is_relative_to(tmp_path)
    assert {read_mask(path).max() < 6 for path in masks.rglob("*.png")} == {True}
    running = [
        each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(each.info["cmdline"] or [])
    ]
    assert running == []
