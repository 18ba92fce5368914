"""The dense CRF against pydensecrf on the same cores: `python -m benchmarks.crf --help`.

Everything that is compared runs in one go, one after the other on the same inputs, so that ratios hold on a machine
that has other work too. Wall times need a quiet machine; the CPU time beside them is less sensitive to load.
"""

import argparse
import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.crf_inputs import Pair, Pixels, from_logits, like_a_model, photographs, synthetic
from benchmarks.crf_measurements import (
    FORMS,
    REFERENCE,
    agreement,
    first_call,
    latency,
    peak_memory,
    probe_first_call,
    throughput,
)
from deeplab.densecrf.pruning import THRESHOLD
from deeplab.processes import n_cpus

PHOTOGRAPHS = Path("data/datasets/camvid")  # as in configs/camvid-small.yaml
HEADS = (
    "input", "form", "max dQ", "equal labels", "one image", "ratio", "folder, per image", "ratio", "CPU ratio",
    "peak memory",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print tables in Markdown."""
    options = parse(arguments)
    if options.probe:
        image = photographs(options.images, 1, options.size)[1][0]
        probe_first_call(options.probe, image, synthetic(21, options.size, 0))
        return
    print(machine(options), flush=True)
    names, images = photographs(options.images, options.count, options.size)
    wanted = [(kind, n_classes) for n_classes in options.classes for kind in ("synthetic", "like a model")]
    wanted += [("model", 0)] * bool(options.logits)
    print_row(HEADS)
    print_row(["---"] * len(HEADS))
    for kind, n_classes in wanted:
        pairs = inputs(kind, n_classes, names, images, options)
        for row in measure(kind, pairs, options):
            print_row(row)
    print()
    print_row(("first call", "import and build", "first image", "next image"))
    print_row(["---"] * 4)
    same_image = ["--images", str(options.images), "--width", str(options.width), "--height", str(options.height)]
    for row in first_call(same_image):
        print_row(row)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crf", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=Path, default=PHOTOGRAPHS / "images" / "val", help="folder of photographs")
    parser.add_argument(
        "--masks", type=Path, default=PHOTOGRAPHS / "masks" / "val", help="label maps of the same names"
    )
    parser.add_argument("--logits", type=Path, help="folder of `deeplab test` with a model's logits, NAME.npy")
    parser.add_argument("--classes", type=int, nargs="*", default=[21, 182])
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--height", type=int, default=375)
    parser.add_argument("--count", type=int, default=4, help="images in the folder that is worked through")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=n_cpus(), help="of the throughput, and threads of the latency")
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.size = options.width, options.height
    return options


def machine(options: argparse.Namespace) -> str:
    """What the figures depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
    return (
        f"{model}, {n_cpus()} cores, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()},"
        f" numba {version('numba')}, pydensecrf2 {version('pydensecrf2')};\n"
        f"{options.count} images of {options.width}x{options.height}, 10 steps, {options.repeats} rounds,"
        f" {options.processes} processes\n"
    )


def inputs(
    kind: str, n_classes: int, names: Sequence[str], images: Sequence[Pixels], options: argparse.Namespace
) -> list[Pair]:
    """The photographs with probabilities of one kind."""
    pairs = []
    for seed, (name, image) in enumerate(zip(names, images, strict=True)):
        mask = options.masks / f"{name}.png"
        if kind == "model":
            probs = from_logits(options.logits / f"{name}.npy", options.size)
        elif kind == "synthetic":
            probs = synthetic(n_classes, options.size, seed)
        else:
            probs = like_a_model(mask if mask.exists() else None, n_classes, options.size, seed)
        pairs.append((image, probs))
    return pairs


def measure(kind: str, pairs: list[Pair], options: argparse.Namespace) -> list[list[str]]:
    """The rows of the table for one kind of input, a form in each."""
    kept = [int((probs.max(axis=(1, 2)) >= THRESHOLD).sum()) for _, probs in pairs]
    title = f"{kind}, {len(pairs[0][1])} classes, {statistics.mean(kept):.0f} likely"
    agreed = agreement(*pairs[0])
    times = latency(*pairs[0], options.repeats, options.processes)
    folder = throughput(pairs, options.repeats, options.processes)
    rows = []
    for form in FORMS:
        difference, same = agreed[form]
        ratios = [base / own for base, own in zip(folder[REFERENCE], folder[form], strict=True)]
        rows.append(
            [
                title, form.name, f"{difference:.1e}", f"{100 * same:.4f} %",
                f"{1e3 * times[form]:.0f} ms", f"{times[REFERENCE] / times[form]:.1f}",
                f"{1e3 * folder[form][0]:.0f} ms", f"{ratios[0]:.1f}", f"{ratios[1]:.1f}",
                f"{peak_memory(form, *pairs[0]):.0f} MiB",
            ]
        )  # fmt: skip
        title = ""
    return rows


def print_row(cells: Sequence[str]) -> None:
    """One line of a table."""
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
