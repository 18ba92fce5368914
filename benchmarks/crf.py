"""The dense CRF against pydensecrf on the same cores: `python -m benchmarks.crf --help`.

Everything that is compared runs in one go, one after the other on the same inputs, so that ratios hold on a machine
that has other work too. Wall times need a quiet machine; the processor time beside them is less sensitive to load.
"""

import argparse
import dataclasses
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.crf_inputs import Pair, from_logits, like_a_network, photographs, synthetic
from deeplab.densecrf import DenseCRF
from deeplab.processes import n_cpus

VOC = (10, 3.0, 1.0, 4.0, 67.0, 3.0)
SHARED = Path(__file__).resolve().parents[2] / "shared" / "camvid"


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to run the CRF."""

    name: str
    backend: str
    exact: bool

    def build(self, n_threads: int) -> DenseCRF:
        """The CRF with so many threads."""
        return DenseCRF(*VOC, backend=self.backend, exact=self.exact, n_threads=n_threads)  # type: ignore[arg-type]


REFERENCE = Form("pydensecrf", "pydensecrf", exact=True)
OURS = (Form("exact", "numba", exact=True), Form("default", "numba", exact=False))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = parse(arguments)
    if options.probe:
        probe_first_call(options)
        return
    print(
        f"{n_cpus()} cores, load {os.getloadavg()[0]:.1f}, {options.count} images of {options.width}x{options.height}"
    )
    for n_classes in options.classes:
        for kind in ("synthetic", "trained"):
            measure(f"{kind}, {n_classes} classes", inputs(kind, n_classes, options), options)
    if options.logits:
        measure(f"logits of {options.logits}", inputs("logits", 0, options), options)
    first_call(options)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.crf", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--images", type=Path, default=SHARED / "images" / "val", help="folder of photographs")
    parser.add_argument("--masks", type=Path, default=SHARED / "masks" / "val", help="label maps of the same names")
    parser.add_argument("--logits", type=Path, help="folder with the logits of a trained network, NAME.npy (C, h, w)")
    parser.add_argument("--classes", type=int, nargs="*", default=[21, 182])
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--height", type=int, default=375)
    parser.add_argument("--count", type=int, default=4, help="images in the folder that is worked through")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=n_cpus(), help="of the throughput measurement")
    parser.add_argument("--threads", type=int, default=n_cpus(), help="of the latency measurement")
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def inputs(kind: str, n_classes: int, options: argparse.Namespace) -> list[Pair]:
    """The images of a folder with probabilities of one kind."""
    size = options.width, options.height
    names, images = photographs(options.images, options.count, size)
    if kind == "logits":
        return [
            (image, from_logits(options.logits / f"{name}.npy", size))
            for name, image in zip(names, images, strict=True)
        ]
    pairs = []
    for seed, (name, image) in enumerate(zip(names, images, strict=True)):
        mask = options.masks / f"{name}.png"
        peaked = kind == "trained"
        probs = like_a_network(mask if mask.exists() else None, n_classes, size, seed) if peaked else None
        pairs.append((image, synthetic(n_classes, size, seed) if probs is None else probs))
    return pairs


def measure(title: str, pairs: list[Pair], options: argparse.Namespace) -> None:
    """Agreement, latency, throughput and memory for one kind of input."""
    kept = [int((probs.max(axis=(1, 2)) >= 1e-2).sum()) for _, probs in pairs]
    print(f"\n## {title} (likely somewhere: {min(kept)} to {max(kept)} classes)")
    agreement(pairs[:1])
    latency(pairs[0], options)
    throughput(pairs, options)
    memory(pairs[0])


def agreement(pairs: list[Pair]) -> None:
    """What the figures below are the figures of."""
    reference = REFERENCE.build(1)
    crfs = [(form.name, form.build(1)) for form in OURS]
    for image, probs in pairs:
        expected = reference(image, probs)
        for name, crf in crfs:
            q = crf(image, probs)
            same = (q.argmax(axis=0) == expected.argmax(axis=0)).mean()
            print(f"agreement   {name:10} greatest |dQ| {np.abs(q - expected).max():.1e}, labels {100 * same:.4f} %")


def latency(pair: Pair, options: argparse.Namespace) -> None:
    """One image, all cores for ours; pydensecrf has no threads."""
    ways: list[tuple[str, Callable[..., Any]]] = [(REFERENCE.name, REFERENCE.build(1))]
    for form in OURS:
        crf = form.build(options.threads)
        ways += [(form.name, crf), (f"{form.name}, labels", crf.labels)]
    seconds: dict[str, list[float]] = {name: [] for name, _ in ways}
    for _, run in ways[1:]:
        run(*pair)
    for _ in range(options.repeats):
        for name, run in ways:
            begin = time.perf_counter()
            run(*pair)
            seconds[name].append(time.perf_counter() - begin)
    base = statistics.median(seconds[REFERENCE.name])
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"latency     {name:16} {1e3 * median:8.0f} ms   x{base / median:.1f}")


def throughput(pairs: list[Pair], options: argparse.Namespace) -> None:
    """The folder by as many processes as cores, or by one process with as many threads; labels of each image."""
    n_workers = options.processes
    rows = [(f"{REFERENCE.name}, {n_workers} processes", *by_processes(REFERENCE, pairs, options))]
    for form in OURS:
        rows.append((f"{form.name}, {n_workers} processes", *by_processes(form, pairs, options)))
        rows.append((f"{form.name}, {n_workers} threads", *by_threads(form, pairs, options)))
    base_wall, base_cpu = rows[0][1:]
    for name, wall, cpu in rows:
        ratios = f"x{base_wall / wall:.1f} (processor time x{base_cpu / cpu:.1f})"
        print(f"throughput  {name:26} {1e3 * wall:7.0f} ms an image   {ratios}")


def by_processes(form: Form, pairs: list[Pair], options: argparse.Namespace) -> tuple[float, float]:
    """Wall and processor seconds for an image when each process works on one image at a time."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(options.processes)
    results: Any = context.Queue()
    workers = [
        context.Process(target=work, args=(form, pairs, options.repeats, barrier, results))
        for _ in range(options.processes)
    ]
    for worker in workers:
        worker.start()
    spans = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    n_images = len(pairs) * options.repeats * options.processes
    wall = max(end for _, end, _ in spans) - min(begin for begin, _, _ in spans)
    return wall / n_images, sum(cpu for *_, cpu in spans) / n_images


def work(form: Form, pairs: list[Pair], repeats: int, barrier: Barrier, results: Any) -> None:
    """One process of several that begin together, after a first round that is not counted."""
    crf = form.build(1)
    for image, probs in pairs:  # each may need kernels of another width
        crf.labels(image, probs)
    barrier.wait()
    begin, cpu = time.monotonic(), time.process_time()
    for image, probs in pairs * repeats:
        crf.labels(image, probs)
    results.put((begin, time.monotonic(), time.process_time() - cpu))


def by_threads(form: Form, pairs: list[Pair], options: argparse.Namespace) -> tuple[float, float]:
    """The same with threads of one process."""
    crf = form.build(options.processes)
    images, probs = [image for image, _ in pairs], [p for _, p in pairs]
    crf.batch_labels(images, probs)
    begin, cpu = time.monotonic(), time.process_time()
    for _ in range(options.repeats):
        crf.batch_labels(images, probs)
    n_images = len(pairs) * options.repeats
    return (time.monotonic() - begin) / n_images, (time.process_time() - cpu) / n_images


def memory(pair: Pair) -> None:
    """Peak memory of a process over what it holds before the first image."""
    context = multiprocessing.get_context("spawn")
    for form in (REFERENCE, *OURS):
        results: Any = context.Queue()
        process = context.Process(target=hold, args=(form, pair, results))
        process.start()
        before, after = results.get()
        process.join()
        print(f"memory      {form.name:10} {after - before:6.0f} MiB over {before:.0f} MiB with inputs and libraries")


def hold(form: Form, pair: Pair, results: Any) -> None:
    """Report the peak resident memory before and after one image."""
    crf = form.build(1)
    before = peak_mib()
    crf(*pair)
    results.put((before, peak_mib()))


def peak_mib() -> float:
    """Peak resident memory of this process in MiB; getrusage would count what its parent held when it was forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def first_call(options: argparse.Namespace) -> None:
    """From a new process to its first answer: nothing compiled yet, then with the compiled code on disk."""
    print()
    with tempfile.TemporaryDirectory() as folder:
        for name, backend in (("cold", "numba"), ("cached", "numba"), ("", "pydensecrf")):
            command = [sys.executable, "-m", "benchmarks.crf", "--probe", backend, "--images", str(options.images)]
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            print(f"first call  {backend + ' ' + name:16} {done.stdout.strip()}")


def probe_first_call(options: argparse.Namespace) -> None:
    """Run in the new process."""
    size = options.width, options.height
    image, probs = photographs(options.images, 1, size)[1][0], synthetic(21, size, 0)
    begin = time.perf_counter()
    crf = DenseCRF(*VOC, backend=options.probe)
    built = time.perf_counter()
    crf(image, probs)
    done = time.perf_counter()
    crf(image, probs)
    again = time.perf_counter() - done
    print(f"import and build {built - begin:.2f} s, first image {done - built:.2f} s, the next one {again:.2f} s")


if __name__ == "__main__":
    main()
