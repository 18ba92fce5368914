import logging

import pytest
import torch

from deeplab.densecrf import CrfError, DenseCRF
from tests.deeplab.densecrf.cpu.test_engine import run
from tests.deeplab.densecrf.samples import VOC

no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")


@no_cuda
def test_auto_is_numba_without_a_gpu() -> None:
    assert DenseCRF(*VOC).backend == "numba"
    assert DenseCRF(*VOC, device="cpu").backend == "numba"


@no_cuda
def test_auto_says_that_the_gpu_it_was_asked_for_is_not_there(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert DenseCRF(*VOC, device="cuda").backend == "numba"
    assert caplog.messages == ["CUDA is not available, so the CRF runs on the CPU."]


@no_cuda
def test_torch_refuses_a_gpu_that_is_not_there() -> None:
    assert DenseCRF(*VOC, backend="torch").backend == "torch"
    with pytest.raises(CrfError, match="torch finds no CUDA device"):
        DenseCRF(*VOC, backend="torch", device="cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there")
def test_auto_is_torch_on_a_gpu() -> None:
    assert DenseCRF(*VOC).backend == "torch"
    assert DenseCRF(*VOC, device="cpu").backend == "numba"


def test_engines_for_cpus_refuse_other_devices() -> None:
    with pytest.raises(CrfError, match="The numba backend runs on the CPU only, not on 'cuda'"):
        DenseCRF(*VOC, backend="numba", device="cuda")


@pytest.mark.parametrize(
    ("backend", "sentence"),
    [
        ("pydensecrf", "The pydensecrf backend is not installed; install 'deeplab-platform[pydensecrf]'."),
        ("numba", "The numba backend cannot be loaded (numba); install 'numba'."),
    ],
)
def test_a_library_that_is_not_installed(backend: str, sentence: str) -> None:
    code = f"""
        import importlib.abc, sys

        class Absent(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path, target=None):
                if name.partition(".")[0] == {backend!r}:
                    raise ModuleNotFoundError(name)

        sys.meta_path.insert(0, Absent())
        from deeplab.densecrf import CrfError, DenseCRF
        try:
            DenseCRF(*{VOC!r}, backend={backend!r})
        except CrfError as error:
            print(error)
    """
    assert run(code) == f"{sentence}\n"
