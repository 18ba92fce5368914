import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from deeplab.models.build import build_model
from deeplab.models.runtime import prepare_inference
from deeplab.schema import Runtime

CPU = torch.device("cpu")


def build() -> nn.Module:
    torch.manual_seed(0)
    return build_model("DeepLabV2_ResNet50_MSC", 4, n_blocks=(1, 1, 1, 1), width=4, atrous_rates=(1, 2))


def images(*sizes: tuple[int, int]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(1, 3, *size, generator=generator) for size in sizes]


def test_the_copy_is_in_the_wanted_form() -> None:
    model = build()
    prepared = prepare_inference(model, Runtime(PRECISION="bf16"), CPU)
    for parameter in prepared.parameters():
        assert parameter.dtype == torch.bfloat16
        assert not parameter.requires_grad
        assert parameter.ndim < 4 or parameter.is_contiguous(memory_format=torch.channels_last)
    assert not prepared.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.compiler
@pytest.mark.slow
def test_compiled_models_give_the_same_for_images_of_any_size() -> None:
    model = build().eval()
    prepared = prepare_inference(model, Runtime(COMPILE=True), CPU)
    assert not any("_orig_mod" in key for key in prepared.state_dict())
    with torch.inference_mode():
        for image in images((33, 49), (65, 97)):  # at three scales each; a third remainder by 4 would be compiled anew
            torch.testing.assert_close(prepared(image), model(image), rtol=1e-4, atol=1e-5)


def test_without_a_compiler_it_says_so(tmp_path: Path) -> None:
    """In a process of its own: PyTorch remembers for the rest of one which compilers do not work."""
    script = (
        "import torch; from deeplab.models.runtime import compile_model;"
        "compile_model(torch.nn.Linear(1, 1), torch.device('cpu'))"
    )
    environment = {**os.environ, "CXX": "no-such-compiler", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    last = ended.stderr.splitlines()[-1]
    assert re.search(r"DeepLabError: RUNTIME\.COMPILE: .* needs a C\+\+ compiler, .* \(InvalidCxxCompiler", last)
