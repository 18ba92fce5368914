import copy

import pytest
import torch
from torch import nn

from deeplab.catalog import TORCHVISION_MODELS
from deeplab.models.batch_norm import batch_norms
from deeplab.models.build import build_model
from deeplab.models.folding import fold_batch_norm

TINY = {"n_blocks": (1, 1, 1, 1), "width": 4}


def with_statistics(model: nn.Module) -> nn.Module:
    """Batch norms that change something, which fresh ones hardly do."""
    generator = torch.Generator().manual_seed(0)
    for norm in batch_norms(model):
        for name, tensor in norm.state_dict().items():  # which shares memory with the model
            if name in ("weight", "running_var"):
                nn.init.uniform_(tensor, 0.5, 1.5, generator=generator)
            elif name in ("bias", "running_mean"):
                nn.init.normal_(tensor, generator=generator)
    return model.eval()


@pytest.mark.parametrize("name", ["DeepLabV2_ResNet50_MSC", "DeepLabV3_ResNet50", "DeepLabV3Plus_ResNet50", "ResNet50"])
def test_no_batch_norm_is_left_and_the_logits_are_equal(name: str) -> None:
    torch.manual_seed(0)
    model = with_statistics(build_model(name, 5, **TINY))  # type: ignore[arg-type] # mypy takes all values for one type
    folded = copy.deepcopy(model)
    fold_batch_norm(folded)
    assert list(batch_norms(folded)) == []
    with torch.no_grad():
        image = torch.randn(1, 3, 65, 97)
        torch.testing.assert_close(folded(image), model(image), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", TORCHVISION_MODELS)
def test_torchvisions_models_keep_their_logits(name: str) -> None:
    torch.manual_seed(0)
    model = with_statistics(build_model(name, 5))
    folded = copy.deepcopy(model)
    fold_batch_norm(folded)
    assert len(list(batch_norms(folded))) < len(list(batch_norms(model)))
    with torch.no_grad():
        image = torch.randn(1, 3, 65, 97)
        expected = model(image)
        torch.testing.assert_close(folded(image), expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))
