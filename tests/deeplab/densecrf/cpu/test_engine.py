import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from deeplab.densecrf import DenseCRF
from tests.deeplab.densecrf.samples import VOC, distribution, model_answer, photograph

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("pos_xy_std", [1.0, 3.0])
@pytest.mark.parametrize("exact", [True, False])
def test_threads_give_the_same_answer(exact: bool, pos_xy_std: float) -> None:
    settings = (4, 3.0, pos_xy_std, 4.0, 67.0, 3.0)
    image, probs = photograph(37, 53), model_answer(70, 37, 53)
    answers = [DenseCRF(*settings, exact=exact, n_threads=n)(image, probs) for n in (1, 2, 5)]
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


@pytest.mark.parametrize("n_classes", [2, 9, 21, 33, 182, 300])
def test_labels_are_the_best_classes(n_classes: int) -> None:
    image, probs = photograph(21, 33), distribution(n_classes, 21, 33)
    for exact in (True, False):
        crf = DenseCRF(*VOC, exact=exact)
        labels = crf.labels(image, probs)
        assert np.array_equal(labels, crf(image, probs).argmax(axis=0))
        assert labels.dtype == (np.uint8 if n_classes <= 256 else np.int32)


def test_answers_are_distributions() -> None:
    q = DenseCRF(*VOC)(photograph(40, 50), model_answer(182, 40, 50))
    assert q.dtype == np.float32
    assert q.flags.c_contiguous
    assert q.min() >= 0
    assert np.allclose(q.sum(axis=0), 1, atol=1e-5)


def test_no_iterations_give_clipped_probabilities() -> None:
    image, probs = photograph(9, 10), model_answer(40, 9, 10)
    clipped = np.clip(probs, 1e-5, 1)
    for exact in (True, False):
        q = DenseCRF(0, *VOC[1:], exact=exact)(image, probs)
        assert np.allclose(q, clipped / clipped.sum(axis=0), atol=1e-6)


def test_no_weights_change_nothing() -> None:
    image, probs = photograph(9, 10), distribution(5, 9, 10)
    assert np.allclose(DenseCRF(5, 0, 1, 0, 67, 3)(image, probs), probs, atol=1e-4)


def test_one_object_for_images_of_all_sizes_and_several_threads() -> None:
    """Buffers are used again; none may remember the image before or be shared by two."""
    shapes = [(30, 40, 21), (10, 90, 182), (64, 3, 2), (30, 40, 5), (1, 1, 33)] * 4
    pairs = [(photograph(h, w, i), distribution(c, h, w, i)) for i, (h, w, c) in enumerate(shapes)]
    crf = DenseCRF(*VOC, n_threads=1)
    expected = [DenseCRF(*VOC, n_threads=1)(image, probs) for image, probs in pairs]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda pair: crf(*pair), pairs))
    assert all(np.array_equal(a, b) for a, b in zip(answers, expected, strict=True))


def test_batch() -> None:
    images = [photograph(h, 20, h) for h in (10, 30, 20)]
    probs = [distribution(4, h, 20, h) for h in (10, 30, 20)]
    crf = DenseCRF(*VOC, n_threads=2)
    for image, p, q, labels in zip(
        images, probs, crf.batch(images, probs), crf.batch_labels(images, probs), strict=True
    ):
        assert np.array_equal(q, crf(image, p))
        assert np.array_equal(labels, crf.labels(image, p))
    assert crf.batch([], []) == []


def run(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env={"PATH": "", "HOME": str(Path.home()), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_imports_are_light() -> None:
    code = """
        import sys
        import deeplab.densecrf
        assert not {"numba", "torch", "pydensecrf"} & set(sys.modules)
        deeplab.densecrf.DenseCRF(10, 3, 1, 4, 67, 3, backend="numba")
        assert "torch" not in sys.modules
    """
    run(code)


@pytest.mark.slow
def test_nothing_is_read_or_written_out_of_bounds(tmp_path: Path) -> None:
    """With numba's checks compiled in, every kernel meets sizes around its blocks, tiles, chunks and borders."""
    code = """
        import numpy as np
        from deeplab.densecrf import DenseCRF
        from tests.deeplab.densecrf.samples import distribution, model_answer, photograph

        sizes = [(1, 1), (1, 130), (130, 1), (16, 16), (17, 40), (20, 33), (21, 65)]
        for n_classes in (1, 2, 21, 40, 70):
            for size in sizes:
                for std in (0.3, 0.8, 1.0, 2.5):
                    for make in (distribution, model_answer):
                        for exact in (True, False):
                            crf = DenseCRF(2, 3, std, 4, 67, 3, exact=exact, n_threads=3)
                            n_present = {} if make is distribution else {"n_present": min(6, n_classes)}
                            crf.labels(photograph(*size), make(n_classes, *size, **n_present))
                            assert crf(photograph(*size), make(n_classes, *size, **n_present)).shape[0] == n_classes
        for scale in (0.1, 1e6):
            DenseCRF(2, 3, scale, 4, scale, scale)(photograph(30, 41), distribution(3, 30, 41))
        noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
        DenseCRF(2, 3, 1, 4, 5, 1)(noise, distribution(3, 40, 40))
        print("done")
    """
    assert run(code, NUMBA_BOUNDSCHECK="1", NUMBA_CACHE_DIR=str(tmp_path)) == "done\n"


@pytest.mark.slow
def test_checks_are_compiled_in(tmp_path: Path) -> None:
    code = """
        import numpy as np
        from deeplab.densecrf.cpu.kernels.lattice import Simplices, splat_kernel

        rows, out = np.zeros(8, np.float32), np.zeros(8, np.float32)
        outside = Simplices(np.array([2], np.int32), np.ones(1, np.float32), 1)
        try:
            splat_kernel(8)(rows, outside, out, 8, 0)
        except IndexError as error:
            print(error)
    """
    assert "outside" in run(code, NUMBA_BOUNDSCHECK="1", NUMBA_CACHE_DIR=str(tmp_path))
