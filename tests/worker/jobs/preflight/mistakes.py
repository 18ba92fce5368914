"""Requests that cannot succeed, with the field and the sentence by which each is refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from deeplab.config import load_config
from deeplab.datasets.class_names import save_class_names
from deeplab.models.build import build_from_config
from tests.configs import tiny_model, write_config
from tests.deeplab.drawing import draw_folder
from tests.worker.store import FOREVER, add_checkpoint, submit
from worker.jobs import datasets, leases, workers
from worker.jobs.catalog import SUCCEEDED
from worker.jobs.database import open_session
from worker.jobs.dataset_surveys import survey
from worker.jobs.settings import Settings


@dataclass(frozen=True)
class Mistake:
    """A request, and what is wrong with it."""

    kind: str
    request: dict[str, Any]
    field: str
    sentence: str  # a part of it


def make_dataset(folder: Path, n_classes: int = 3) -> Path:
    draw_folder(folder, n_images=2)
    save_class_names(folder / "labels.txt", [f"class {number}" for number in range(n_classes)])
    return folder


def make_mistakes(settings: Settings, root: Path) -> dict[str, Mistake]:
    """Fill a store with a worker without a GPU, datasets, a checkpoint and an evaluation; return requests by a name."""
    street, more = make_dataset(root / "street"), make_dataset(root / "more", n_classes=5)
    config = write_config(root, DATASET={"N_CLASSES": 3, "ROOT": str(street)}, MODEL=tiny_model())
    other = write_config(root / "other", DATASET={"N_CLASSES": 4, "ROOT": str(street)}, MODEL=tiny_model(WIDTH=8))
    weights = root / "other.pth"
    torch.save({"model": build_from_config(load_config(other)).state_dict()}, weights)
    empty = root / "empty"
    empty.mkdir()
    with open_session(settings) as session:
        workers.register(session, "gpu@here", "gpu", "CPU (2 cores)")
        for name, folder in (("street", street), ("more", more), ("few", make_dataset(root / "few"))):
            datasets.register(session, name, survey(folder))
        _lose_mask(make_dataset(root / "lost"))
        datasets.register(session, "lost", survey(root / "lost"))
        trained = leases.claim(session, submit(session, settings, config=str(config)).id, "a", FOREVER)
        assert trained is not None
        checkpoint = str(add_checkpoint(session, settings, trained))
        gone = add_checkpoint(session, settings, trained, 20)
        (settings.home / f"checkpoint-{trained.id}-{trained.fence}-20.pth").unlink()
        evaluated = leases.claim(session, submit(session, settings, "evaluate", checkpoint=checkpoint).id, "a", FOREVER)
        assert evaluated is not None
        result = {"mean_iou": 0.5, "logits": str(root / "logits")}
        leases.finish(session, evaluated.id, evaluated.fence, SUCCEEDED, result=result)
    save_class_names(root / "few" / "labels.txt", ["one", "two"])
    train, evaluate = {"config": str(config)}, {"checkpoint": checkpoint}
    width = ["MODEL.WIDTH=8"]
    return {
        "other classes": Mistake(
            "evaluate",
            evaluate | {"dataset": "more"},
            "dataset",
            f"Checkpoint {checkpoint} has 3 classes, and the dataset has 5.",
        ),
        "other model": Mistake(
            "evaluate", evaluate | {"overrides": width}, "checkpoint", "is of another model: layer1.conv1.conv.weight"
        ),
        "other run": Mistake(
            "train",
            train | {"resume": checkpoint, "overrides": width},
            "resume",
            f"Checkpoint {checkpoint} is of a run with other settings: MODEL.WIDTH (4 there, 8 here).",
        ),
        "gone checkpoint": Mistake(
            "segment", {"checkpoint": str(gone), "input": str(street / "images")}, "checkpoint", "gone"
        ),
        "no split": Mistake(
            "evaluate", evaluate | {"split": "tset"}, "split", "tset.txt: the split list does not exist."
        ),
        "no split to validate on": Mistake(
            "train",
            train | {"overrides": ["SOLVER.EVAL_EVERY=5", "DATASET.SPLIT.VAL=vall"]},
            "overrides",
            "vall.txt: the split list does not exist.",
        ),
        "no GPU": Mistake(
            "segment",
            {"checkpoint": checkpoint, "input": str(street / "images"), "device": "cuda"},
            "device",
            "asks for a GPU, but no worker of the gpu queue has one.",
        ),
        "no GPUs": Mistake("train", train | {"gpus": 5}, "gpus", "asks for 5 GPUs, but no worker of the gpu queue has"),
        "no dataset": Mistake(
            "train",
            train | {"overrides": [f"DATASET.ROOT={root / 'nowhere'}"]},
            "overrides",
            "nowhere: the dataset's folder does not exist.",
        ),
        "lost mask": Mistake(
            "train", train | {"dataset": "lost"}, "dataset", "1 of 2 files of the split 'train' are m"
        ),
        "too few classes": Mistake("train", train | {"dataset": "few"}, "dataset", "the file names 2 classes"),
        "masks of more classes": Mistake(
            "train", train | {"overrides": ["DATASET.N_CLASSES=2"]}, "overrides", "the mask holds the value 2; expected"
        ),
        "no initial weights": Mistake(
            "train",
            train | {"overrides": [f"MODEL.INIT_MODEL={root / 'no.pth'}"]},
            "overrides",
            "no.pth; there is no such file.",
        ),
        "initial weights of another backbone": Mistake(
            "train", train | {"overrides": [f"MODEL.INIT_MODEL={weights}"]}, "overrides", "has another backbone: layer1"
        ),
        "weights of other classes": Mistake(
            "evaluate",
            {"checkpoint": str(weights), "config": str(other), "overrides": ["DATASET.N_CLASSES=3"]},
            "checkpoint",
            "other.pth has 4 classes, and the dataset has 3.",
        ),
        "weights of another model": Mistake(
            "segment",
            {"checkpoint": str(weights), "config": str(config), "input": str(street / "images")},
            "checkpoint",
            "other.pth: holds the weights of another model: layer1.conv1.conv.weight is 8x3x7x7, and 4x3x7x7",
        ),
        "gone logits": Mistake("crf", {"evaluate_job": evaluated.id}, "evaluate_job", "The logits are gone"),
        "no image": Mistake("segment", {"checkpoint": checkpoint, "input": str(empty)}, "input", "no image or video"),
    }


def _lose_mask(dataset: Path) -> None:
    (dataset / "masks" / "1.png").unlink()
