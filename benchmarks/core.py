"""Training and evaluation against the original on the same machine: `python -m benchmarks.core --help`.

All that is compared runs in one go on equal weights and images, in turns, so that ratios hold on a machine that has
other work too. The limit is what the CPU reaches in multiplying matrices, measured in the same go.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.core_peer import Peer
from benchmarks.crf_inputs import photographs
from deeplab.config import Config, parse_config
from deeplab.inference.segmenter import Segmenter
from deeplab.models.build import build_from_config
from deeplab.processes import n_cpus
from deeplab.training.run import TrainingRun

PHOTOGRAPHS = Path("data/datasets/camvid")  # as in configs/camvid-small.yaml
Pixels = NDArray[np.uint8]
Weights = dict[str, Tensor]
LAST: dict[str, object] = {"CHANNELS_LAST": True}
BF16: dict[str, object] = {"PRECISION": "bf16"}
COMPILE: dict[str, object] = {"COMPILE": True}


@dataclass(frozen=True)
class Way:
    """One way to do the same work."""

    name: str
    run: Callable[[], Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = build_from_config(configure(options, {}))
    if options.weights:
        model.load_state_dict(torch.load(options.weights, weights_only=True))
    for name in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        device = torch.device(name)
        limit = matrix_rate(device)
        print(f"\n# {describe(device, options)}, multiplies matrices at {limit / 1e9:,.0f} GFLOP/s")
        benchmark_evaluation(model.state_dict(), device, limit, options)
        benchmark_training(model.state_dict(), device, limit, options)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.core", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer", type=Path, help="checkout of the original; without it ours alone is measured")
    parser.add_argument("--model", default="DeepLabV2_ResNet101_MSC")
    parser.add_argument("--classes", type=int, default=21)
    parser.add_argument("--weights", type=Path, help="state dict of that model; random weights unless given")
    parser.add_argument("--images", type=Path, default=PHOTOGRAPHS / "images" / "val", help="folder of photographs")
    parser.add_argument("--count", type=int, default=1, help="images that each repeat evaluates")
    parser.add_argument("--width", type=int, default=321, help="to which they are resized")
    parser.add_argument("--height", type=int, default=241)
    parser.add_argument("--test-batch", type=int, default=1, help="images per forward pass of ours")
    parser.add_argument("--crop", type=int, default=161, help="side of the training crops")
    parser.add_argument("--batch", type=int, default=1, help="crops per training iteration")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=n_cpus())
    parser.add_argument("--compile", action="store_true", help="compiled models too; takes minutes more")
    return parser.parse_args(arguments)


def configure(options: argparse.Namespace, runtime: Mapping[str, object]) -> Config:
    """The same experiment for all of ours, computed in different ways."""
    keys = {
        "DATASET": {"N_CLASSES": options.classes},
        "IMAGE": {"SIZE": {"TEST": max(options.width, options.height)}},
        "MODEL": {"NAME": options.model},
        "SOLVER": {"BATCH_SIZE": {"TRAIN": options.batch}, "ITER_SIZE": 1},
        "RUNTIME": dict(runtime),
    }
    return parse_config(keys, "benchmark")


def describe(device: torch.device, options: argparse.Namespace) -> str:
    """Name the CPU and say how busy it is."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {options.threads} threads on {n_cpus()} cores, load {os.getloadavg()[0]:.1f}"


def matrix_rate(device: torch.device) -> float:
    """Operations per second in multiplying matrices: of float32 on a CPU, of bfloat16 on a GPU."""
    side, dtype = (8192, torch.bfloat16) if device.type == "cuda" else (1536, torch.float32)
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    product = Way("product", lambda: left @ right)
    return 2 * side**3 / min(take_turns([product], 7, device)[product.name])


def benchmark_evaluation(weights: Weights, device: torch.device, limit: float, options: argparse.Namespace) -> None:
    """From decoded images to their label maps in the computer's memory."""
    _, images = photographs(options.images, options.count, (options.width, options.height))
    ways = [
        Way(name, evaluation(weights, configure(options, runtime), images, device, options.test_batch))
        for name, runtime in runtimes([{}], device, options)
    ]
    flops = count_flops(ways[0].run)
    if options.peer:
        peer = Peer(options.peer, options.model, weights, options.classes, device)
        peer.start_evaluation()
        ways.insert(0, Way("original", lambda: [peer.label(image) for image in images]))
    expected = np.stack(ways[0].run())
    each = f"{options.width}x{options.height}, {flops / 1e9 / len(images):,.0f} GFLOP each"
    print(f"\n## Evaluation: {len(images)} of {each}")
    shares = {way.name: float((np.stack(way.run()) == expected).mean()) for way in ways}
    seconds = take_turns(ways, options.repeats, device)
    for name, line in lines(seconds, len(images), flops, limit):
        print(f"{line}   labels {100 * shares[name]:.4f} %")
    print(f"Labels are compared with those of {ways[0].name}, in which {len(np.unique(expected))} classes occur.")


def evaluation(
    weights: Weights, config: Config, images: Sequence[Pixels], device: torch.device, batch: int
) -> Callable[[], list[Pixels]]:
    """Our way from images to label maps."""
    model = build_from_config(config)
    model.load_state_dict(weights)
    segmenter = Segmenter(model, config, device=device)
    batches = [images[first : first + batch] for first in range(0, len(images), batch)]
    return lambda: [label_map for part in batches for label_map in segmenter.predict(part)]


def benchmark_training(weights: Weights, device: torch.device, limit: float, options: argparse.Namespace) -> None:
    """One iteration on crops in the computer's memory: forward, backward and the optimizer's step."""
    torch.manual_seed(0)
    crops = 60 * torch.randn(options.batch, 3, options.crop, options.crop)
    labels = torch.randint(0, options.classes, (options.batch, options.crop, options.crop), dtype=torch.uint8)
    if device.type == "cuda":
        crops, labels = crops.pin_memory(), labels.pin_memory()
    ways = [
        Way(name, training(weights, configure(options, runtime), (crops, labels), device))
        for name, runtime in runtimes([{}, LAST], device, options)
    ]
    flops = count_flops(ways[0].run)
    if options.peer:
        peer = Peer(options.peer, options.model, weights, options.classes, device)
        peer.start_training(lr=2.5e-4)
        ways.insert(0, Way("original", lambda: peer.train(crops, labels)))
    for way in ways:
        way.run()  # compiles, allocates
    print(f"\n## Training: {options.batch} of {options.crop}x{options.crop}, {flops / 1e9:,.0f} GFLOP per iteration")
    for _, line in lines(take_turns(ways, options.repeats, device), 1, flops, limit):
        print(line)


def training(
    weights: Weights, config: Config, batch: tuple[Tensor, Tensor], device: torch.device
) -> Callable[[], None]:
    """Our iteration."""
    run = TrainingRun(config, device, seed=0)
    run.model.load_state_dict(weights)
    return lambda: run.step([batch] * run.config.SOLVER.ITER_SIZE)


def runtimes(
    plain: Sequence[dict[str, object]], device: torch.device, options: argparse.Namespace
) -> list[tuple[str, dict[str, object]]]:
    """The RUNTIME sections to measure, by name: those given, bfloat16 on a GPU, and the last compiled if asked for."""
    sections = [*plain, plain[-1] | BF16] if device.type == "cuda" else [*plain]
    if options.compile:
        sections.append(sections[-1] | COMPILE)
    return [(" ".join(["ours", *map(_name, each.items())]), each) for each in sections]


def _name(setting: tuple[str, object]) -> str:
    key, value = setting
    return key.lower() if value is True else str(value)


def count_flops(run: Callable[[], Any]) -> int:
    """Floating-point operations of one run."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def take_turns(ways: Sequence[Way], repeats: int, device: torch.device) -> dict[str, list[float]]:
    """Seconds of each run, by way: first all of them once, then all of them again ..."""
    seconds: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in range(repeats):
        for way in ways:
            start = time.perf_counter()
            way.run()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds[way.name].append(time.perf_counter() - start)
    return seconds


def lines(seconds: Mapping[str, list[float]], parts: int, flops: int, limit: float) -> list[tuple[str, str]]:
    """For each way its median time per part, the ratio to the first way, and the share of the limit."""
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    first = next(iter(medians.values()))
    return [
        (
            name,
            f"{name:24} {1e3 * median / parts:9.1f} ms   x{first / median:.2f}"
            f"   {100 * flops / median / limit:5.1f} % of the limit",
        )
        for name, median in medians.items()
    ]


if __name__ == "__main__":
    main()
