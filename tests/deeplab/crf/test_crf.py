import subprocess
import sys

import numpy as np

from deeplab.crf import DenseCRF


def test_the_public_name_refines_probabilities() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (6, 8, 3), np.uint8)
    probs = rng.dirichlet(np.ones(3), (6, 8)).transpose(2, 0, 1).astype(np.float32)
    refined = DenseCRF(2, 3.0, 1.0, 4.0, 67.0, 3.0, backend="numba")(image, probs)
    assert refined.shape == (3, 6, 8)
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined.sum(axis=0), 1, atol=1e-5)


def test_importing_it_is_light() -> None:
    code = "import sys, deeplab.crf; print(*{'torch', 'numba', 'scipy', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "\n"
