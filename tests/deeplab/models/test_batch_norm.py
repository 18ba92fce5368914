import pytest
import torch
from torch import nn

from deeplab.errors import ConfigError
from deeplab.models.batch_norm import batch_norms, freeze_batch_norm, synchronise_batch_norm
from deeplab.models.build import build_model


def build() -> nn.Module:
    return build_model("DeepLabV3Plus_ResNet50_MSC", 3, n_blocks=(1, 1, 1, 1), width=4)


def test_synchronised_batch_norms_stand_in_for_plain_ones() -> None:
    plain = build()
    keys, parameters = list(plain.state_dict()), list(plain.parameters())
    settings = [(each.momentum, each.eps) for each in batch_norms(plain)]

    model = synchronise_batch_norm(plain, torch.device("cuda"))  # the model itself may still be elsewhere

    assert list(model.state_dict()) == keys
    assert all(one is other for one, other in zip(model.parameters(), parameters, strict=True))
    assert [(each.momentum, each.eps) for each in batch_norms(model)] == settings
    assert all(isinstance(each, nn.SyncBatchNorm) for each in batch_norms(model))
    freeze_batch_norm(model)
    assert not any(each.training for each in batch_norms(model))


def test_a_processor_has_no_synchronised_batch_norm() -> None:
    with pytest.raises(ConfigError, match=r"on GPUs only .* set SOLVER\.FREEZE_BN=true\."):
        synchronise_batch_norm(build(), torch.device("cpu"))
