"""What the CRF's benchmark measures of each form: agreement, latency, throughput, memory and the first call."""

import dataclasses
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.crf_inputs import Pair, Pixels, Probs
from deeplab.densecrf import DenseCRF

VOC = (10, 3.0, 1.0, 4.0, 67.0, 3.0)


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to run the CRF; `threads` tells how a folder is spread over the cores."""

    name: str
    backend: str
    exact: bool
    threads: bool = False

    def build(self, n_threads: int) -> DenseCRF:
        """The CRF with so many threads."""
        return DenseCRF(*VOC, backend=self.backend, exact=self.exact, n_threads=n_threads)  # type: ignore[arg-type]


REFERENCE = Form("pydensecrf", "pydensecrf", exact=True)
OURS = (
    Form("exact", "numba", exact=True),
    Form("default", "numba", exact=False),
    Form("default, threads", "numba", exact=False, threads=True),
)
FORMS = (REFERENCE, *OURS)


def agreement(image: Pixels, probs: Probs) -> dict[Form, tuple[float, float]]:
    """Of each form the greatest difference to pydensecrf's Q, and the share of pixels with the same label."""
    expected = REFERENCE.build(1)(image, probs)
    result = {}
    for form in FORMS:
        q = expected if form == REFERENCE else form.build(1)(image, probs)
        result[form] = float(np.abs(q - expected).max()), float((q.argmax(axis=0) == expected.argmax(axis=0)).mean())
    return result


def latency(image: Pixels, probs: Probs, repeats: int, n_threads: int) -> dict[Form, float]:
    """Median seconds from one image to its labels; ours with so many threads, pydensecrf has none."""
    crfs = {form: form.build(n_threads) for form in FORMS}
    for crf in crfs.values():
        crf.labels(image, probs)
    seconds: dict[Form, list[float]] = {form: [] for form in FORMS}
    for _ in range(repeats):
        for form, crf in crfs.items():
            begin = time.perf_counter()
            crf.labels(image, probs)
            seconds[form].append(time.perf_counter() - begin)
    return {form: statistics.median(taken) for form, taken in seconds.items()}


def throughput(pairs: list[Pair], repeats: int, n_workers: int) -> dict[Form, tuple[float, float]]:
    """Wall and CPU seconds for an image of a folder, all cores at work: medians over the rounds.

    The forms take turns within each round. pydensecrf has a process for each core.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(n_workers + 1)
    results: Any = context.Queue()
    workers = [context.Process(target=_work, args=(pairs, repeats, barrier, results)) for _ in range(n_workers)]
    for worker in workers:
        worker.start()
    crfs = {form: form.build(n_workers) for form in FORMS if form.threads}
    for crf in crfs.values():
        crf.batch_labels(*zip(*pairs, strict=True))  # each may need kernels of another width
    barrier.wait()
    taken: dict[Form, list[tuple[float, float]]] = {form: [] for form in FORMS}
    for _ in range(repeats):
        for form in FORMS:
            barrier.wait()
            if form.threads:
                wall, cpu = _timed(lambda crf=crfs[form]: crf.batch_labels(*zip(*pairs, strict=True)))  # type: ignore[misc]
                taken[form].append((wall / len(pairs), cpu / len(pairs)))
            barrier.wait()
            if not form.threads:
                spans = [results.get() for _ in workers]
                n_images = len(pairs) * n_workers
                taken[form].append((max(wall for wall, _ in spans) / n_images, sum(cpu for _, cpu in spans) / n_images))
    for worker in workers:
        worker.join()
    return {form: tuple(statistics.median(values) for values in zip(*taken[form], strict=True)) for form in FORMS}


def _work(pairs: list[Pair], repeats: int, barrier: Barrier, results: Any) -> None:
    """One process of several, which works through the folder once for each form and round."""
    crfs = {form: form.build(1) for form in FORMS if not form.threads}
    for crf in crfs.values():
        for image, probs in pairs:
            crf.labels(image, probs)
    barrier.wait()
    for _ in range(repeats):
        for form in FORMS:
            barrier.wait()
            if not form.threads:
                results.put(_timed(lambda crf=crfs[form]: [crf.labels(*pair) for pair in pairs]))  # type: ignore[misc]
            barrier.wait()


def _timed(run: Callable[[], Any]) -> tuple[float, float]:
    begin, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - begin, time.process_time() - cpu


def peak_memory(form: Form, image: Pixels, probs: Probs) -> float:
    """MiB that the labels of one image take over what a process with inputs and libraries holds."""
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    process = context.Process(target=_hold, args=(form, image, probs, results))
    process.start()
    before, after = results.get()
    process.join()
    return float(after - before)


def _hold(form: Form, image: Pixels, probs: Probs, results: Any) -> None:
    crf = form.build(1)
    crf.labels(image[:8, :8].copy(), probs[:, :8, :8].copy())  # loads the kernels
    before = _peak_mib()
    crf.labels(image, probs)
    results.put((before, _peak_mib()))


def _peak_mib() -> float:
    """Peak resident memory of this process in MiB; getrusage would count what its parent held when it was forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def first_call(arguments: list[str]) -> list[list[str]]:
    """From a new process to its first answer: nothing compiled yet, then with the compiled code on disk."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, backend in (("cold", "numba"), ("cached", "numba"), ("pydensecrf", "pydensecrf")):
            command = [sys.executable, "-m", "benchmarks.crf", "--probe", backend, *arguments]
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            rows.append([name, *done.stdout.strip().split(",")])
    return rows


def probe_first_call(backend: str, image: Pixels, probs: Probs) -> None:
    """Run in the new process: print the seconds to build, of the first image and of the next one."""
    begin = time.perf_counter()
    crf = DenseCRF(*VOC, backend=backend)  # type: ignore[arg-type]
    built = time.perf_counter()
    crf(image, probs)
    done = time.perf_counter()
    crf(image, probs)
    print(f"{built - begin:.2f} s,{done - built:.2f} s,{time.perf_counter() - done:.2f} s")
