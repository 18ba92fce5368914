"""How much memory the kinds of jobs take: `python -m benchmarks.memory`.

Trains, evaluates, refines and segments two photographs with an untrained, narrow network of 21 and of 182 classes on
the CPU, each in a process of its own, and prints the peak of its resident memory and the seconds. What the wide layers
of a real network take comes on top, and does not depend on the number of classes.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
import yaml
from PIL import Image

from deeplab.config import Config, load_config
from deeplab.crf.refinement import refine
from deeplab.errors import DeepLabError
from deeplab.evaluation.evaluate import evaluate
from deeplab.inference.folder import segment_folder
from deeplab.inference.segmenter import Segmenter
from deeplab.models.build import build_from_config
from deeplab.reporter import SilentReporter
from deeplab.training.train import train

_SIZES: Mapping[str, tuple[int, int]] = MappingProxyType({"500x375": (375, 500), "6000x4000": (4000, 6000)})
_N_IMAGES = 2
_ITERATIONS = 3


def main() -> None:
    """Parse the options, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=_SIZES, action="append", help="only of this size; repeatable")
    parser.add_argument("--classes", type=int, action="append", help="only with so many; repeatable")
    parser.add_argument("--kind", choices=_KINDS, action="append", help="only this kind; repeatable")
    options = parser.parse_args()
    kinds = options.kind or list(_KINDS)
    print(f"{'photographs':<12}{'classes':>8}" + "".join(f"{kind:>22}" for kind in kinds))
    for size in options.size or _SIZES:
        for n_classes in options.classes or (21, 182):
            with tempfile.TemporaryDirectory() as text:
                draw(Path(text), _SIZES[size], n_classes)
                row = [measure(_KINDS[kind], Path(text)) for kind in kinds]
            print(f"{size:<12}{n_classes:>8}" + "".join(f"{each:>22}" for each in row), flush=True)


def measure(kind: Callable[[Path, Config], object], folder: Path) -> str:
    """Do something in a process of its own; its peak and its seconds, or why it was refused."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(kind, folder, theirs))
    process.start()
    theirs.close()
    try:
        answer = str(ours.recv())
    except EOFError:
        answer = "killed"
    process.join()
    return answer


def _measure(kind: Callable[[Path, Config], object], folder: Path, answer: Connection) -> None:
    started = time.monotonic()
    try:
        kind(folder, load_config(folder / "config.yaml"))
    except DeepLabError as error:
        print(error)
        answer.send("refused")
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.send(f"{peak:,.0f} MiB, {time.monotonic() - started:.0f} s")


def draw(root: Path, size: tuple[int, int], n_classes: int) -> None:
    """Draw a dataset of blurred noise, and write the configuration and the weights of a network."""
    random = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir()
    for number in range(_N_IMAGES):
        small = random.integers(0, 256, (size[0] // 25, size[1] // 25, 3), np.uint8)
        photograph = Image.fromarray(small).resize(size[::-1], Image.Resampling.BICUBIC)
        photograph.save(root / "images" / f"{number}.jpg")
        mask = Image.fromarray(small[..., 0] % n_classes).resize(size[::-1], Image.Resampling.NEAREST)
        mask.save(root / "masks" / f"{number}.png")
    (root / "list.txt").write_text("".join(f"{number}\n" for number in range(_N_IMAGES)))
    keys = {
        "DATASET": {
            "NAME": "folder",
            "ROOT": str(root),
            "N_CLASSES": n_classes,
            "SPLIT": {"TRAIN": "list", "VAL": "list", "TEST": "list"},
        },
        "MODEL": {"NAME": "DeepLabV2_ResNet50_MSC", "N_BLOCKS": [1, 1, 1, 1], "WIDTH": 4},
        "SOLVER": {"ITER_MAX": _ITERATIONS, "BATCH_SIZE": {"TRAIN": 5, "TEST": 1}},
        "IMAGE": {"SIZE": {"TRAIN": 321, "TEST": 513}},
    }
    (root / "config.yaml").write_text(yaml.safe_dump(keys))
    torch.manual_seed(0)
    torch.save(build_from_config(load_config(root / "config.yaml")).state_dict(), root / "weights.pth")


def _train(root: Path, config: Config) -> None:
    train(config, root / "trained", SilentReporter(), device="cpu")


def _evaluate(root: Path, config: Config) -> None:
    evaluate(config, root / "weights.pth", SilentReporter(), device="cpu", logits_dir=root / "logits")


def _refine(root: Path, config: Config) -> None:
    refine(config, root / "logits", SilentReporter(), device="cpu")


def _segment(root: Path, config: Config) -> None:
    segmenter = Segmenter.from_checkpoint(config, root / "weights.pth", "cpu")
    segment_folder(segmenter, root / "images", root / "masks-of-it", SilentReporter())


_KINDS = {"train": _train, "evaluate": _evaluate, "crf": _refine, "segment": _segment}


if __name__ == "__main__":
    main()
