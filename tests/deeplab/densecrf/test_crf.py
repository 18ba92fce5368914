"""What the public class offers beside a call."""

import numpy as np
import pytest
import torch

from deeplab.densecrf import CrfError, CrfParameters, DenseCRF

BACKENDS = ("numba", "torch")


def build(backend: str, n_threads: int | None = None) -> DenseCRF:
    device = "cpu" if backend == "torch" else None
    return DenseCRF(3, 3.0, 1.0, 4.0, 20.0, 10.0, backend=backend, n_threads=n_threads, device=device)  # type: ignore[arg-type] # a text


@pytest.fixture
def pairs() -> tuple[list[np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (12, 17, 3), np.uint8) for _ in range(2)]
    probs = [rng.dirichlet(np.ones(4), (12, 17)).transpose(2, 0, 1).astype(np.float32) for _ in range(2)]
    return images, probs


@pytest.mark.parametrize("backend", BACKENDS)
def test_other_parameters_in_the_same_memory(backend: str, pairs: tuple[list[np.ndarray], list[np.ndarray]]) -> None:
    image, probs = pairs[0][0], np.ascontiguousarray(pairs[1][0])
    first = build(backend)
    before = first(image, probs)
    other = first.with_parameters(CrfParameters(5, 1.0, 2.0, 9.0, 30.0, 20.0))
    device = "cpu" if backend == "torch" else None
    fresh = DenseCRF(5, 1.0, 2.0, 9.0, 30.0, 20.0, backend=backend, device=device)  # type: ignore[arg-type] # a text
    assert np.array_equal(other(image, probs), fresh(image, probs))
    assert (other.parameters.bi_w, first.parameters.bi_w) == (9.0, 4.0)
    assert np.array_equal(first(image, probs), before)


def test_tensors_stay_on_the_device_of_the_torch_backend(pairs: tuple[list[np.ndarray], list[np.ndarray]]) -> None:
    images, probs = (torch.from_numpy(np.stack(part)) for part in pairs)
    q = build("torch").infer(images, probs)
    assert q.shape == (2, 4, 12, 17)
    for part, expected in zip(q, build("torch").batch(*pairs), strict=True):
        np.testing.assert_allclose(part.numpy(), expected, atol=1e-6)
    with pytest.raises(CrfError, match="The numba backend takes arrays, not tensors"):
        build("numba").infer(images, probs)


def test_as_many_images_at_once_as_there_are_cores_and_memory_for() -> None:
    assert build("numba", n_threads=3).images_at_once(100 * 100, 21) == 3
    assert build("numba", n_threads=3).images_at_once(2**26, 2000) == 1
    assert build("torch").images_at_once(100 * 100, 21) == 1  # on a CPU
