import json
from pathlib import Path

import pytest

from tests.worker.cli.conftest import Deeplab


def test_crf_searches_a_grid(deeplab: Deeplab, experiment: Path, output: list[str], tmp_path: Path) -> None:
    assert deeplab("test", *output, "-m", experiment / "weights.pth", "--cpu").exit_code == 0
    command = ["crf", *output, "--cpu", "--grid", "BI_W=1,30", "--grid", "iter_max=0,5"]
    ended = deeplab(*command)
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    assert lines[0].split() == ["BI_W", "ITER_MAX", "MEAN", "IOU"]
    assert [line.split()[:2] for line in lines[1:5]] == [["1", "0"], ["1", "5"], ["30", "0"], ["30", "5"]]
    assert "8/8 refinements" in ended.stderr
    (best,) = (line for line in lines if line.endswith("best"))
    bi_w, iter_max = best.split()[:2]
    assert f"Best of 4 on 2 images: --set CRF.BI_W={bi_w} --set CRF.ITER_MAX={iter_max}" in lines

    path = tmp_path / "scores" / "shapes" / "deeplabv2_resnet50_msc" / "val" / "crf_search.json"
    sampled = json.loads(deeplab(*command, "--sample", 1, "--json").stdout)
    assert sampled == json.loads(path.read_text())
    assert sampled["n_images"] == 1
    assert sampled["best"]["mean_iou"] == max(trial["mean_iou"] for trial in sampled["trials"])
    assert [trial["setting"] for trial in sampled["trials"]][1] == {"BI_W": 1, "ITER_MAX": 5}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--grid", "BI_V=1"], "'BI_V' is not a parameter of the CRF; did you mean BI_W?"),
        (["--grid", "BI_W=x"], "BI_W must be a number from 0 to 1,000,000, got 'x'."),
        (["--sample", "3"], "--sample needs --grid."),
    ],
)
def test_a_bad_search_is_one_sentence(
    deeplab: Deeplab, output: list[str], tmp_path: Path, options: list[str], sentence: str
) -> None:
    ended = deeplab("crf", *output, *options)
    assert ended.exit_code != 0
    assert ended.stderr.splitlines()[-1] == f"Error: {sentence}"
    assert list(tmp_path.iterdir()) == []


def test_crf_before_test_says_what_is_missing(deeplab: Deeplab, output: list[str]) -> None:
    ended = deeplab("crf", *output)
    assert ended.exit_code == 1
    assert "the logits of 2 of 2 images are missing" in ended.stderr
