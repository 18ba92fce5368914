import json
import subprocess
import sys

from deeplab.config import Config, parse_config
from deeplab.scores.metric_policy import metric_policy


def config(*overrides: str, **dataset: object) -> Config:
    return parse_config({"DATASET": {"N_CLASSES": 3, **dataset}}, "test", overrides)


def test_it_is_json_and_says_how_images_are_looked_at() -> None:
    policy = metric_policy(config("INFERENCE.FLIP=true"))
    assert json.loads(json.dumps(policy)) == policy
    assert policy == {
        "averaged_over": "classes of the ground truth",
        "absent_classes": "left out",
        "ignored_label": 255,
        "n_classes": 3,
        "scored_at": "image size",
        "boundary_width": 0.02,
        "inference": {"MODE": "whole", "SCALES": [1.0], "FLIP": True},
    }


def test_what_does_not_decide_about_scores_changes_nothing() -> None:
    assert metric_policy(config("SOLVER.BATCH_SIZE.TEST=4", "DATASET.ROOT=/elsewhere")) == metric_policy(config())


def test_warped_samples_are_scored_at_their_size() -> None:
    assert metric_policy(config(NAME="cocostuff10k"))["scored_at"] == "513x513"
    assert metric_policy(config(NAME="cocostuff10k", WARP=False))["scored_at"] == "image size"


def test_it_does_not_need_torch() -> None:
    code = "import sys, deeplab.scores.metric_policy, deeplab.datasets.version; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
